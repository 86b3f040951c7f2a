package executor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

const equalTables = "create table t (id int primary key, v text); create table log (v text); create table mark (id bigserial primary key); insert into t values (1, 'a'), (2, 'b'); insert into log values ('x');"

// A mirror that copies nothing follows tables that are equal already.
func TestAttachToTablesThatAreEqual(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, equalTables)
	target.Exec(t, equalTables)
	f := newFollower(t, source, target, "initial_copy = false\nschema {\ncopy = false\n}")
	plan := f.applied(t)
	if got := codes(plan, planner.Warning); !strings.Contains(got, "B102") {
		t.Errorf("warnings are %s\n%s", got, findings(plan))
	}
	f.runs(t)
	f.writes(t, "insert into t values (3, 'c'); update t set v = v || '!'; delete from t where id = 1; insert into log values ('y')")
	f.same(t)
	f.settled(t)
	f.removed(t)
	if got := source.Query(t, "select count(*), (select count(*) from pg_publication) from pg_replication_slots where database = current_database()"); got != "0|0" {
		t.Errorf("slots and publications: %s", got)
	}
}

// A slot and publications that are there already are read from where the slot is, and
// outlive the mirror.
func TestAttachByNamedSlot(t *testing.T) {
	long(t)
	t.Parallel()
	for _, copies := range []bool{false, true} {
		t.Run(fmt.Sprintf("initial_copy %t", copies), func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, equalTables)
			name := "named_" + source.Name
			source.Exec(t, "create publication first for table t, mark; create publication second for table log with (publish = 'insert')")
			source.Exec(t, "select pg_create_logical_replication_slot('"+name+"', 'pgoutput')")
			t.Cleanup(func() { dropSlot(t, source, name) })
			source.Exec(t, "insert into t values (3, 'since the slot'); update t set v = 'since the slot' where id = 1; insert into log values ('since the slot')")
			body := fmt.Sprintf("initial_copy = %t\nstream {\nslot = %q\npublications = [\"first\", \"second\"]\n}\n", copies, name)
			if !copies {
				target.Exec(t, equalTables)
				body += "schema {\ncopy = false\n}"
			}
			f := newFollower(t, source, target, body)
			f.applied(t)
			stop := f.runs(t)
			f.writes(t, "insert into t values (4, 'd'); update t set v = v || '!'; delete from t where id = 2; insert into log values ('z')")
			f.same(t)
			f.settled(t)
			stop()
			f.removed(t)
			if got := source.Query(t, "select count(*), (select count(*) from pg_publication) from pg_replication_slots where database = current_database()"); got != "1|2" {
				t.Errorf("slots and publications: %s", got)
			}
		})
	}
}

// dropSlot drops a slot of the test's own, before its database is.
func dropSlot(t *testing.T, db *pgtest.DB, name string) {
	ctx := context.Background() // the test's is over
	conn, err := pgx.Connect(ctx, db.URL)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "select pg_drop_replication_slot('"+name+"')"); err != nil {
		t.Error(err)
	}
}

// Servers that stop, or die, and come back: the mirror goes on by itself.
func TestServersComeBack(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.Own(t, 15).Database(t, equalTables), pgtest.Own(t, 15).Database(t, "")
	f := newFollower(t, source, target, "")
	f.applied(t)
	f.runs(t)
	f.writes(t, "insert into t select i, 'x' from generate_series(10, 500) i")
	f.same(t)
	for _, restart := range []func(){
		func() { source.Stop(t); source.Start(t) },
		func() { target.Stop(t); target.Start(t) },
		func() { target.Kill(t); target.Start(t) },
	} {
		f.writes(t, "update t set v = v || 'y' where id % 2 = 0; delete from t where id in (select max(id) from t)")
		restart()
		f.from, f.to = plainly(t, source), plainly(t, target)
		f.writes(t, "update t set v = 'z' where id % 3 = 0")
		f.same(t)
	}
}
