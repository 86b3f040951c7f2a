package target

import (
	"fmt"
	"strings"

	"bascule/config/pgname"
)

// statement is prepared on the server when it is first used.
type statement struct {
	sql    string
	params []uint32 // types

	// args says for each parameter of a single row where its value is.
	args []arg

	name   string
	parsed bool
}

// arg is a column's value, of the new row or the old one.
type arg struct {
	column int
	old    bool
}

// statements of a table, each made when it is first needed. Those of an UPDATE are by
// the set of columns that they write.
type statements struct {
	copy, insert, deletes *statement
	updates               map[string]*statement
	rows                  [2]rowStatements // unchecked, and checked
}

// rowStatements are for one row each.
type rowStatements struct {
	delete        *statement
	update, moves map[string]*statement
}

// Statements that change rows are sent with the commit behind them, before their
// answers are seen. So they check themselves that they have found all rows: where they
// have not, they fail with uncounted (division_by_zero), and the commit with them.
// That is not for tables where a trigger or a rule may rightly prevent a change. Nor is
// it for Careful, which looks at each answer before it commits.
const uncounted = "22012"

// check wraps a statement that returns a row for each that it has touched.
func check(sql, rows string) string {
	return "with w as (" + sql + ") select 1 / (pg_catalog.count(*) = " + rows + ")::pg_catalog.int4 from w"
}

func variant(check bool) int {
	if check {
		return 1
	}
	return 0
}

// assembly puts a statement together.
type assembly struct {
	t *Table
	strings.Builder
	params []uint32
	args   []arg
}

// param adds a parameter for a column's value and returns how to name it.
func (a *assembly) param(i int, old bool) string {
	a.params = append(a.params, a.t.columns[i].typ)
	a.args = append(a.args, arg{i, old})
	return fmt.Sprintf("$%d", len(a.params))
}

func (a *assembly) statement() *statement {
	return &statement{sql: a.String(), params: a.params, args: a.args}
}

// sent lists the columns that are written.
func (t *Table) sent() []int {
	var list []int
	for i, c := range t.columns {
		if c.sent {
			list = append(list, i)
		}
	}
	return list
}

func (t *Table) names(columns []int) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = t.columns[c].name
	}
	return strings.Join(list, ", ")
}

// copyIn copies rows from the client. A COPY writes values of identity columns too.
func (t *Table) copyIn() *statement {
	if t.statements.copy == nil {
		sql := fmt.Sprintf("copy %s (%s) from stdin", t.name, t.names(t.sent()))
		if t.binary {
			sql += " (format binary)"
		}
		t.statements.copy = &statement{sql: sql}
	}
	return t.statements.copy
}

// insertRow inserts one row.
func (t *Table) insertRow() *statement {
	if t.statements.insert != nil {
		return t.statements.insert
	}
	a := assembly{t: t}
	sent := t.sent()
	if len(sent) == 0 {
		a.WriteString("insert into " + t.name + " default values")
	} else {
		values := make([]string, len(sent))
		for i, c := range sent {
			values[i] = a.param(c, false)
		}
		fmt.Fprintf(&a, "insert into %s (%s) overriding system value values (%s)", t.name, t.names(sent), strings.Join(values, ", "))
	}
	t.statements.insert = a.statement()
	return t.statements.insert
}

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
