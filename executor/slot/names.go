package slot

import (
	"regexp"

	"bascule/planner"
)

// Prefix begins the name of everything that is made on a source.
const Prefix = "bascule_"

// marked is a name with a lineage in it: bascule_<mirror>_<lineage>, with an i for
// inserts, a word for what is temporary, and a hash where a name was not plain.
var marked = regexp.MustCompile(`^(bascule_.+_([0-9a-f]{8}))i?(_[a-z]+)?(__[0-9a-f]{10})?$`)

// Named reports whether a name is one that we give: with our prefix, and a lineage.
func Named(name string) bool { return marked.MatchString(name) }

// Lineage returns the first 8 hex digits of the lineage that a name carries, or "".
func Lineage(name string) string {
	if m := marked.FindStringSubmatch(name); m != nil {
		return m[2]
	}
	return ""
}

// Whose returns which of the mirrors, given by address, a name of this lineage was
// made for; "" for none of them, whoever else it may be of.
func Whose(name, lineage string, addresses []string) string {
	if Lineage(name) != lineage[:min(8, len(lineage))] {
		return ""
	}
	for _, address := range addresses {
		slot, publication, inserts := planner.StreamNames(lineage, address)
		if name == slot || name == publication || name == inserts {
			return address
		}
	}
	parts := marked.FindStringSubmatch(name)
	if parts[3] == "" {
		return ""
	}
	for _, address := range addresses { // temporary: the name of the mirror's slot, with a word behind it
		slot, _, _ := planner.StreamNames(lineage, address)
		if of := marked.FindStringSubmatch(slot); of != nil && of[1] == parts[1] {
			return address
		}
	}
	return ""
}
