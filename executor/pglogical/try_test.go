package pglogical_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"bascule/config"
	"bascule/executor/pglogical"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// what is on a database and on its server that an engine could leave behind.
const traces = `
	select string_agg(x, e'\n' order by x) from (
		select 'extension ' || extname from pg_extension
		union all select 'schema ' || nspname from pg_namespace where nspname !~ '^pg_(toast_)?temp'
		union all select 'slot ' || slot_name || ' ' || database from pg_replication_slots
		union all select 'origin ' || roname from pg_replication_origin
		union all select 'relation ' || oid::regclass from pg_class where oid >= 16384
		union all select 'trigger ' || tgname || ' ' || tgrelid::regclass from pg_trigger
		union all select 'function ' || oid::regprocedure from pg_proc where oid >= 16384
		union all select 'subscription ' || subname from pg_subscription
		union all select 'comment ' || description from pg_description where objoid >= 16384) t(x)`

// Trying leaves nothing behind, and an address that does not lead to the source is told
// without what is secret in it.
func TestTry(t *testing.T) {
	t.Parallel()
	r := newRig(t, "create table a (id int primary key)")
	before := r.src.Query1(t, traces) + r.dst.Query1(t, traces)
	if err := r.engine().Try(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule string
		edit func(c *pglogical.Config)
		want string
	}{
		{"another port", func(c *pglogical.Config) { c.Provider = swapped(c.Provider, "port=", "port=1 password=secretive x=") }, "the source"},
		{"a wrong password", func(c *pglogical.Config) { c.Provider = swapped(c.Provider, "password=", "password=secretive") }, "the source"},
		{"a database that is not there", func(c *pglogical.Config) { c.Provider = swapped(c.Provider, "dbname=", "dbname=not_") }, "the source"},
		{"not its own", func(c *pglogical.Config) { c.Subscriber = swapped(c.Subscriber, "port=", "port=1") }, "itself"},
	} {
		cfg := r.config()
		c.edit(&cfg)
		err := pglogical.New(cfg).Try(t.Context())
		var try *pglogical.TryError
		if !errors.As(err, &try) || try.To != c.want {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		if text := fmt.Sprintf("%v %+v %s", err, errors.Unwrap(err), try.Hint()); strings.Contains(text, r.src.Password) || strings.Contains(text, "secretive") {
			t.Errorf("%s: a password is told", c.rule)
		}
	}
	if after := r.src.Query1(t, traces) + r.dst.Query1(t, traces); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	cfg := r.config()
	cfg.Provider = swapped(cfg.Provider, "port=", "port=1 password=secretive x=")
	if _, err := pglogical.New(cfg).Prepare(t.Context(), nil); err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, errors.Unwrap(err)), r.src.Password) {
		t.Errorf("prepared without a connection, or a password is told")
	}
	if log := r.dst.Log(t); strings.Contains(log, r.src.Password) || strings.Contains(log, "secretive") {
		t.Error("a password is in the server's log")
	}
}

// The target need not have the tables yet that a publication of the mirror holds.
func TestTryBeforeTheTables(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	r.src.Exec(t, "create table a (id int primary key); create publication "+mirrorName+" for table a")
	if err := r.engine().Try(t.Context()); err != nil {
		t.Error(err)
	}
}

// No password stands in a statement: neither in what the server counts, of a superuser,
// nor in what it logs of a role that may not have it keep quiet.
func TestNoPasswordInStatements(t *testing.T) {
	t.Parallel()
	const secret = "s3'cretive"
	c := pgtest.Pglogical(t, 15, pgtest.WithSettings(map[string]string{"shared_preload_libraries": "pglogical, pg_stat_statements",
		"pg_stat_statements.track": "all", "log_statement": "all", "log_error_verbosity": "verbose"}))
	r := rigOn(t, c, c, bank)
	r.dst.Exec(t, "create extension pg_stat_statements")
	holds := func(text string) bool {
		return strings.Contains(text, r.src.Password) || strings.Contains(text, "cretive") || strings.Contains(text, "connect_timeout")
	}
	if err := r.engine().Try(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.start(r.bank()...)
	cfg := r.config()
	cfg.Provider = config.Secret(cfg.Provider.Reveal() + " application_name='s3\\'cretive'")
	if _, err := pglogical.New(cfg).Prepare(t.Context(), r.bank()); err != nil { // by another address
		t.Fatal(err)
	}
	counted := r.dst.Query1(t, "select string_agg(query, e'\n') from pg_stat_statements")
	if !strings.Contains(counted, "create_subscription") || holds(counted) {
		t.Errorf("a password is counted, or nothing is")
	}

	role, _ := r.dst.Role(t, "")
	r.dst.Exec(t, "alter role "+role+" set log_statement = 'none'") // all with their parameters otherwise
	r.dst.Exec(t, fmt.Sprintf("grant usage on schema pglogical to %s; grant all on all tables in schema pglogical to %[1]s; grant execute on all functions in schema pglogical to %[1]s", role))
	cfg.Target = r.openAs(r.dst.URLAs(role), false)
	cfg.Provider = swapped(r.config().Provider, "port=", "port=1 password="+strings.ReplaceAll(secret, "'", `\'`)+" x=")
	r.notes = nil
	if err := pglogical.New(cfg).Try(t.Context()); err != nil || !strings.Contains(strings.Join(r.notes, " "), "takes a superuser") {
		t.Errorf("%v", err)
	}
	cfg.Stream.Subscription = mirrorName + "_b"
	cfg.Provider = swapped(r.config().Provider, "dbname=", "fallback_application_name=cretive dbname=not_")
	if _, err := pglogical.New(cfg).Prepare(t.Context(), r.bank()); err == nil || holds(err.Error()) || holds(fmt.Sprintf("%+v", errors.Unwrap(err))) {
		t.Errorf("prepared without a connection, or a password is told")
	}
	for line := range strings.Lines(r.dst.Log(t)) {
		if holds(line) && !strings.Contains(line, "pglogical apply") && !strings.Contains(line, "pglogical manager") {
			t.Errorf("a password is in the server's log: %s", strings.NewReplacer(r.src.Password, "***", "cretive", "***").Replace(line))
		}
	}
}

// swapped replaces part of a connection string, up to the value's end where the new text
// ends in "=".
func swapped(dsn config.Secret, from, to string) config.Secret {
	return config.Secret(strings.Replace(dsn.Reveal(), from, to, 1))
}

// Without the library there is nothing to be had.
func TestTryWithoutTheLibrary(t *testing.T) {
	t.Parallel()
	r := rigOn(t, pgtest.Server(t, 15), pgtest.Server(t, 15), "")
	if err := r.engine().Try(t.Context()); err == nil || !strings.Contains(err.Error(), "try pglogical on the source: create extension") {
		t.Errorf("%v", err)
	}
}

// A role that is no superuser cannot create the extension.
func TestTryAsAPlainRole(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	role, _ := r.src.Role(t, "replication")
	cfg := r.config()
	cfg.Source = r.openAs(r.src.URLAs(role), false)
	if err := pglogical.New(cfg).Try(t.Context()); session.Code(err) != "42501" {
		t.Errorf("%v", err)
	}
}
