package schema

import "slices"

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
	built := map[int]bool{} // what must stand on the table before
	for _, it := range c.Post {
		switch {
		case !slices.Contains(it.Dependencies, table):
		case it.Desc == "INDEX", it.Desc == "CONSTRAINT":
			built[it.DumpID] = true
			attach.Dependencies = append(attach.Dependencies, it.DumpID)
		case it.Desc == "TRIGGER": // it may alter one that comes with the parent
			it.Dependencies = append(slices.Clone(it.Dependencies), attach.DumpID)
		}
	}
	for _, it := range c.Post {
		of := slices.ContainsFunc(it.Dependencies, func(id int) bool { return built[id] })
		switch {
		case it.Desc != "INDEX ATTACH" || !of:
		case c.joins(it, attach):
			it.Dependencies = append(slices.Clone(it.Dependencies), attach.DumpID)
		default: // an index of a partition of its own
			attach.Dependencies = append(attach.Dependencies, it.DumpID)
		}
	}
	c.Post = append(c.Post, attach)
}

// joins reports whether an index is attached to one of the table that attach attaches
// to.
func (c *Choice) joins(it, attach *Item) bool {
	return slices.ContainsFunc(it.Dependencies, func(id int) bool {
		index := c.byID[id]
		return index != nil && slices.ContainsFunc(index.Dependencies, func(on int) bool {
			t := c.byID[on]
			return t != nil && t.Class == classRelation && slices.Contains(attach.Entry.Dependencies, on) && (t.Schema != attach.Schema || t.Tag != attach.Tag)
		})
	})
}
