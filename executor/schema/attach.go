package schema

import (
	"slices"
	"strings"
)

// AttachLate makes these tables, which come to parents that stand already, partitions
// of theirs only when their own indexes and keys are built: as a partition of a table
// with indexes one is given them by the server, and could not be given them again.
func (c *Choice) AttachLate(tables []uint32) {
	for id, e := range c.byID {
		if e.Class == classRelation && slices.Contains(tables, e.OID) {
			c.attachLate(id)
		}
	}
}

// attachLate does it for the table with this dump id.
func (c *Choice) attachLate(table int) {
	e := c.byID[table]
	i := slices.IndexFunc(c.Pre, func(it *Item) bool {
		return it.Desc == "TABLE ATTACH" && it.Schema == e.Schema && it.Tag == e.Tag
	})
	if i < 0 {
		return
	}
	attach := c.Pre[i]
	c.Pre = slices.Delete(c.Pre, i, i+1)
	attach.Dependencies = slices.Clone(attach.Dependencies)
	attach.Object.Section = "post"
	first := func(it *Item) { // it is made before
		attach.Dependencies = append(attach.Dependencies, it.DumpID)
		it.Dependencies = slices.DeleteFunc(slices.Clone(it.Dependencies), func(id int) bool { return id == attach.DumpID })
	}
	built, names := map[int]bool{}, map[string]bool{} // on the table, by dump id and by index
	for _, it := range c.Post {
		if slices.Contains(it.Dependencies, table) && (it.Desc == "INDEX" || it.Desc == "CONSTRAINT") {
			built[it.DumpID], names[strings.TrimPrefix(it.Tag, e.Tag+" ")] = true, true
			first(it)
		}
	}
	for _, it := range c.Post {
		own := it.Desc == "INDEX ATTACH" && it.Schema == e.Schema && names[it.Tag]
		below := slices.ContainsFunc(it.Dependencies, func(id int) bool { return built[id] })
		switch {
		case it.Desc == "INDEX ATTACH" && below && !own:
			first(it) // an index of a partition of its own, without which that of the table is not valid
		case own, it.Desc == "TRIGGER" && slices.Contains(it.Dependencies, table): // it may alter one that comes with the parent
			it.Dependencies = append(slices.Clone(it.Dependencies), attach.DumpID)
		}
	}
	c.Post = append(c.Post, attach)
}
