package pglogical_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/pglogical"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

const plainTables = `
	create type mood as enum ('a');
	create table k (id int primary key, v text);
	create table n (id int, v text);
	create table u (id int not null, v text);
	create unique index u_id on u (id);
	alter table u replica identity using index u_id;
	create table w (id int primary key, v text);
	alter table w replica identity full`

// What pglogical does, as the engine and the plan take for granted.
func TestFacts(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			c := pgtest.Pglogical(t, major)
			r := rigOn(t, c, c, plainTables)
			r.start(r.member("k", planner.FollowAll), r.member("n", planner.FollowInserts), r.member("u", planner.FollowAll))
			r.identities()
			r.commandsRefused()
			r.commandsTakenBack()
			r.commandsForOthers()
			r.rowsBeforeJoining()
			r.asRole()
			r.pluginNotAllowed()
		})
	}
}

// refused demands that a statement on the source fails, with this SQLSTATE.
func (r *rig) refused(rule, sql, code string) {
	r.t.Helper()
	if _, err := r.open(r.src).Exec(r.t.Context(), sql); session.Code(err) != code {
		r.t.Errorf("%s: %v", rule, err)
	}
}

// identities: which tables the sets take, and what they send of them.
func (r *rig) identities() {
	r.t.Helper()
	const join = `select pglogical.replication_set_add_table('default', '%s')`
	r.refused("whole rows", fmt.Sprintf(join, "public.w"), "22023")
	r.refused("no key", fmt.Sprintf(join, "public.n"), "22023")
	r.src.Exec(r.t, "insert into k values (1, 'a'), (2, 'b'); insert into n values (1, 'a'), (2, 'b'); insert into u values (1, 'a'), (2, 'b'), (3, 'c')")
	r.reached()
	r.dst.Exec(r.t, "delete from k")
	r.src.Exec(r.t, "update k set v = 'c' where id = 1; delete from k where id = 2; update n set v = 'c'; delete from n where id = 2; update u set v = 'd', id = 4 where id = 3; delete from u where id = 2")
	r.src.Exec(r.t, "insert into k values (3, 'c')")
	r.reached()
	r.equal("u")
	if got := r.dst.Query(r.t, "select 'k', * from k union all select 'n', * from n order by 1, 2"); got != "k|3|c\nn|1|a\nn|2|b" {
		r.t.Errorf("missing rows are not passed over, or changes of a table without a key arrive: %s", got)
	}
}

// commandsRefused: what cannot go through replicate_ddl_command.
func (r *rig) commandsRefused() {
	r.t.Helper()
	for command, code := range map[string]string{
		"alter table k add x int":                           "42P01", // no search_path
		"create index concurrently k_v on public.k (v)":     "25001",
		"vacuum public.k":                                   "25001",
		"alter table public.k add x int; select 1 / 0":      "22012",
		"alter table public.k add x int; alter table y add": "42601",
	} {
		if err := r.ddl("refused", command, []string{"default"}, nil); session.Code(err) != code {
			r.t.Errorf("%s: %v", command, err)
		}
	}
	if got := r.src.Query(r.t, "select count(*) from pglogical.queue where message::text like '%refused%'"); got != "0" {
		r.t.Errorf("%s refused commands are queued", got)
	}
}

// commandsTakenBack: what is rolled back, whole or to a savepoint, arrives nowhere.
func (r *rig) commandsTakenBack() {
	r.t.Helper()
	ctx, sets := r.t.Context(), []string{"default"}
	back := errors.New("taken back")
	if err := r.ddl("back", "alter table public.k add back int", sets, func(pgx.Tx, *pglogical.Engine) error { return back }); !errors.Is(err, back) {
		r.t.Error(err)
	}
	err := r.ddl("kept", "alter table public.k add kept int", sets, func(tx pgx.Tx, e *pglogical.Engine) error {
		inner, err := tx.Begin(ctx)
		if err != nil {
			return err
		}
		if err := e.RunDDL(ctx, inner, "inner", "alter table public.k add inner_one int", sets); err != nil {
			return err
		}
		if err := inner.Rollback(ctx); err != nil {
			return err
		}
		return e.RunDDL(ctx, tx, "value", "alter type public.mood add value 'b'", sets)
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.applied("value")
	for _, id := range []string{"back", "inner"} {
		if done, err := r.engine().Applied(ctx, id); done || err != nil {
			r.t.Errorf("%s: %t %v", id, done, err)
		}
	}
	const shape = "select string_agg(attname, ' ' order by attnum), 'b' = any (enum_range(null::mood)::text[]) from pg_attribute where attrelid = 'k'::regclass and attnum > 0"
	if got := r.dst.Query(r.t, shape); got != "id v kept|t" {
		r.t.Errorf("the target's k: %s", got)
	}
}

// commandsForOthers: only who subscribes to a set that is named gets a command.
func (r *rig) commandsForOthers() {
	r.t.Helper()
	r.src.Exec(r.t, "select pglogical.create_replication_set('others')")
	if err := r.ddl("others", "create table public.of_others (id int)", []string{"others"}, nil); err != nil {
		r.t.Fatal(err)
	}
	r.reached()
	if got := r.dst.Query1(r.t, "select to_regclass('public.of_others')"); got != "" {
		r.t.Error("a command for others has arrived")
	}
}

// rowsBeforeJoining: a new table is in no set, and what it gets before it joins is lost.
func (r *rig) rowsBeforeJoining() {
	r.t.Helper()
	err := r.ddl("late", "create table public.late (id int primary key)", []string{"default"}, func(tx pgx.Tx, _ *pglogical.Engine) error {
		for _, sql := range []string{"insert into public.late values (1)", "select pglogical.replication_set_add_table('default', 'public.late')", "insert into public.late values (2)"} {
			if _, err := tx.Exec(r.t.Context(), sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.src.Exec(r.t, "insert into late values (3)")
	r.reached()
	if got := r.dst.Query1(r.t, "select string_agg(id::text, ' ' order by id) from late"); got != "2 3" {
		r.t.Errorf("late: %s", got)
	}
}

// asRole: a command is run on the target by the role of that name. One that is not there,
// and one that does not own the table, end the worker, which goes on when that is mended.
func (r *rig) asRole() {
	r.t.Helper()
	role, _ := r.src.Role(r.t, "")
	plain := r.openAs(r.src.URLAs(role), false)
	r.src.Exec(r.t, "alter table k owner to "+role+"; grant create on schema public to "+role)
	run := func() error {
		return pgx.BeginFunc(r.t.Context(), plain, func(tx pgx.Tx) error {
			return r.engine().RunDDL(r.t.Context(), tx, "role", "alter table public.k add of_role int", []string{"default"})
		})
	}
	if err := run(); session.Code(err) != "42501" {
		r.t.Errorf("without USAGE: %v", err)
	}
	for _, db := range []*pgtest.DB{r.src, r.dst} {
		db.Exec(r.t, "grant usage on schema pglogical to "+role)
	}
	r.dst.Exec(r.t, "select pglogical.alter_subscription_disable('"+mirrorName+"', true)")
	eventually(r.t, func() bool { alive, err := r.engine().Alive(r.t.Context()); return err == nil && !alive })
	if err := run(); err != nil {
		r.t.Fatal(err)
	}
	r.src.Exec(r.t, "alter role "+role+" rename to elsewhere")
	r.dst.Exec(r.t, "select pglogical.alter_subscription_enable('"+mirrorName+"', true)")
	logged := func(text string) {
		r.t.Helper()
		eventually(r.t, func() bool {
			if err := r.engine().Kick(r.t.Context()); err != nil {
				r.t.Error(err)
			}
			return strings.Contains(r.dst.Log(r.t), text)
		})
	}
	logged(`role "` + role + `" does not exist`)
	r.src.Exec(r.t, "alter role elsewhere rename to "+role)
	logged("must be owner of table k")
	r.dst.Exec(r.t, "alter table k owner to "+role)
	eventually(r.t, func() bool {
		done, err := r.engine().Applied(r.t.Context(), "role")
		return err == nil && (done || r.engine().Kick(r.t.Context()) != nil)
	})
}

// pluginNotAllowed: servers that know the setting let no slot use a plugin that is not in
// it, and no superuser either.
func (r *rig) pluginNotAllowed() {
	r.t.Helper()
	if r.src.Query1(r.t, "select count(*) from pg_settings where name = 'output_plugin_libraries'") == "0" {
		return
	}
	conn := r.open(r.src)
	for _, sql := range []string{"alter system set output_plugin_libraries = 'pgoutput', 'test_decoding'", "select pg_catalog.pg_reload_conf()"} {
		if _, err := conn.Exec(r.t.Context(), sql); err != nil {
			r.t.Fatal(err)
		}
	}
	eventually(r.t, func() bool { return !strings.Contains(r.src.Query1(r.t, "show output_plugin_libraries"), "pglogical") })
	r.refused("a plugin that is not allowed", "select pg_catalog.pg_create_logical_replication_slot('refused', 'pglogical_output')", "42501")
}
