package pgtest_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/planner/catalog/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func TestNewGivesSourceAndTarget(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "create table a (id int); insert into a values (1), (2)")
	if got := source.Query(t, "select id, id * 2 from a order by id"); got != "1|2\n2|4" {
		t.Errorf("source holds %q", got)
	}
	if got := target.Query1(t, "select count(*) from pg_catalog.pg_class where relname = 'a'"); got != "0" {
		t.Errorf("target holds %s tables", got)
	}
	if got := source.Query(t, "show wal_level; show server_encoding"); got != "UTF8" {
		t.Errorf("last statement returned %q", got)
	}
}

func TestServersOfEveryVersion(t *testing.T) {
	t.Parallel()
	for _, major := range []string{"15", "16", "17", "18"} {
		t.Run(major, func(t *testing.T) {
			t.Parallel()
			number := int(major[0]-'0')*10 + int(major[1]-'0')
			db := pgtest.Server(t, number).Database(t, "")
			if got := db.Query1(t, "show server_version"); !strings.HasPrefix(got, major) {
				t.Errorf("server is %s", got)
			}
		})
	}
}

func TestSharedByOptions(t *testing.T) {
	t.Parallel()
	plain := pgtest.Server(t, 15)
	small := map[string]string{"work_mem": "64kB"}
	if plain != pgtest.Server(t, 15) {
		t.Error("two clusters without options")
	}
	tuned := pgtest.Server(t, 15, pgtest.WithSettings(small))
	if tuned == plain || tuned != pgtest.Server(t, 15, pgtest.WithSettings(small)) {
		t.Error("options do not tell clusters apart")
	}
	if got := tuned.Database(t, "").Query1(t, "show work_mem"); got != "64kB" {
		t.Errorf("work_mem = %s", got)
	}
}

func TestPasswordsAreAsked(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "")
	role, password := db.Role(t, "replication")
	conn, err := pgx.Connect(t.Context(), db.URLAs(role))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	_, err = pgx.Connect(t.Context(), strings.Replace(db.URLAs(role), password, "wrong", 1))
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "28P01" {
		t.Errorf("wrong password: %v", err)
	}
}

func TestEncoding(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "", pgtest.WithEncoding("LATIN1", "C"))
	if got := db.Query1(t, "show server_encoding"); got != "LATIN1" {
		t.Errorf("encoding %s", got)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	c := pgtest.Server(t, 15, pgtest.WithTLS())
	db := c.Database(t, "")
	verified := strings.Replace(db.URL, "sslmode=require", "sslmode=verify-full&sslrootcert="+c.CA(), 1)
	conn, err := pgx.Connect(t.Context(), verified)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if got := db.Query1(t, "select ssl from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()"); got != "t" {
		t.Errorf("ssl = %s", got)
	}
}

func TestHBA(t *testing.T) {
	t.Parallel()
	c := pgtest.Server(t, 15, pgtest.WithHBA("host all postgres 127.0.0.1/32 scram-sha-256"))
	role, _ := c.Role(t, "")
	_, err := pgx.Connect(t.Context(), c.Database(t, "").URLAs(role))
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "28000" {
		t.Errorf("a role that pg_hba.conf does not name: %v", err)
	}
}

func TestOwnSurvivesStopAndKill(t *testing.T) {
	t.Parallel()
	c := pgtest.Own(t, 15, pgtest.WithSettings(map[string]string{"synchronous_commit": "on"}))
	db := c.Database(t, "create table a (id int); insert into a values (1)")
	c.Stop(t)
	if _, err := pgx.Connect(t.Context(), db.URL); err == nil {
		t.Fatal("a stopped server took a session")
	}
	c.Start(t)
	db.Exec(t, "insert into a values (2)")
	conn := db.Conn(t)
	c.Kill(t)
	if err := conn.Ping(t.Context()); err == nil {
		t.Fatal("a killed server answered")
	}
	c.Start(t)
	if got := db.Query1(t, "select count(*) from a"); got != "2" {
		t.Errorf("%s rows after kill and restart", got)
	}
	if !strings.Contains(c.Log(t), "automatic recovery in progress") {
		t.Error("the server was not killed")
	}
}

// A session that streams from a slot keeps neither the slot nor the database.
func TestDatabaseWithSlotIsDropped(t *testing.T) {
	t.Parallel()
	c := pgtest.Server(t, 15)
	var name string
	t.Run("test with a slot", func(t *testing.T) {
		db := c.Database(t, "select pg_catalog.pg_create_logical_replication_slot('pgtest_slot', 'pgoutput')")
		db.Exec(t, "create publication p")
		name = db.Name
		conn, err := pgconn.Connect(t.Context(), db.URL+"&replication=database")
		if err != nil {
			t.Fatal(err)
		}
		// The stream never ends by itself: the cleanup ends it.
		conn.Exec(t.Context(), `START_REPLICATION SLOT pgtest_slot LOGICAL 0/0 (proto_version '1', publication_names 'p')`)
		db.Eventually(t, "select active from pg_catalog.pg_replication_slots where slot_name = 'pgtest_slot'", "t")
	})
	db := c.Database(t, "")
	if got := db.Query1(t, "select count(*) from pg_catalog.pg_database where datname = '"+name+"'"); got != "0" {
		t.Error("the database is still there")
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/a.sql", []byte("create table a (id int);\n\\copy a from a.csv\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/a.csv", []byte("1\n2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	db := pgtest.Server(t, 15).Database(t, "")
	db.Load(t, dir+"/a.sql")
	if got := db.Query1(t, "select sum(id) from a"); got != "3" {
		t.Errorf("loaded %s", got)
	}
}
