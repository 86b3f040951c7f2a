package executor_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"bascule/executor/keep"
	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/state"
)

// A runner streams until it is stopped, leaves the slot free, and the next one goes on
// at once. One beside it waits, says for whom, and takes over.
func TestRunnersFollowEachOther(t *testing.T) {
	t.Parallel()
	a := attach(t, nil)
	first, stop := a.run(t, keep.Config{})
	a.arrives(t, 1)
	first.tells(t, "CaughtUp")

	second, stopSecond := a.run(t, keep.Config{})
	second.tells(t, "is being worked on by another process: backend pid")
	looker := a.target.Conn(t)
	if r, err := ledger.Running(t.Context(), looker, a.id); err != nil || r == nil || !r.Holds {
		t.Errorf("runner %+v, %v", r, err)
	}
	stop()
	first.tells(t, "Why:stopped")
	a.arrives(t, 2)
	stopSecond()
	if active := a.source.Query1(t, "select active from pg_replication_slots where slot_name = '"+a.settings.Slot+"'"); active != "f" {
		t.Errorf("the slot is active: %s", active)
	}
	if r, err := ledger.Running(t.Context(), looker, a.id); err != nil || r != nil {
		t.Errorf("runner %+v, %v", r, err)
	}
}

// A runner lets go for an apply, and has the mirror back when that is done or dead.
// What the apply has changed is taken up.
func TestRunnerYieldsToAnApply(t *testing.T) {
	t.Parallel()
	a := attach(t, nil)
	events, _ := a.run(t, keep.Config{})
	a.arrives(t, 1)
	ctx := t.Context()

	need(t, ledger.LeaseFrom(ctx, a.ledger, a.id, func(string) {}))
	events.tells(t, "asked to yield")
	a.source.Exec(t, "insert into public.a values (2, 2)")
	settings := a.settings
	settings.Paused = true
	need(t, ledger.SetStream(ctx, a.ledger, a.id, settings, 1))
	need(t, ledger.Release(ctx, a.ledger, a.id))
	events.tells(t, "is paused")

	settings.Paused, settings.MaxDelayMillis = false, 10
	need(t, ledger.SetStream(ctx, a.ledger, a.id, settings, 1))
	a.arrives(t, 3)
	settings.MaxDelayMillis = 30 // while it streams
	need(t, ledger.SetStream(ctx, a.ledger, a.id, settings, 1))
	events.tells(t, "settings changed")
	a.arrives(t, 4)

	// New members do not interrupt it.
	a.source.Exec(t, "create table public.b (id integer primary key)")
	a.target.Exec(t, "create table public.b (id integer primary key)")
	member := ledger.Member{Schema: "public", Name: "b", TargetSchema: "public", TargetName: "b", Follow: planner.FollowAll,
		Key: []string{"id"}, State: ledger.Followed, Point: 1}
	source := a.source.Conn(t)
	need(t, source.QueryRow(ctx, "select 'public.b'::regclass::oid").Scan(&member.Source))
	need(t, ledger.PutMembers(ctx, a.ledger, a.id, member))
	need(t, slot.AddTables(ctx, source, a.settings, member))
	a.source.Exec(t, "insert into public.b values (1)")
	a.target.Eventually(t, "select count(*) from public.b", "1")
	if got := events.count("StreamStarted"); got != 3 {
		t.Errorf("%d streams were started\n%s", got, events)
	}

	dying := a.target.Conn(t)
	need(t, ledger.LeaseFrom(ctx, dying, a.id, func(string) {}))
	a.source.Exec(t, "insert into public.a values (5, 5)")
	need(t, dying.Close(ctx))
	a.target.Eventually(t, "select count(*) from public.a", "5")
}

// A permanent error halts the mirror, with the row and the remedy in the ledger, and
// the slot is kept; -retry goes on when the cause is gone.
func TestHaltAndRetry(t *testing.T) {
	t.Parallel()
	a := attach(t, nil)
	a.target.Exec(t, "insert into public.a values (7, 0)") // in the way
	events, stop := a.run(t, keep.Config{})
	a.source.Exec(t, "insert into public.a values (7, 1)")
	events.tells(t, "Halted")
	s, err := ledger.ReadStream(t.Context(), a.ledger, a.id)
	if err != nil || s.Halt == nil || s.Halt.Code != "23505" || s.Halt.Table != "public.a" || s.Halt.LSN == "" || s.Halt.Remedy == "" {
		t.Fatalf("recorded %+v, %v", s, err)
	}
	events.tells(t, s.Halt.LSN)
	stop()
	again, stopAgain := a.run(t, keep.Config{}) // says so, and does nothing
	again.tells(t, "Halted")

	a.target.Exec(t, "delete from public.a")
	_, stopRetry := a.run(t, keep.Config{Retry: []string{"mirror.app"}})
	a.target.Eventually(t, "select n from public.a where id = 7", "1") // by the one that has the lease
	stopRetry()
	stopAgain()
}

// A session that is lost costs a runner no more than a moment, and its mirrors none
// of the others.
func TestRunnerSurvivesLostSessions(t *testing.T) {
	t.Parallel()
	a := attach(t, nil)
	events, _ := a.run(t, keep.Config{})
	a.arrives(t, 1)
	for i, db := range []*pgtest.DB{a.target, a.source, a.target} {
		db.Exec(t, "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'bascule/app/%' and datname = current_database()")
		a.arrives(t, i+2)
	}
	if !events.told("Retrying") {
		t.Errorf("nobody told that it was interrupted\n%s", events)
	}
}

// What an apply adds to the state while a runner runs is taken up, and what it removes
// is let go.
func TestRunnerFollowsTheState(t *testing.T) {
	t.Parallel()
	a := attach(t, nil)
	complete := a.file.Resources
	a.file.Resources = nil
	need(t, a.store.Save(t.Context(), a.file))
	fresh, err := a.store.Load(t.Context())
	need(t, err)
	events, _ := a.run(t, keep.Config{Store: a.store})
	events.tells(t, "is not applied")

	fresh.Resources = complete
	need(t, a.store.Save(t.Context(), fresh))
	a.arrives(t, 1)
	complete[0].Status = state.Removing
	need(t, a.store.Save(t.Context(), fresh))
	events.tells(t, "StreamStopped")
}

// A password that changes while a runner runs is the new one at its next connect.
func TestPasswordIsReadAtEachConnect(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	var role string
	a := attach(t, func(source *pgtest.DB) string {
		var password string
		role, password = source.Role(t, "superuser")
		need(t, os.WriteFile(file, []byte(password), 0o600))
		return fmt.Sprintf("url = %q\npassword_command = [\"cat\", %q]", source.URLAs(role), file)
	})
	events, _ := a.run(t, keep.Config{})
	a.arrives(t, 1)
	a.source.Exec(t, fmt.Sprintf(`alter role %q password 'another one';
		select pg_terminate_backend(pid) from pg_stat_activity where usename = '%s'`, role, role))
	events.tells(t, "28P01") // invalid_password
	need(t, os.WriteFile(file, []byte("another one"), 0o600))
	a.arrives(t, 2)
}
