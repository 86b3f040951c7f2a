package stream_test

import (
	"strings"
	"testing"
)

// A column that came after the first copy is known by its number, as those are that were
// there: dropped while another of its type is added, it was not renamed. And what is
// printed has another name each time, for the block of the time before is in the
// configuration still.
func TestShapeChangesAgain(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table public.a (id int primary key, v int)")
	labels := map[string]bool{}
	for _, step := range []struct{ sql, row, text string }{
		{"alter table a add column w int", "insert into a values (1, 1, 1)", "column w integer was added"},
		{"alter table a rename column w to x", "insert into a values (2, 2, 2)", "column w was renamed to x"},
		{"alter table a drop column x; alter table a add column y int", "insert into a values (3, 3, 3)", "column x was dropped; column y integer was added"},
		{"alter table a drop column y", "insert into a values (4, 4)", "column y was dropped"},
		{"alter table a add column y int", "insert into a values (5, 5, 5)", "column y integer was added"},
	} {
		run := r.run()
		run.catchUp()
		r.source.Exec(t, step.sql)
		r.source.Exec(t, step.row)
		h := run.halted().Halt
		if !strings.HasSuffix(h.Text, ": "+step.text) {
			t.Fatalf("%s: %s", step.sql, h.Text)
		}
		label, command := blockOf(t, h.Remedy)
		if labels[label] {
			t.Errorf("%s: a block was named %s before", step.sql, label)
		}
		labels[label] = true
		r.target.Exec(t, "set search_path = ''; "+command)
	}
	run := r.run()
	run.catchUp()
	r.equal()
}
