package executor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor"
	"bascule/executor/keep"
	"bascule/executor/progress"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// follower is one folder with a configuration and its state, of a continuous mirror
// "app" from source to target, and the sessions that tests look through.
type follower struct {
	*carry
	more   string // blocks of the file beside the mirror's
	events *journal

	from, to *pgx.Conn // pinned to one way of writing values
}

// newFollower declares a continuous mirror with this body. The source gets a table
// "mark" whose rows tell when everything before them has arrived.
func newFollower(t *testing.T, source, target *pgtest.DB, body string) *follower {
	t.Helper()
	source.Exec(t, "create table if not exists public.mark (id bigserial primary key)")
	f := &follower{carry: newCarry(t, source, target, body), events: &journal{}}
	f.sink = f.events
	f.from, f.to = plainly(t, source), plainly(t, target)
	return f
}

// plainly opens a session that reads and writes values in PostgreSQL's default way,
// whatever the database or the role says.
func plainly(t *testing.T, db *pgtest.DB) *pgx.Conn {
	t.Helper()
	conn := connect(t, db)
	if _, err := conn.Exec(t.Context(), pinned); err != nil {
		t.Fatal(err)
	}
	return conn
}

const pinned = `
	set datestyle = 'ISO, MDY'; set timezone = 'UTC'; set intervalstyle = 'postgres'; set extra_float_digits = 1;
	set bytea_output = 'hex'; set lc_monetary = 'C'; set array_nulls = on; set xmloption = 'content'; set xmlbinary = 'base64';
	set standard_conforming_strings = on; set transform_null_equals = off; set quote_all_identifiers = off; set search_path = public;
	set default_transaction_isolation = 'read committed'`

// text is the configuration.
func (f *follower) text() string {
	return fmt.Sprintf("peer \"source\" { url = %q }\npeer \"target\" { url = %q }\n%s%s", f.sourceURL, f.targetURL, f.more, mirrorBlock("app", f.body))
}

// mirrorBlock is the block of a continuous mirror from peer.source to peer.target.
func mirrorBlock(name, body string) string {
	return fmt.Sprintf("mirror %q {\nsource = peer.source\ntarget = peer.target\n%s\n}\n", name, body)
}

// tries plans and applies the configuration as it is now.
func (f *follower) tries(t *testing.T) (*planner.Plan, *executor.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return f.applyText(ctx, t, f.text())
}

// patience is how long an apply or an arrival may take.
const patience = 180 * time.Second

// applied plans and applies the configuration, which must work.
func (f *follower) applied(t *testing.T) *planner.Plan {
	t.Helper()
	plan, _, err := f.tries(t)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, findings(plan), f.events)
	}
	return plan
}

// planned is the plan of the configuration as it is now.
func (f *follower) planned(t *testing.T) *planner.Plan {
	t.Helper()
	cfg, _, file := f.load(t, f.text())
	return makePlan(t, cfg, file)
}

// settled demands that there is nothing left to do.
func (f *follower) settled(t *testing.T) {
	t.Helper()
	if plan := f.planned(t); !plan.Empty() || plan.ExitCode() != 0 {
		t.Errorf("a second plan has changes %+v\n%s", plan.Changes, findings(plan))
	}
}

// runs starts a runner, which goes on until stop or the end of the test.
func (f *follower) runs(t *testing.T) (stop func()) {
	t.Helper()
	stop = f.runsWith(t, keep.Config{Sink: f.events})
	return stop
}

// runsWith starts a runner with these further settings.
func (f *follower) runsWith(t *testing.T, cfg keep.Config) (stop func()) {
	t.Helper()
	cfg.Config, cfg.Store, cfg.State = f.load(t, f.text())
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- keep.Run(ctx, cfg) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the runner ended with %v", err)
			}
		case <-time.After(patience):
			t.Error("the runner does not end")
		}
	})
	t.Cleanup(stop)
	return stop
}

// writes runs SQL on the source, each string in the simple protocol of its own.
func (f *follower) writes(t *testing.T, sqls ...string) {
	t.Helper()
	for _, sql := range sqls {
		if _, err := f.from.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatalf("%v\nin %.300s", err, sql)
		}
	}
}

// arrived waits until all that was written to the source until now is on the target.
func (f *follower) arrived(t *testing.T) {
	t.Helper()
	var mark int64
	if err := f.from.QueryRow(t.Context(), "insert into public.mark default values returning id").Scan(&mark); err != nil {
		t.Fatal(err)
	}
	pgtest.Eventually(t, func() error {
		f.unhalted(t)
		var there bool
		err := f.to.QueryRow(t.Context(), "select exists (select from public.mark where id = $1)", mark).Scan(&there)
		if err == nil && !there {
			err = fmt.Errorf("mark %d has not arrived\n%s", mark, f.events)
		}
		return err
	})
}

// unhalted demands that no mirror of the target stands still.
func (f *follower) unhalted(t *testing.T) {
	t.Helper()
	if halt := f.halt(t); halt != "" {
		t.Fatalf("halted: %s\n%s", halt, f.events)
	}
}

// halt is why mirrors of the target stand still, "" when none does.
func (f *follower) halt(t *testing.T) (text string) {
	t.Helper()
	err := f.to.QueryRow(t.Context(), "select coalesce(string_agg(mirror || ': ' || halt::text, ' '), '') from bascule.stream where halt is not null").Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// journal keeps what was told while a mirror was worked on.
type journal struct {
	mu    sync.Mutex
	lines []string
	begun time.Time // when it was first told something
}

// Event notes what a reader of a failed test wants to see.
func (j *journal) Event(e progress.Event) {
	switch e.(type) {
	case progress.ChunkStarted, progress.ChunkMoved, progress.ChunkEnded, progress.TableCopied,
		progress.ObjectStarted, progress.ObjectMoved, progress.ObjectEnded:
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.begun.IsZero() {
		j.begun = time.Now()
	}
	j.lines = append(j.lines, fmt.Sprintf("%6.2f s %T %+v", time.Since(j.begun).Seconds(), e, e))
}

// String is the last of what was told.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines[max(0, len(j.lines)-25):], "\n")
}

// told reports whether anything that was told has this in it.
func (j *journal) told(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range j.lines {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}
