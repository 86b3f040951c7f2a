package pglogical_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/executor/pglogical"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// ddl runs a command as an apply does, and what belongs to it in the same transaction.
func (r *rig) ddl(id, command string, sets []string, within func(tx pgx.Tx, e *pglogical.Engine) error) error {
	r.t.Helper()
	conn := r.open(r.src)
	return pgx.BeginFunc(r.t.Context(), conn, func(tx pgx.Tx) error {
		e := r.engine()
		if strings.HasPrefix(command, "drop") {
			if err := within(tx, e); err != nil {
				return err
			}
			return e.RunDDL(r.t.Context(), tx, id, command, sets)
		}
		if err := e.RunDDL(r.t.Context(), tx, id, command, sets); err != nil || within == nil {
			return err
		}
		return within(tx, e)
	})
}

func (r *rig) applied(id string) {
	r.t.Helper()
	pgtest.Eventually(r.t, func() error {
		if done, err := r.engine().Applied(r.t.Context(), id); err != nil || !done {
			return fmt.Errorf("%s: not applied, %v", id, err)
		}
		return nil
	})
}

// Commands arrive at their place among the rows, with the tables that they make and drop,
// and nothing of a command stays behind in the session.
func TestDDL(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			to := pgtest.Pglogical(t, major)
			from := to
			if major != 15 {
				from = pgtest.Pglogical(t, 15)
			}
			testDDL(t, rigOn(t, from, to, bank))
		})
	}
}

func testDDL(t *testing.T, r *rig) {
	ctx := t.Context()
	r.start(r.bank()...)
	sets, err := r.engine().SetsOf(ctx, r.source, []uint32{r.member("a", planner.FollowAll).Source})
	if err != nil || fmt.Sprint(sets) != "[default]" {
		t.Fatalf("%v %v", sets, err)
	}
	r.src.Exec(t, "insert into a (id) values (1)")
	if err := r.ddl("add", "alter table public.a add column x int not null default 7; set search_path = nonesuch; set lock_timeout = 1", sets, func(tx pgx.Tx, _ *pglogical.Engine) error {
		var path, timeout string
		err := tx.QueryRow(ctx, "select current_setting('search_path'), current_setting('lock_timeout')").Scan(&path, &timeout)
		if path == "nonesuch" || timeout == "1ms" {
			t.Errorf("leaks: %s %s", path, timeout)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	r.src.Exec(t, "insert into a (id, x) values (2, 8)")
	r.applied("add")
	if err := r.ddl("other", "select 1", []string{"ddl_sql"}, nil); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"add": true, "none": false, "other": false} { // for another's sets
		if queued, err := r.engine().Queued(ctx, id); err != nil || queued != want {
			t.Errorf("%s is queued: %t, %v", id, queued, err)
		}
	}

	both, err := r.engine().SetsOf(ctx, r.source, nil)
	if err != nil || len(both) != 2 {
		t.Fatalf("%v %v", both, err)
	}
	join := func(names ...string) func(tx pgx.Tx, e *pglogical.Engine) error {
		return func(tx pgx.Tx, e *pglogical.Engine) error {
			for _, name := range names {
				m := ledger.Member{Schema: "public", Name: name, Follow: planner.FollowInserts}
				if name == "keyed" {
					m.Follow = planner.FollowAll
				}
				if err := tx.QueryRow(ctx, "select $1::text::regclass::oid", "public."+name).Scan(&m.Source); err != nil {
					return err
				}
				if err := e.JoinSet(ctx, tx, m); err != nil {
					return err
				}
				if err := e.JoinSet(ctx, tx, m); err != nil { // it may be repeated
					return err
				}
			}
			_, err := tx.Exec(ctx, "insert into public.keyed values (1)")
			return err
		}
	}
	if err := r.ddl("make", "create table public.keyed (id int primary key); create table public.keyless (x int)", both, join("keyed", "keyless")); err != nil {
		t.Fatal(err)
	}
	r.src.Exec(t, "insert into keyed values (2), (3); delete from keyed where id = 3; insert into keyless values (1)")
	r.applied("make")
	r.reached()
	r.equal("a", "keyed", "keyless")
	if got := r.dst.Query1(t, "select string_agg(id || ' ' || x, ', ' order by id) from a"); got != "1 7, 2 8" {
		t.Errorf("a: %s", got)
	}

	table := r.member("keyed", planner.FollowAll).Source
	drop := func(leaves bool) error {
		return r.ddl("drop", "drop table public.keyed", both, func(tx pgx.Tx, e *pglogical.Engine) error {
			if !leaves {
				return nil
			}
			return e.LeaveSet(ctx, tx, table)
		})
	}
	if err := drop(false); session.Code(err) != "2BP01" {
		t.Errorf("a table in a set is dropped: %v", err)
	}
	r.src.Exec(t, "insert into keyed values (9)")
	if err := drop(true); err != nil {
		t.Fatal(err)
	}
	r.applied("drop")
	if got := r.dst.Query1(t, "select to_regclass('public.keyed')"); got != "" {
		t.Errorf("it is still there")
	}
	r.keyComesAndGoes()
	r.reached()
	r.equal("a", "log", "keyless")
}

// keyComesAndGoes moves a table from one set to the other with its key.
func (r *rig) keyComesAndGoes() {
	r.t.Helper()
	m := r.member("log", planner.FollowAll)
	if err := r.ddl("key", "alter table public.log add primary key (id)", []string{"default", "default_insert_only"}, func(tx pgx.Tx, e *pglogical.Engine) error {
		return e.JoinSet(r.t.Context(), tx, m)
	}); err != nil {
		r.t.Fatal(err)
	}
	r.src.Exec(r.t, "insert into log values (1, 1), (2, 2); update log set of = 3 where id = 1; delete from log where id = 2")
	r.applied("key")
}
