package pgtest_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// Rows and DDL go from 15 to 15 and to 17 by pglogical.
func TestPglogicalReplicates(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 17} {
		t.Run(fmt.Sprint("15 to ", major), func(t *testing.T) {
			t.Parallel()
			const table = "create table a (id int primary key)"
			source := pgtest.Pglogical(t, 15).Database(t, table)
			target := pgtest.Pglogical(t, major).Database(t, table)
			subscribe(t, source, target)
			source.Exec(t, "insert into a values (7)")
			target.Eventually(t, "select id from a", "7")
			source.Exec(t, "select pglogical.replicate_ddl_command('alter table public.a add b text', array['default'])")
			source.Exec(t, "insert into a values (8, 'x')")
			target.Eventually(t, "select to_jsonb(a) ->> 'b' from a where id = 8", "x")
		})
	}
}

// subscribe lets the target follow the source, without a copy.
func subscribe(t *testing.T, source, target *pgtest.DB) {
	t.Helper()
	node := func(db *pgtest.DB, name string) string {
		dsn := fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=%s", db.Host, db.Port, db.User, db.Password, db.Name)
		db.Exec(t, "create extension pglogical; select pglogical.create_node('"+name+"', '"+dsn+"')")
		return dsn
	}
	dsn := node(source, "source")
	source.Exec(t, "select pglogical.replication_set_add_table('default', 'a')")
	node(target, "target")
	target.Exec(t, `select pglogical.create_subscription('test', '`+dsn+`', array['default'],
		synchronize_structure := false, synchronize_data := false)`)
	target.Eventually(t, "select status from pglogical.show_subscription_status()", "replicating")
}

func TestPglogicalIsPreloaded(t *testing.T) {
	t.Parallel()
	c := pgtest.Pglogical(t, 15, pgtest.WithSettings(map[string]string{"work_mem": "64kB"}))
	db := c.Database(t, "")
	for name, want := range map[string]string{
		"shared_preload_libraries": "pglogical",
		"track_commit_timestamp":   "on",
		"wal_level":                "logical",
		"listen_addresses":         "127.0.0.1",
		"work_mem":                 "64kB",
	} {
		if got := db.Query1(t, "show "+name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	allowed := db.Query1(t, "select setting from pg_settings where name = 'output_plugin_libraries'")
	if allowed != "" && !strings.Contains(allowed, "pglogical_output") {
		t.Errorf("output_plugin_libraries = %q", allowed)
	}
	if again := pgtest.Pglogical(t, 15); again == c {
		t.Error("two tests share a cluster with pglogical")
	}
}
