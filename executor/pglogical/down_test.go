package pglogical_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/executor/pglogical"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// A worker that is down is told with the cause, and goes on at once when that is gone.
func TestDown(t *testing.T) {
	t.Parallel()
	r := newRig(t, bank)
	r.start(r.bank()...)
	role, _ := r.src.Role(t, "")
	r.src.Exec(t, fmt.Sprintf("alter table a owner to %s; grant create on schema public to %[1]s; grant usage on schema pglogical to %[1]s", role))
	plain := r.openAs(r.src.URLAs(role), false)
	r.dst.Exec(t, "alter table a add column extra text; alter table a drop column n cascade")
	r.src.Exec(t, "insert into a (id, n) values (1, 1)")
	eventually(t, func() bool { alive, err := r.engine().Alive(t.Context()); return err == nil && !alive })
	err := r.engine().Down(t.Context(), "bring it there")
	if err == nil || !strings.Contains(err.Error(), `the target's table public.a has no column "n"`) {
		t.Errorf("%v", err)
	}
	var down *pglogical.DownError
	if !errors.As(err, &down) || !strings.Contains(down.Hint(), "SELECT pg_replication_origin_advance('pgl_") {
		t.Errorf("the way past the transaction is not told: %v", down)
	}
	pgtest.Eventually(t, func() error { // it is tried again, once
		p, err := catalog.ReadPglogical(t.Context(), r.target)
		if err != nil {
			return err
		}
		now, err := catalog.ReadSourceNow(t.Context(), r.source)
		if err != nil {
			return err
		}
		if word, lag, why := p.Subscription(mirrorName).Fares(now); word != catalog.PglogicalDown || lag < 0 || why != "" {
			return fmt.Errorf("it fares %s %d %s", word, lag, why)
		}
		return nil
	})
	r.dst.Exec(t, "alter table a add column n int not null default 0, add column half int generated always as (n / 2) stored")
	pgtest.Eventually(t, func() error { // not in the first five seconds
		if err := r.engine().Kick(t.Context()); err != nil {
			return err
		}
		if done, err := r.engine().Reached(t.Context(), r.now()); err != nil || !done {
			return fmt.Errorf("not reached %v", err)
		}
		return nil
	})

	// A plain role's command, on both sides as that role.
	r.dst.Exec(t, fmt.Sprintf("grant usage on schema pglogical to %s; alter table a owner to %[1]s", role))
	err = pgx.BeginFunc(t.Context(), plain, func(tx pgx.Tx) error {
		return r.engine().RunDDL(t.Context(), tx, "plain", "alter table public.a add column y int", []string{"default"})
	})
	if err != nil {
		t.Fatal(err)
	}
	r.applied("plain")
	if skip, err := r.engine().Skip(t.Context()); err != nil || !strings.Contains(skip, "pg_replication_origin_advance('pgl_") {
		t.Errorf("%s %v", skip, err)
	}
}

// A transaction that cannot be applied is passed over as the remedy says.
func TestSkip(t *testing.T) {
	t.Parallel()
	r := newRig(t, "create table k (id int primary key); create table l (id int primary key references k)")
	members := []ledger.Member{r.member("k", planner.FollowAll), r.member("l", planner.FollowAll)}
	r.start(members...)
	r.src.Exec(t, "insert into k values (1); insert into l values (1)")
	r.reached()
	r.src.Exec(t, "truncate k cascade")
	r.src.Exec(t, "insert into k values (2)")
	var lsn string
	eventually(t, func() bool {
		_, after, found := strings.Cut(r.dst.Log(t), "apply QUEUED_TRUNCATE in commit before ")
		lsn, _, _ = strings.Cut(after, ",")
		return found && lsn != ""
	})
	skip, err := r.engine().Skip(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(skip) {
		if strings.HasPrefix(line, "SELECT ") {
			r.dst.Exec(t, strings.ReplaceAll(line, "'X'", "'"+lsn+"'"))
		}
	}
	pgtest.Eventually(t, func() error {
		if err := r.engine().Kick(t.Context()); err != nil {
			return err
		}
		if got := r.dst.Query1(t, "select string_agg(id::text, ' ' order by id) from k"); got != "1 2" {
			return fmt.Errorf("got %s", got)
		}
		return nil
	})
}
