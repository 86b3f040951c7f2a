package archive

import "strings"

// Identity is a key of the entry that is the same in every dump of the database
// by the same pg_dump, and that no other entry of a dump has.
//
// It is the kind, the schema and the tag. Where these do not tell two objects
// apart it goes on with what does: operators, whose tag has no operand types, and
// tags that join two unquoted names, with the DROP statement; default privileges
// with the role that they are of.
func (e Entry) Identity() string {
	id := e.Desc + " "
	if e.Schema != "" {
		id += e.Schema + "."
	}
	id += e.Tag
	switch e.Desc {
	case "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY":
		return id + " " + strings.TrimRight(e.Drop, ";\n")
	case "DEFAULT ACL":
		return id + " " + e.Owner
	case "TRIGGER", "RULE", "POLICY", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "DEFAULT":
		if strings.Count(e.Tag, " ") > 1 {
			return id + " " + strings.TrimRight(e.Drop, ";\n")
		}
	}
	return id
}
