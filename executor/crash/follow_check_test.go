package crash_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bascule/executor/verify"
)

// checkEqual demands that all tables of the mirror are equal, row by row. Nobody
// writes.
func (w *world) checkEqual(t *testing.T) {
	t.Helper()
	for _, d := range w.differences(t) {
		t.Errorf("differs: %s", d)
	}
	if got := w.source.Query1(t, "select sum(balance) from account"); got != "1000000" {
		t.Errorf("the load itself is wrong: the source's accounts hold %s", got)
	}
}

// differences compares the rows of all tables that are in the mirror.
func (w *world) differences(t *testing.T) []string {
	t.Helper()
	var opts verify.Options
	opts.Only = true
	for line := range strings.SplitSeq(w.source.Query(t, mirrored), "\n") {
		if !w.isLate(line) {
			opts.Tables = append(opts.Tables, verify.Table{Schema: "public", Name: line})
		}
	}
	report, err := verify.Compare(t.Context(), w.source.Conn(t), w.target.Conn(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, d := range report.Differences {
		if d.Kind != "sequence value" { // the stream carries rows
			list = append(list, d.String())
		}
	}
	if report.Tables == 0 {
		t.Fatal("nothing was compared")
	}
	t.Logf("compared %d tables, %d rows: %d differences", report.Tables, report.Rows, len(list))
	return list
}

func (w *world) isLate(table string) bool {
	return slices.ContainsFunc(w.late, func(n int) bool { return table == fmt.Sprintf("late_%d", n) })
}

// checkSlots demands that the source has the mirror's slot and no other.
func (w *world) checkSlots(t *testing.T) {
	t.Helper()
	w.source.Eventually(t, "select count(*) || ' ' || count(*) filter (where temporary) from pg_replication_slots", "1 0")
	if got := w.target.Query(t, "select name from bascule.position where name <> ''"); got != "" {
		t.Errorf("the position of %q is left", got)
	}
	if got := w.target.Query(t, "select name, state from bascule.member where state <> 'streaming' order by 1"); got != "" {
		t.Errorf("not all tables are followed:\n%s", got)
	}
	if got := w.target.Query1(t, "select halt from bascule.stream"); got != "" {
		t.Errorf("halted: %s", got)
	}
}

// planned demands the code that a plan ends with: 0 is nothing to do, 2 something.
func (w *world) planned(t *testing.T, moment string, want int) {
	t.Helper()
	p := w.here.start(t, "plan", "-detailed-exitcode")
	if p.wait(t); p.code() != want {
		t.Errorf("%s: a plan ended with %d, want %d:\n%s", moment, p.code(), want, p.output())
	}
}

// checkDestroyed removes the mirror, and demands that the source is as before.
func (w *world) checkDestroyed(t *testing.T) {
	t.Helper()
	p := w.here.start(t, "destroy", "-auto-approve")
	p.wait(t)
	if p.code() != 0 {
		t.Fatalf("destroy ended with %d:\n%s", p.code(), p.output())
	}
	if after := w.source.Query(t, sourceCatalogue); after != w.before {
		t.Errorf("the source's catalogue was\n%s\nand is\n%s", w.before, after)
	}
	if got := w.target.Query1(t, "select count(*) from pg_namespace where nspname = 'bascule'"); got != "0" {
		t.Error("the ledger is still there")
	}
	w.source.Eventually(t, ourSessions, "")
	w.target.Eventually(t, ourSessions, "")
}

const mirrored = `
	select relname
	from pg_catalog.pg_class
	where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
	order by 1`

// sourceCatalogue is all that a mirror may change on its source.
const sourceCatalogue = `
	select 'slot ' || slot_name from pg_replication_slots
	union all select 'publication ' || pubname from pg_publication
	union all select 'published ' || prrelid::regclass from pg_publication_rel
	union all select 'relation ' || oid::regclass || ' ' || relkind::text || ' ' || relreplident::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'i')
	union all select 'identity ' || indexrelid::regclass from pg_index where indisreplident
	union all select 'schema ' || nspname from pg_namespace where nspname !~ '^pg_(temp|toast_temp)'
	union all select 'trigger ' || tgname from pg_trigger where not tgisinternal
	union all select 'event trigger ' || evtname from pg_event_trigger
	union all select 'function ' || oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace
	union all select 'origin ' || roname from pg_replication_origin
	union all select 'setting ' || setrole::regrole || array_to_string(setconfig, ' ') from pg_db_role_setting
	order by 1`
