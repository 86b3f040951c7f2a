package target

import (
	"fmt"
	"strings"

	"bascule/config/pgname"
)

// deleteRow deletes one row by its old values.
func (t *Table) deleteRow(checked bool) *statement {
	of := &t.statements.rows[variant(checked)]
	if of.delete == nil {
		a := assembly{t: t}
		a.WriteString("delete from " + t.only + " t where " + a.isRow())
		of.delete = a.row(checked)
	}
	return of.delete
}

// row ends a statement for one row.
func (a *assembly) row(checked bool) *statement {
	st := a.statement()
	if checked {
		st.sql = check(st.sql+" returning 1", "1")
	}
	return st
}

// rows ends a statement over an array, whose length is the second parameter.
func (t *Table) rows(sql, returning string, array uint32) *statement {
	st := &statement{sql: sql, params: []uint32{array}}
	if !t.nothing {
		st.sql, st.params = check(sql+returning, "$2"), append(st.params, int8Type)
	}
	return st
}

const int8Type = 20

// deleteRows deletes rows by an array of their keys, where the key is one column,
// else by an array of rows that have the key columns alone.
func (t *Table) deleteRows() *statement {
	if t.statements.deletes == nil {
		sql, array := fmt.Sprintf("delete from %s t using pg_catalog.unnest($1) u where %s", t.only, t.joined()), t.shape.Array
		if c := t.singleKey(); c != nil {
			sql, array = fmt.Sprintf("delete from %s t where t.%s = any ($1)", t.only, c.name), c.array
		}
		t.statements.deletes = t.rows(sql, " returning 1", array)
	}
	return t.statements.deletes
}

// singleKey returns the key column if there is just one and arrays of it exist and
// are compared with it as they are.
func (t *Table) singleKey() *column {
	if keys := t.keys(); len(keys) == 1 && t.columns[keys[0]].array != 0 && t.columns[keys[0]].cast == "" {
		return &t.columns[keys[0]]
	}
	return nil
}

// joined is the condition by which rows of an array u are found in t.
func (t *Table) joined() string {
	var list []string
	for _, k := range t.keys() {
		c := &t.columns[k]
		list = append(list, c.is("t", "u."+c.name))
	}
	return strings.Join(list, " and ")
}

// updateRows writes the columns of set from an array of rows. Where there is nothing
// to write, the rows are looked for all the same.
func (t *Table) updateRows(set []byte) *statement {
	if st := t.statements.updates[string(set)]; st != nil {
		return st
	}
	var list []string
	for i, on := range set {
		if on == written {
			list = append(list, fmt.Sprintf("%s = u.%[1]s", t.columns[i].name))
		}
	}
	sql, returning := fmt.Sprintf("update %s t set %s from pg_catalog.unnest($1) u where %s", t.only, strings.Join(list, ", "), t.joined()), " returning 1"
	if len(list) == 0 {
		sql, returning = fmt.Sprintf("select from pg_catalog.unnest($1) u, %s t where %s", t.only, t.joined()), ""
	}
	st := t.rows(sql, returning, t.shape.Array)
	remember(&t.statements.updates, set, st)
	return st
}

// Marks of a set of columns.
const (
	kept    = 0
	written = 1
)

// updateRow writes the columns of set of one row, found by its old values.
func (t *Table) updateRow(set []byte, checked bool) *statement {
	of := &t.statements.rows[variant(checked)]
	if st := of.update[string(set)]; st != nil {
		return st
	}
	a := assembly{t: t}
	var list []string
	for i, on := range set {
		if on == written {
			list = append(list, t.columns[i].name+" = "+a.param(i, false))
		}
	}
	var st *statement
	if len(list) > 0 {
		a.WriteString("update " + t.only + " t set " + strings.Join(list, ", ") + " where " + a.isRow())
		st = a.row(checked)
	} else {
		a.WriteString("select from " + t.only + " t where " + a.isRow())
		if st = a.statement(); checked {
			st.sql = check(st.sql, "1")
		}
	}
	remember(&of.update, set, st)
	return st
}

// moveRow does what updateRow does to identity columns that an UPDATE may not set: the
// row is deleted and written anew, in one statement, with what the set leaves out
// taken from it.
func (t *Table) moveRow(set []byte, checked bool) *statement {
	of := &t.statements.rows[variant(checked)]
	if st := of.moves[string(set)]; st != nil {
		return st
	}
	a := assembly{t: t}
	from := make(map[string]string)
	for i, on := range set {
		if on == written {
			from[t.columns[i].name] = a.param(i, false)
		}
	}
	var names, values []string
	for _, attr := range t.shape.Columns {
		if attr.Generated {
			continue
		}
		name := pgname.Quote(attr.Name)
		value, given := from[name]
		if !given {
			value = "o." + name
		}
		names, values = append(names, name), append(values, value)
	}
	move := "insert into " + t.name + " (" + strings.Join(names, ", ") + ") overriding system value select " + strings.Join(values, ", ") + " from o"
	a.WriteString("with o as (delete from " + t.only + " t where " + a.isRow() + " returning t.*)")
	if checked {
		a.WriteString(", n as (" + move + " returning 1) select 1 / (pg_catalog.count(*) = 1)::pg_catalog.int4 from n")
	} else {
		a.WriteString(" " + move)
	}
	st := a.statement()
	remember(&of.moves, set, st)
	return st
}

func remember(in *map[string]*statement, set []byte, st *statement) {
	if *in == nil {
		*in = make(map[string]*statement)
	}
	(*in)[string(set)] = st
}

// is compares the column of a table with a value.
func (c *column) is(table, value string) string {
	return table + "." + c.name + c.cast + " " + c.equal + " " + value + c.cast
}

// isRow is the condition that finds one row of t by its old values.
func (a *assembly) isRow() string {
	t := a.t
	if t.lastKey < 0 {
		return a.isSame()
	}
	var list []string
	for _, k := range t.keys() {
		list = append(list, t.columns[k].is("t", a.param(k, true)))
	}
	return strings.Join(list, " and ")
}

// isSame finds one row, of those that may be alike, by all its values. Equal is not
// the same for many types (1.0 and 1.00, a month and 30 days), and some have no
// equality at all (json, xml, point): those are compared as text. What = may use an
// index for is compared by = too.
func (a *assembly) isSame() string {
	t := a.t
	var list []string
	for _, i := range t.sent() {
		c, value := t.columns[i], a.param(i, true)
		switch {
		case c.indexable:
			list = append(list, c.is("o", value))
		case c.exact:
			list = append(list, "o."+c.name+" is not distinct from "+value)
		}
		if !c.exact {
			list = append(list, fmt.Sprintf("o.%s::pg_catalog.text is not distinct from %s::pg_catalog.text", c.name, value))
		}
	}
	if len(list) == 0 {
		list = append(list, "true")
	}
	place := "t.ctid = (select o.ctid from %s o where %s limit 1)"
	if t.shape.Partitioned {
		place = "(t.tableoid, t.ctid) = (select o.tableoid, o.ctid from %s o where %s limit 1)"
	}
	return fmt.Sprintf(place, t.only, strings.Join(list, " and "))
}
