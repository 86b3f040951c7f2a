package executor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/config/pgname"
	"bascule/executor"
	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
	"bascule/state"
)

// attached is a continuous mirror "app" of one table, whose copy an apply has
// completed: with its slot, its publications and its records.
type attached struct {
	source, target *pgtest.DB
	config         *config.Config
	store          state.Store
	file           *state.File
	id             string
	settings       planner.Stream
	ledger         *pgx.Conn // a session on the target
}

// attach makes the mirror. body is that of its source's peer; default: the superuser's
// URL.
func attach(t *testing.T, body func(source *pgtest.DB) string) *attached {
	t.Helper()
	const table = "create table public.a (id integer primary key, n integer)"
	a := &attached{}
	a.source, a.target = pgtest.New(t, table)
	a.target.Exec(t, table)
	c := newCarry(t, a.source, a.target, "")
	if body == nil {
		body = func(source *pgtest.DB) string { return fmt.Sprintf("url = %q", source.URL) }
	}
	a.config, a.store, a.file = c.load(t, fmt.Sprintf(`
peer "source" {
	%s
}
peer "target" { url = %q }
mirror "app" {
	source = peer.source
	target = peer.target
}
`, body(a.source), a.target.URL))
	a.file.Resources = []*state.Resource{{Address: "mirror.app", Status: state.Ready,
		Mirror: &state.Mirror{Source: "peer.source", Target: "peer.target", Continuous: true}}}
	a.id = ledger.ID(a.file.Lineage, "mirror.app")
	name := pgname.Derived("bascule", "app", a.file.Lineage[:8])
	a.settings = planner.Stream{Slot: name, OwnSlot: true, Publication: name, Inserts: name + "_i", OwnPublications: true,
		InitialCopy: true, MaxDelayMillis: 20, MissingRow: "halt", DDL: "declared", ReplicaRole: true}
	a.make(t)
	return a
}

// make does on the servers what an apply would have done.
func (a *attached) make(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	source := a.source.Conn(t)
	member := ledger.Member{Schema: "public", Name: "a", TargetSchema: "public", TargetName: "a", Follow: planner.FollowAll,
		Key: []string{"id"}, State: ledger.Followed}
	var timeline int32
	err := source.QueryRow(ctx, `select 'public.a'::regclass::oid, system_identifier::text, (select timeline_id from pg_control_checkpoint()) from pg_control_system()`).
		Scan(&member.Source, &a.settings.SystemIdentifier, &timeline)
	need(t, err)
	need(t, slot.EnsurePublications(ctx, source, a.settings, []ledger.Member{member}))
	repl, err := session.Open(ctx, a.config.Peers[0], session.Options{Replication: true})
	need(t, err)
	defer repl.Close(ctx)
	point, err := slot.Create(ctx, repl.PgConn(), a.settings.Slot, false, slot.Waiting{Conn: source, Tell: func(string) {}})
	need(t, err)
	t.Cleanup(func() { // before the database is dropped
		conn, err := pgx.Connect(context.Background(), a.source.URL)
		if err == nil {
			defer conn.Close(context.Background())
			err = slot.Drop(context.Background(), conn, a.settings.Slot, slot.Patience)
		}
		if err != nil {
			t.Error(err)
		}
	})
	member.Point = point

	a.ledger = a.target.Conn(t)
	need(t, ledger.Ensure(ctx, a.ledger))
	_, err = ledger.Begin(ctx, a.ledger, ledger.Mirror{ID: a.id, Address: "mirror.app", Lineage: a.file.Lineage})
	need(t, err)
	need(t, ledger.SetStream(ctx, a.ledger, a.id, a.settings, timeline))
	need(t, ledger.StartPosition(ctx, a.ledger, a.id, ledger.Main, point))
	need(t, ledger.PutMembers(ctx, a.ledger, a.id, member))
	need(t, ledger.Streaming(ctx, a.ledger, a.id))
}

func need(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run starts a runner. stop ends it, and demands that it ended because of that.
func (a *attached) run(t *testing.T, cfg executor.RunConfig) (events *journal, stop func()) {
	t.Helper()
	events = &journal{}
	cfg.Config, cfg.State, cfg.Sink = a.config, a.file, events
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- executor.Run(ctx, cfg) }()
	over := errors.New("stopped by the test")
	done := false
	stop = func() {
		t.Helper()
		if done {
			return
		}
		done = true
		cancel(over)
		if err := <-ended; !errors.Is(err, over) {
			t.Errorf("the runner ended with %v", err)
		}
	}
	t.Cleanup(stop)
	return events, stop
}

// tells waits until something with this text was told.
func (j *journal) tells(t *testing.T, text string) {
	t.Helper()
	pgtest.Eventually(t, func() error {
		if !j.told(text) {
			return fmt.Errorf("nobody told of %q, but\n%s", text, j)
		}
		return nil
	})
}

// arrives writes a row on the source and waits for it on the target.
func (a *attached) arrives(t *testing.T, id int) {
	t.Helper()
	a.source.Exec(t, fmt.Sprintf("insert into public.a values (%d, 1)", id))
	a.target.Eventually(t, fmt.Sprintf("select count(*) from public.a where id = %d", id), "1")
}

// A runner streams until it is stopped, leaves the slot free, and the next one goes on
// at once. One beside it waits, says for whom, and takes over.
func TestRunnersFollowEachOther(t *testing.T) {
	t.Parallel()
	a := attach(t, nil)
	first, stop := a.run(t, executor.RunConfig{})
	a.arrives(t, 1)
	first.tells(t, "CaughtUp")

	second, stopSecond := a.run(t, executor.RunConfig{})
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
	events, _ := a.run(t, executor.RunConfig{})
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

// count is how many events have this in them.
func (j *journal) count(text string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range j.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// A permanent error halts the mirror, with the row and the remedy in the ledger, and
// the slot is kept; -retry goes on when the cause is gone.
func TestHaltAndRetry(t *testing.T) {
	t.Parallel()
	a := attach(t, nil)
	a.target.Exec(t, "insert into public.a values (7, 0)") // in the way
	events, stop := a.run(t, executor.RunConfig{})
	a.source.Exec(t, "insert into public.a values (7, 1)")
	events.tells(t, "Halted")
	s, err := ledger.ReadStream(t.Context(), a.ledger, a.id)
	if err != nil || s.Halt == nil || s.Halt.Code != "23505" || s.Halt.Table != "public.a" || s.Halt.LSN == "" || s.Halt.Remedy == "" {
		t.Fatalf("recorded %+v, %v", s, err)
	}
	events.tells(t, s.Halt.LSN)
	stop()
	again, stopAgain := a.run(t, executor.RunConfig{}) // says so, and does nothing
	again.tells(t, "Halted")

	a.target.Exec(t, "delete from public.a")
	_, stopRetry := a.run(t, executor.RunConfig{Retry: []string{"mirror.app"}})
	a.target.Eventually(t, "select n from public.a where id = 7", "1") // by the one that has the lease
	stopRetry()
	stopAgain()
}

// A session that is lost costs a runner no more than a moment, and its mirrors none
// of the others.
func TestRunnerSurvivesLostSessions(t *testing.T) {
	t.Parallel()
	a := attach(t, nil)
	events, _ := a.run(t, executor.RunConfig{})
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
	events, _ := a.run(t, executor.RunConfig{Store: a.store})
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
	events, _ := a.run(t, executor.RunConfig{})
	a.arrives(t, 1)
	a.source.Exec(t, fmt.Sprintf(`alter role %q password 'another one';
		select pg_terminate_backend(pid) from pg_stat_activity where usename = '%s'`, role, role))
	events.tells(t, "28P01") // invalid_password
	need(t, os.WriteFile(file, []byte("another one"), 0o600))
	a.arrives(t, 2)
}
