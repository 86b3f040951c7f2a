package target

import (
	"fmt"
	"strings"
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
