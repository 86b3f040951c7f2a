package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/schema/archive"
	"bascule/planner"
	"bascule/planner/catalog"
)

// Item is one archive entry that is carried.
type Item struct {
	archive.Entry

	// SQL makes the object: its definition, with the settings that it is made under,
	// and its owner.
	SQL string

	// Object is its record in the ledger.
	Object ledger.Object
}

// Name is the item's kind and name, for people.
func (it *Item) Name() string {
	if it.Schema != "" {
		return strings.ToLower(it.Desc) + " " + it.Schema + "." + it.Tag
	}
	return strings.ToLower(it.Desc) + " " + it.Tag
}

// Choice is the archive's entries that are carried, sorted.
type Choice struct {
	Pre, Post, Last []*Item

	byID map[int]*archive.Entry
}

// Calls reports whether making the item evaluates functions of the database, which
// may read any table.
func (c *Choice) Calls(it *Item) bool {
	if it.Desc != "INDEX" && it.Desc != "CONSTRAINT" {
		return false
	}
	return slices.ContainsFunc(it.Dependencies, func(id int) bool { return c.byID[id] != nil && c.byID[id].Desc == "FUNCTION" })
}

// Narrow leaves of the choice only these tables, by oid on the source, what belongs
// to them, and what all of that needs.
func (c *Choice) Narrow(tables []uint32) {
	wanted := c.own(tables)
	all := slices.Concat(c.Pre, c.Post, c.Last)
	for changed := true; changed; {
		changed = false
		for _, it := range all {
			for _, id := range it.Dependencies {
				if wanted[it.DumpID] && !wanted[id] {
					wanted[id], changed = true, true
				}
			}
		}
	}
	for _, list := range []*[]*Item{&c.Pre, &c.Post, &c.Last} {
		*list = slices.DeleteFunc(*list, func(it *Item) bool { return !wanted[it.DumpID] })
	}
}

// Own are the entries of these tables, and of what belongs to them.
func (c *Choice) Own(tables []uint32) []*Item {
	wanted := c.own(tables)
	return slices.DeleteFunc(slices.Concat(c.Pre, c.Post, c.Last), func(it *Item) bool { return !wanted[it.DumpID] })
}

// own are the dump ids of these tables, and of what belongs to them.
func (c *Choice) own(tables []uint32) map[int]bool {
	wanted := map[int]bool{}
	for id, e := range c.byID {
		wanted[id] = e.Class == classRelation && slices.Contains(tables, e.OID)
	}
	all := slices.Concat(c.Pre, c.Post, c.Last)
	for changed := true; changed; {
		changed = false
		for _, it := range all {
			own := slices.Contains(ownParts, it.Desc) && slices.ContainsFunc(it.Dependencies, func(id int) bool { return wanted[id] })
			if own && !wanted[it.DumpID] {
				wanted[it.DumpID], changed = true, true
			}
		}
	}
	return wanted
}

// ownParts are kinds of entry that belong to the table that they depend on.
var ownParts = []string{"SEQUENCE", "SEQUENCE OWNED BY", "DEFAULT", "TABLE ATTACH", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT",
	"INDEX", "INDEX ATTACH", "STATISTICS", "TRIGGER", "RULE", "POLICY", "ROW SECURITY", "COMMENT", "ACL", "SECURITY LABEL"}

const classRelation = 1259

// never are kinds of entry that are not objects of the database, or belong to
// replication.
var never = []string{"DATABASE", "DATABASE PROPERTIES", "ENCODING", "STDSTRINGS", "SEARCHPATH", "TABLE DATA", "SEQUENCE SET",
	"BLOB", "BLOBS", "BLOB METADATA", "PUBLICATION", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA", "SUBSCRIPTION",
	"SUBSCRIPTION TABLE", "MATERIALIZED VIEW DATA", "STATISTICS DATA"}

// Choose selects from the archive what the mirror carries.
//
// What the plan leaves out is left out with everything that the archive says
// depends on it. Present tells which schemas and extensions the target has already;
// they are not created again.
func Choose(a *archive.Archive, m *planner.Mirror, present func(e *archive.Entry) bool) *Choice {
	c := &Choice{byID: map[int]*archive.Entry{}}
	out := leftOut(a, m)
	dropped := map[[2]string][]string{}
	for _, t := range m.Tables {
		if len(t.Dropped) > 0 {
			dropped[[2]string{t.Schema, t.Name}] = t.Dropped
		}
	}
	for i := range a.Entries {
		c.byID[a.Entries[i].DumpID] = &a.Entries[i]
	}
	for i := range a.Entries {
		e := &a.Entries[i]
		if out[e.DumpID] || skipped(e, m.Options) || present(e) {
			continue
		}
		it := &Item{Entry: *e, SQL: sql(e, m.Options, dropped[[2]string{e.Schema, e.Tag}])}
		sum := sha256.Sum256([]byte(it.SQL))
		it.Object = ledger.Object{Key: e.Identity(), Section: "pre", Checksum: hex.EncodeToString(sum[:16]), Drop: dropOf(e)}
		switch c.section(e) {
		case last:
			it.Object.Section = "post"
			c.Last = append(c.Last, it)
		case post:
			it.Object.Section = "post"
			c.Post = append(c.Post, it)
		default:
			c.Pre = append(c.Pre, it)
		}
	}
	return c
}

// dropOf undoes an entry. The archive has no DROP for a partition's index that is
// attached to its parent's, and that may be there before it is attached.
func dropOf(e *archive.Entry) string {
	if e.Desc == "INDEX" && e.Drop == "" {
		return "drop index " + pgname.Qualified(e.Schema, e.Tag)
	}
	return e.Drop
}

// leftOut returns the dump ids that are not carried.
func leftOut(a *archive.Archive, m *planner.Mirror) map[int]bool {
	type object struct{ class, oid uint32 }
	planned := map[object]bool{}
	for _, l := range m.LeftOut {
		planned[object{l.Class, l.OID}] = true
	}
	out := map[int]bool{}
	for _, e := range a.Entries {
		if slices.Contains(never, e.Desc) || e.OID != 0 && planned[object{e.Class, e.OID}] || ofLog(&e) {
			out[e.DumpID] = true
		}
	}
	for changed := true; changed; {
		changed = false
		for _, e := range a.Entries {
			if !out[e.DumpID] && slices.ContainsFunc(e.Dependencies, func(id int) bool { return out[id] }) {
				out[e.DumpID], changed = true, true
			}
		}
	}
	return out
}

// ofLog reports whether an entry is of a log of DDL, which no plan sees. Its event
// triggers go with the functions that they call.
func ofLog(e *archive.Entry) bool {
	return logNames.MatchString(e.Schema) || e.Desc == "SCHEMA" && logNames.MatchString(e.Tag)
}

var logNames = regexp.MustCompile(catalog.LogPattern)

func skipped(e *archive.Entry, o planner.Options) bool {
	switch e.Desc {
	case "ACL", "DEFAULT ACL":
		return !o.Privileges
	case "COMMENT":
		return o.SkipComments || strings.HasPrefix(e.Tag, "DATABASE ")
	case "SECURITY LABEL":
		return strings.HasPrefix(e.Tag, "DATABASE ")
	}
	return false
}

type section int

const (
	pre section = iota
	post
	last
)

// section says when an entry's turn is. A remark comes with what it is said of.
func (c *Choice) section(e *archive.Entry) section {
	switch {
	case e.Desc == "ACL", e.Desc == "DEFAULT ACL", e.Desc == "EVENT TRIGGER":
		return last
	case e.Desc == "ROW SECURITY": // it would hide rows from the look that validates a foreign key
		return last
	case e.Section == archive.PostData:
		return post
	case e.Section != archive.None:
		return pre
	}
	s := pre
	for _, id := range e.Dependencies {
		if on := c.byID[id]; on != nil && on.Section != archive.None {
			s = max(s, c.section(on))
		}
	}
	return s
}

// sql is the definition under the settings that it needs, and the owner.
func sql(e *archive.Entry, o planner.Options, dropped []string) string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(e.Definition))
	if len(dropped) > 0 && e.Desc == "TABLE" {
		b.WriteString("\nalter table " + pgname.Qualified(e.Schema, e.Tag))
		for i, column := range dropped {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(" drop column if exists " + pgname.Quote(column))
		}
		b.WriteByte(';')
	}
	if owner, ok := e.OwnerSQL(); ok && o.Owners {
		b.WriteString("\n" + owner)
	}
	return InTablespace(*e, o, b.String())
}

// InTablespace is SQL that makes an entry's object where it belongs: in the
// tablespace that its own is mapped to, with its access method.
func InTablespace(e archive.Entry, o planner.Options, sql string) string {
	var before, after string
	if to, mapped := o.Tablespaces[e.Tablespace]; mapped && e.Tablespace != "" {
		before, after = "set default_tablespace = "+pgname.Quote(to)+";\n", ";\nset default_tablespace = ''"
	}
	if e.AccessMethod != "" && e.AccessMethod != "heap" {
		before += "set default_table_access_method = " + pgname.Quote(e.AccessMethod) + ";\n"
		after += ";\nset default_table_access_method = heap"
	}
	if before == "" {
		return sql
	}
	return before + strings.TrimRight(sql, "; \n") + after
}
