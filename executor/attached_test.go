package executor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/config/pgname"
	"bascule/executor/keep"
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
func (a *attached) run(t *testing.T, cfg keep.Config) (events *journal, stop func()) {
	t.Helper()
	events = &journal{}
	cfg.Config, cfg.State, cfg.Sink = a.config, a.file, events
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- keep.Run(ctx, cfg) }()
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
