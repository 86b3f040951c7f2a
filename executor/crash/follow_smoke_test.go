package crash_test

import "testing"

// A mirror follows the load, with nobody killed.
func TestFollows(t *testing.T) {
	long(t)
	t.Parallel()
	w := newWorld(t)
	l := startLoad(t, w.source, lateTables, seed(t))
	samples := startSampler(t, w.source, w.target)
	w.complete(t)
	r := w.run(t)
	w.caughtUp(t, r)
	l.big()
	for len(w.late) > 0 {
		w.addTable(t)
		w.complete(t)
	}
	l.end()
	l.checkAll()
	w.caughtUp(t, r)
	samples.end()
	samples.check(t)
	w.checkSlots(t)
	w.checkEqual(t)
	r.stop(t)
	w.checkDestroyed(t)
}

// The load makes every kind of change.
func TestLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := startLoad(t, w.source, lateTables, seed(t))
	l.big()
	w.source.Eventually(t, "select (select count(*) from pgbench_history) > 500 and exists (select from bulk where v like 'big %')", "t")
	l.end()
	l.checkAll()
	if got := w.source.Query1(t, "select sum(balance) from account"); got != "1000000" {
		t.Errorf("the accounts hold %s", got)
	}
}
