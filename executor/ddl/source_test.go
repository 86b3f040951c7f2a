package ddl_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ddl"
	"bascule/planner/session"
)

const users = "create table public.users (id int primary key, name text); insert into public.users select i, 'u' || i from generate_series(1, 100) i"

// A command runs in one transaction, with the message behind what it did, under an
// empty search_path, whatever it sets.
func TestRun(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 16, 17, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, major, users)
			c := r.command(t, `alter table public.users add surname text default 'x' not null; set local lock_timeout = 0; set local search_path = public;
				create table public.more (id int primary key); alter table public.users alter id type bigint`)
			inside := ""
			var point string
			_, err := r.Run(t.Context(), c, func(ctx context.Context, tx pgx.Tx, xid string) error {
				return tx.QueryRow(ctx, "select current_setting('lock_timeout') || current_setting('search_path'), pg_current_wal_insert_lsn()::text").Scan(&inside, &point)
			})
			if err != nil {
				t.Fatal(err)
			}
			if inside != "200ms" {
				t.Errorf("inside: %q", inside)
			}
			if got := r.streamed(t); !strings.Contains(got, "message: transactional: 1 prefix: bascule, sz: 21 content:0123456789abcdef ffff") {
				t.Errorf("streamed %s", got)
			}
			if got := r.Query(t, "select count(*), min(surname) from users"); got != "100|x" {
				t.Errorf("rows: %s", got)
			}
		})
	}
}

// What a command must not do is rolled back, and nothing of it is streamed.
func TestRunRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ rule, text, want string }{
		{"rows are written", "alter table public.users add n int; update public.users set n = 1 where id <= 3; insert into public.users values (200, 'x', 1); delete from public.users where id = 7",
			"it wrote rows of tables that are mirrored: public.users (1 inserted, 3 updated, 1 deleted)"},
		{"rows are written in a block", "do $$ begin begin insert into public.users values (300); exception when others then null; end; end $$", "public.users (1 inserted)"},
		{"a name without a schema", "alter table users add n int", `relation "users" does not exist`},
		{"it fails", "alter table public.users add n int; alter table public.users add n int", `column "n" of relation "users" already exists`},
		{"it cannot run in a transaction", "create index concurrently on public.users (name)", "cannot run inside a transaction block"},
		{"it ends the transaction", "alter table public.users add n int; rollback", "ended the transaction that it ran in"},
		{"it ends it and begins another", "rollback; begin; alter table public.users add n int", "ended the transaction that it ran in"},
		{"a publication is changed", "alter publication bascule_app drop table public.users", "it changes which tables the mirror's publications hold"},
		{"a publication gets another table", "create table public.x (); alter publication bascule_app add table public.x", "it changes publication bascule_app"},
		{"a publication publishes less", "alter publication bascule_app set (publish = 'insert')", "it changes publication bascule_app"},
		{"a publication is dropped", "drop publication bascule_app", "it changes publication bascule_app"},
		{"the ledger is changed", "alter table bascule.position add x int", "it changes table bascule.position"},
		{"the ledger is dropped", "drop table bascule.position", "it changes table bascule.position"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 15, users+"; create publication bascule_app for table public.users; create schema bascule; create table bascule.position (id int)")
			before := r.Query(t, "select attname from pg_attribute where attrelid = 'users'::regclass and attnum > 0 order by attnum")
			r.streamed(t)
			c := r.command(t, tc.text)
			c.Publications = []string{"bascule_app"}
			xid, _, err := r.runs(t, c)
			if err == nil || !strings.Contains(err.Error(), tc.want) || xid != "" {
				t.Fatalf("%v\nwant %s", err, tc.want)
			}
			var hint interface{ Hint() string }
			if !errors.As(err, &hint) || hint.Hint() == "" {
				t.Errorf("no hint: %v", err)
			}
			if got := r.Query(t, "select attname from pg_attribute where attrelid = 'users'::regclass and attnum > 0 order by attnum"); got != before {
				t.Errorf("the table has %s", got)
			}
			if got := r.streamed(t); strings.Contains(got, "message") || strings.Contains(got, "table ") {
				t.Errorf("streamed %s", got)
			}
		})
	}
}

// What is no row of a followed table is no reason to refuse: rewrites, drops of
// published tables, rows of others.
func TestRunAccepts(t *testing.T) {
	t.Parallel()
	r := newRig(t, 15, users+"; create table public.old (id int primary key); create publication bascule_app for table public.users, public.old")
	c := r.command(t, `alter table public.users alter id type bigint, add at timestamptz default pg_catalog.clock_timestamp(), alter name set not null;
		alter table public.users add constraint positive check (id > 0); create index on public.users (name); drop table public.old;
		create table public.other (v int); insert into public.other values (1); alter table public.users rename to people`)
	c.Publications = []string{"bascule_app"}
	if _, _, err := r.runs(t, c); err != nil {
		t.Fatal(err)
	}
}

// A lock that is not got is tried for again, and who holds it is told; the application
// gets what it waits for in between.
func TestRunRetriesLocks(t *testing.T) {
	t.Parallel()
	r := newRig(t, 15, users)
	holder := r.Conn(t)
	ctx := t.Context()
	if _, err := holder.Exec(ctx, "set application_name = 'the holder'; begin; select from users"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	c := r.command(t, "alter table public.users add n int")
	go func() {
		_, err := r.Run(ctx, c, func(context.Context, pgx.Tx, string) error { return nil })
		ended <- err
	}()
	for range 2 {
		var locked *ddl.LockedError
		err := <-r.told
		if !errors.As(err, &locked) || locked.PID != int32(holder.PgConn().PID()) || locked.Application != "the holder" || !session.Transient(err) {
			t.Errorf("told %v", err)
		}
		limited, cancel := context.WithTimeout(ctx, time.Minute)
		if _, err := r.Conn(t).Exec(limited, "insert into users select max(id) + 1 from users"); err != nil {
			t.Errorf("the application: %v", err)
		}
		cancel()
	}
	if _, err := holder.Exec(ctx, "commit"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// When ctx ends while a lock is waited for, nothing has happened.
func TestRunGivesUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, 15, users)
	holder := r.Conn(t)
	if _, err := holder.Exec(t.Context(), "begin; select from users"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-r.told
		cancel()
	}()
	_, err := r.Run(ctx, r.command(t, "alter table public.users add n int"), func(context.Context, pgx.Tx, string) error { return nil })
	if err == nil {
		t.Error("it ran")
	}
	if got := r.Query(t, "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and relation = 'users'::regclass"); got != "0" {
		t.Errorf("%s locks are left", got)
	}
}

// The source says what became of a transaction; one that a dead process left behind is
// ended.
func TestBecame(t *testing.T) {
	t.Parallel()
	r := newRig(t, 15, users)
	became := func(xid, want string) {
		t.Helper()
		if got, err := r.Became(t.Context(), xid); got != want || err != nil {
			t.Errorf("%s: %s %v, want %s", xid, got, err, want)
		}
	}
	xid, _, err := r.runs(t, r.command(t, "alter table public.users add n int"))
	if err != nil {
		t.Fatal(err)
	}
	became(xid, ddl.Committed)
	became("99999999999", ddl.Unknown)
	left, err := r.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var running string
	if _, err := left.Exec(t.Context(), "begin"); err != nil {
		t.Fatal(err)
	}
	if err := left.QueryRow(t.Context(), "select pg_current_xact_id()::text").Scan(&running); err != nil {
		t.Fatal(err)
	}
	became(running, ddl.Aborted)
}
