package config

import "github.com/hashicorp/hcl/v2"

// unbuilt are the parts of the language that are known, checked, and refused:
// what they are, and what to do. A part that gets built leaves this table and
// nothing else.
var unbuilt = map[string]string{
	"backend.postgres":       "State in a database is not built yet. Use backend \"local\".",
	"ddl":                    "ddl blocks are not built yet. Run the statement on both databases yourself, and take the block out.",
	"peer.from_server":       "from_server belongs to engines that are not built yet. Take the block out.",
	"mirror.continuous":      "Continuous mirrors are not built yet, and continuous is true by default. Set continuous = false to copy once.",
	"mirror.cutover":         "The cutover is not built yet. Take the block out.",
	"mirror.engine":          "This engine is not built yet. The only one is \"stream\".",
	"mirror.paused":          "Pausing a mirror is not built yet. Take the attribute out.",
	"mirror.stream":          "Streaming is not built yet. Take the block out.",
	"table.replica_identity": "Changing a table's replica identity is not built yet; a mirror that copies once needs none. Take the attribute out.",
}

// notBuilt refuses a part of the language, if it is still in the table.
func (l *loader) notBuilt(part string, at hcl.Range) {
	if why, ok := unbuilt[part]; ok {
		l.errorAt(at, "Not built yet", "%s", why)
	}
}
