package crash_test

import (
	"os"
	"strings"
	"testing"

	"bascule/config"
	"bascule/executor/verify"
	"bascule/state"
)

// checkSnapshot demands that the target holds one snapshot of the source and all its
// definitions.
func (l *life) checkSnapshot(t *testing.T) {
	t.Helper()
	for _, b := range brokenRules(t, l.target) {
		t.Errorf("the target breaks the rule that %s", b)
	}
	if got := l.target.Query(t, viewsStale); got != "" {
		t.Errorf("the materialised view is not what its query says: %s", got)
	}
	l.compare(t, verify.Options{SkipRows: true})
}

// checkEqual demands that source and target are equal, row by row.
func (l *life) checkEqual(t *testing.T) {
	t.Helper()
	l.compare(t, verify.Options{})
}

func (l *life) compare(t *testing.T, opts verify.Options) {
	t.Helper()
	report, err := verify.Compare(t.Context(), l.source.Conn(t), l.target.Conn(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Differences {
		t.Errorf("differs: %v", d)
	}
}

// checkNothingLeft demands that nothing of the killed applies is left anywhere, and
// that nothing is to be done.
func (l *life) checkNothingLeft(t *testing.T) {
	t.Helper()
	if got := l.target.Query(t, halfDone); got != "" {
		t.Errorf("half-done on the target:\n%s", got)
	}
	if got := l.target.Query1(t, "select (select count(*) from bascule.chunk) + (select count(*) from bascule.object)"); got != "0" {
		t.Errorf("the ledger keeps %s records of chunks and objects", got)
	}
	l.checkNoSessions(t)
	if got := l.source.Query(t, "select slot_name from pg_replication_slots union all select pubname from pg_publication union all select nspname from pg_namespace where nspname = 'bascule'"); got != "" {
		t.Errorf("left on the source: %s", got)
	}
	l.checkFolder(t)
	r := l.start(t, "plan", "-detailed-exitcode")
	r.wait()
	if r.code() != 0 || !strings.Contains(r.output(), "No changes.") {
		t.Errorf("plan ended with %d:\n%s", r.code(), r.output())
	}
}

// checkNoSessions waits until the servers have noticed that the program is gone.
func (l *life) checkNoSessions(t *testing.T) {
	t.Helper()
	l.source.Eventually(t, ourSessions, "")
	l.target.Eventually(t, ourSessions, "")
}

// checkFolder demands that the state's lock is free and that no temporary file is
// left beside it.
func (l *life) checkFolder(t *testing.T) {
	t.Helper()
	store, err := state.Open(config.Backend{}, l.dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := store.Lock(t.Context(), state.Holder{Who: "test"}, 0)
	if err != nil {
		t.Fatalf("the lock is not free: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
	files, err := os.ReadDir(l.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != "main.hcl" && !strings.HasPrefix(f.Name(), "bascule.state.json") && !strings.HasPrefix(f.Name(), ".bascule.state.json.lock") {
			t.Errorf("left in the folder: %s", f.Name())
		}
	}
}

const viewsStale = `
	select * from (table wealth except select branch, sum(balance) from account group by branch) a
	union all
	select * from (select branch, sum(balance) from account group by branch except table wealth) b
	order by 1`

const halfDone = `
	select 'index ' || indexrelid::regclass from pg_index where not indisvalid or not indisready or not indislive
	union all select 'constraint ' || conname from pg_constraint where not convalidated
	union all select 'prepared ' || gid from pg_prepared_xacts where database = current_database()
	union all select 'view ' || relname from pg_class where relkind = 'm' and not relispopulated
	order by 1`

const ourSessions = `
	select pid, application_name, state, left(query, 60)
	from pg_stat_activity
	where datname = current_database() and (application_name like 'bascule/%' or application_name like '%pg_dump%')
	order by pid`
