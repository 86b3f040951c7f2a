package config

import "github.com/hashicorp/hcl/v2"

// unbuilt are the parts of the language that are known, checked, and refused:
// what they are, and what to do. A part that gets built leaves this table and
// nothing else.
var unbuilt = map[string]string{
	"backend.postgres": "State in a database is not built yet. Use backend \"local\".",
	"mirror.cutover":   "The cutover is not built yet. Take the block out.",
}

// notBuilt refuses a part of the language, if it is still in the table.
func (l *loader) notBuilt(part string, at hcl.Range) {
	if why, ok := unbuilt[part]; ok {
		l.errorAt(at, "Not built yet", "%s", why)
	}
}
