package main_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// written is an example whose tables are written to while it is applied.
type written struct {
	example
	rounds atomic.Int64 // that writers have committed
}

// spanner is the writer that holds a transaction open; the others are 0 and 1.
const spanner = 2

// spannedTable is one that no command of an example concerns.
const spannedTable = `create table spanned (id int primary key)`

// applied applies the example while two writers insert, update and delete in all that it
// has: at once, or the mirror first, and then its commands, within a transaction that has
// rows before them all and behind them all. In the end both sides have the same.
func (w *written) applied(t *testing.T, atOnce bool) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var g errgroup.Group
	for writer := range 2 {
		g.Go(func() error { return w.writes(ctx, writer) })
	}
	func() {
		defer stop()
		apply := func() { w.bascule(t, 0, "apply", "-auto-approve") }
		if !atOnce {
			w.during(t, func() { w.bascule(t, 0, "apply", "-auto-approve", "-target=mirror.app") })
			apply = func() { w.spans(t, func() { w.bascule(t, 0, "apply", "-auto-approve") }) }
		}
		w.during(t, apply)
		if filepath.Base(w.folder) == "pglogical" {
			w.asWritten(t)
		}
	}()
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	w.equal(t)
}

// during does work, and demands that there were writers before it, meanwhile and behind.
func (w *written) during(t *testing.T, work func()) {
	t.Helper()
	more := func() {
		t.Helper()
		was := w.rounds.Load()
		pgtest.Eventually(t, func() error {
			if w.rounds.Load() == was {
				return errors.New("nobody writes")
			}
			return nil
		})
	}
	more()
	was := w.rounds.Load()
	work()
	if w.rounds.Load() == was {
		t.Error("nobody wrote meanwhile")
	}
	more()
}

// writes writes until the context ends. A table that is renamed between a look at its name
// and the write, and a command that has it locked, cost a round.
func (w *written) writes(ctx context.Context, writer int) error {
	conn, err := pgx.Connect(context.WithoutCancel(ctx), w.source.URL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for n := 0; ctx.Err() == nil; n += 2 {
		sql := "begin;" + round(writer, n) + "select pg_sleep(0.03);" + round(writer, n+1) + "commit"
		_, err := conn.PgConn().Exec(context.WithoutCancel(ctx), sql).ReadAll()
		if err == nil {
			w.rounds.Add(1)
			continue
		}
		if !slices.Contains([]string{"42P01", "42703", "40P01", "XX000"}, session.Code(err)) {
			return err
		}
		if _, err := conn.Exec(context.WithoutCancel(ctx), "rollback"); err != nil {
			return err
		}
	}
	return nil
}

// spans does work between the rows of one transaction.
func (w *written) spans(t *testing.T, work func()) {
	t.Helper()
	conn := w.source.Conn(t)
	run := func(sql string) {
		t.Helper()
		if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	run("begin; insert into spanned values (1)")
	work()
	run("insert into spanned values (2);" + round(spanner, 0) + "commit")
}

// equal waits until the target has the rows of the source, in every table.
func (w *written) equal(t *testing.T) {
	t.Helper()
	for table := range strings.Lines(w.source.Query(t, "select quote_ident(tablename) from pg_tables where schemaname = 'public' order by 1")) {
		sql := fmt.Sprintf("select count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' order by t::text)), '') from public.%s t", strings.TrimSpace(table))
		w.target.Eventually(t, sql, w.source.Query1(t, sql))
	}
}

// round is what a writer does once: rows are its own, so that no two wait for each other.
func round(writer, n int) string {
	return strings.NewReplacer("WRITER", fmt.Sprint(writer), "ROUND", fmt.Sprint(n)).Replace(roundSQL)
}

const roundSQL = `
	do $do$
	declare
		people text := coalesce(to_regclass('public.users'), to_regclass('public.customers'))::text;
		pages text := coalesce(to_regclass('public.visits'), to_regclass('public.page_views'))::text;
		made text;
	begin
		execute format('insert into %s (name) values (%L), (%L)', people, 'wWRITER-ROUND', 'wWRITER-ROUND again');
		execute format('update %s set name = name || %L where id %% 3 = WRITER and id %% 300 = ROUND %% 300', people, '+');
		execute format('delete from %s where name like %L and id %% 7 = 0', people, 'wWRITER-%');
		execute format('insert into %s (page, at) values (%L, clock_timestamp())', pages, '/WRITER/ROUND');
		if exists (select from pg_attribute where attrelid = people::regclass and attname = 'surname') then
			execute format('update %s set surname = %L where name = %L', people, 'sROUND', 'wWRITER-ROUND');
		end if;
		if exists (select from pg_attribute where attrelid = pages::regclass and attname = 'surname') then
			execute format('insert into %s (page, at, surname) values (%L, clock_timestamp(), %L)', pages, '/WRITER/ROUND', 's');
		end if;
		foreach made in array array['public.invoices', 'public.clicks', 'public.labels'] loop
			if to_regclass(made) is not null then
				execute format('insert into %s values (WRITER * 1000000 + ROUND, %L)', made, '1');
				if exists (select from pg_index where indrelid = made::regclass and indisprimary) then
					execute format('update %s set id = id + 10000000 where id = WRITER * 1000000 + ROUND - 1', made);
					execute format('delete from %s where id = WRITER * 1000000 + 10000000 + ROUND - 5', made);
				end if;
			end if;
		end loop;
	end $do$;`

// asWritten demands that the source's queue of pglogical has the commands of the example
// as the page that they are from writes them.
func (w *written) asWritten(t *testing.T) {
	t.Helper()
	const queued = `
		select replication_sets, regexp_replace(message #>> '{}', '^/\* bascule:\S+ \*/ ', '')
		from pglogical.queue where message_type = 'Q' order by queued_at, 2`
	const want = `{default}|ALTER TABLE public.users ADD COLUMN surname varchar(20)
{default_insert_only}|ALTER TABLE public.visits ADD COLUMN surname varchar(20)
{default}|ALTER TABLE public.users RENAME TO customers
{default_insert_only}|ALTER TABLE public.visits RENAME TO page_views
{default}|CREATE TABLE public.invoices (id INTEGER PRIMARY KEY, name VARCHAR);
{default_insert_only}|CREATE TABLE public.clicks (id INTEGER, name VARCHAR);
{default_insert_only}|CREATE TABLE public.labels (id INTEGER PRIMARY KEY, name VARCHAR);`
	if got := w.source.Query(t, queued); got != want {
		t.Errorf("queued:\n%s\nwant:\n%s", got, want)
	}
	const sets = `
		select set_reloid::regclass, set_name
		from pglogical.replication_set_table join pglogical.replication_set using (set_id) where set_reloid <> 'spanned'::regclass order by set_reloid::regclass::text collate "C"`
	if got := w.source.Query(t, sets); got != "clicks|default_insert_only\ncustomers|default\ninvoices|default\nlabels|default\npage_views|default_insert_only" {
		t.Errorf("sets:\n%s", got)
	}
}
