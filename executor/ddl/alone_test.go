package ddl_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/executor/ddl"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// alone runs statements of table users, each by itself, and keeps what was recorded.
func (r *rig) alone(t *testing.T, done string, texts ...string) (marks []string, err error) {
	t.Helper()
	a := ddl.Alone{Address: "ddl.x", Where: "the source", Side: ddl.SideSource, Source: r.Source, LockTimeout: time.Second,
		Record: func(_ context.Context, mark string) error {
			marks = append(marks, mark)
			return nil
		}}
	for _, text := range texts {
		a.Statements = append(a.Statements, ddl.Statement{Text: text, Tables: []string{"public.users"}})
	}
	return marks, a.Run(t.Context(), done)
}

const validity = "select string_agg(relname || ' ' || indisvalid, ', ' order by relname) from pg_index join pg_class on oid = indexrelid where indrelid = 'users'::regclass"

func TestAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, 15, users)
	one, two := "create index concurrently a on public.users (name)", "drop index concurrently public.a"
	marks, err := r.alone(t, "", one, "vacuum public.users", two, one)
	key, made := r.Query(t, "select 'users_pkey'::regclass::oid"), "[0-9]+"
	want := regexp.MustCompile("^source 0 begun " + key + "; source 1; source 1 begun " + key + " " + made + "; source 2; source 2 begun " +
		key + " " + made + "; source 3; source 3 begun " + key + "; source 4$")
	if got := strings.Join(marks, "; "); err != nil || !want.MatchString(got) {
		t.Fatalf("%s: %v", got, err)
	}
	// What is done is not done again, and what was begun and done is found to be.
	for _, done := range []string{"source 4", "source 3 begun", "source 2 begun"} {
		if marks, err := r.alone(t, done, one, "vacuum public.users", two, one); err != nil {
			t.Errorf("after %q: %v %v", done, marks, err)
		}
		if got := r.Query(t, validity); got != "a true, users_pkey true" {
			t.Errorf("after %q: %s", done, got)
		}
	}
}

// What the server refuses, it refuses again: nothing has begun then. An index of that name
// that was there is in the way also of who was killed before the statement.
func TestAloneInTheWay(t *testing.T) {
	t.Parallel()
	r := newRig(t, 15, users+"; create index a on public.users (id)")
	begun := "source 0 begun " + r.Query(t, "select string_agg(indexrelid::text, ' ') from pg_index where indrelid = 'users'::regclass")
	const one = "create index concurrently a on public.users (name)"
	for _, c := range []struct{ text, done, want string }{
		{one, "", "already exists"},
		{one, begun, "already exists"},
		{"drop index concurrently public.b", "", "does not exist"},
	} {
		for range 2 {
			marks, err := r.alone(t, c.done, c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, after %q: %v", c.text, c.done, err)
			}
			c.done = strings.Join(marks[max(0, len(marks)-1):], "")
		}
	}
}

// What an earlier try still builds, whose process was killed, is ended and built anew.
func TestAloneStillBuilds(t *testing.T) {
	t.Parallel()
	r := newRig(t, 15, users)
	writer := r.Conn(t)
	if _, err := writer.Exec(t.Context(), "begin; insert into users values (200)"); err != nil {
		t.Fatal(err)
	}
	const one = "create index concurrently a on public.users (name)"
	killed, err := r.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(t.Context(), killed)
	earlier := make(chan error, 1)
	go func() { earlier <- killed.PgConn().Exec(t.Context(), one).Close() }()
	r.Eventually(t, "select count(*) from pg_stat_progress_create_index where datname = current_database()", "1")
	ended := make(chan error, 1)
	go func() {
		_, err := r.alone(t, "source 0 begun", one)
		ended <- err
	}()
	if err := <-earlier; err == nil {
		t.Error("two built it")
	}
	if _, err := writer.Exec(t.Context(), "commit"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := r.Query(t, validity); got != "a true, users_pkey true" {
		t.Errorf("indexes: %s", got)
	}
}

// An index that a build leaves behind invalid is dropped, at once or by the next try;
// one that was invalid before is somebody else's.
func TestAloneInvalid(t *testing.T) {
	t.Parallel()
	r := newRig(t, 15, users+"; alter table public.users add n int default 1")
	theirs := func() {
		t.Helper()
		if err := r.Conn(t).PgConn().Exec(t.Context(), "create unique index concurrently theirs on users (n)").Close(); err == nil {
			t.Fatal("it is unique")
		}
	}
	theirs()
	const unique = "create unique index concurrently ours on public.users (n)"
	if _, err := r.alone(t, "", unique); err == nil || !strings.Contains(err.Error(), "could not create unique index") {
		t.Errorf("%v", err)
	}
	if got := r.Query(t, validity); got != "theirs false, users_pkey true" {
		t.Errorf("after a failure: %s", got)
	}
	before := r.Query(t, "select 'theirs'::regclass::oid")
	_ = r.Conn(t).PgConn().Exec(t.Context(), unique).Close() // as a process that was killed leaves it
	r.Exec(t, "update users set n = id")
	if _, err := r.alone(t, "source 0 begun "+before+":invalid", unique); err != nil {
		t.Fatal(err)
	}
	if got := r.Query(t, validity); got != "ours true, theirs false, users_pkey true" {
		t.Errorf("at last: %s", got)
	}
}

// An index that is built concurrently waits for who writes to the table, and says so.
func TestAloneWaits(t *testing.T) {
	t.Parallel()
	r := newRig(t, 15, users)
	writer := r.Conn(t)
	if _, err := writer.Exec(t.Context(), "set application_name = 'the writer'; begin; insert into users values (200)"); err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 10)
	a := ddl.Alone{Address: "ddl.x", Where: "the source", Side: ddl.SideSource, Source: r.Source, LockTimeout: 100 * time.Millisecond,
		Statements: []ddl.Statement{{Text: "create index concurrently a on public.users (name)", Tables: []string{"public.users"}}},
		Waiting:    func(text string) { told <- text }, Record: func(context.Context, string) error { return nil }}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(t.Context(), "") }()
	if got, want := <-told, fmt.Sprintf("ddl.x waits on the source for pid %d (the writer)", writer.PgConn().PID()); !strings.HasPrefix(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	if _, err := writer.Exec(t.Context(), "commit"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if len(told) > 0 {
		t.Errorf("told again: %s", <-told)
	}
	if got := r.Query(t, validity); got != "a true, users_pkey true" {
		t.Errorf("indexes: %s", got)
	}
}

// A statement that was brought to its end while the answer was lost is not run again,
// and is no error.
func TestAloneAnswerLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, 15, users)
	wire := pgtest.NewWire(t, r.DB)
	peer := &config.Peer{Address: "peer.source", URL: config.Secret(wire.URL)}
	r.Open = func(ctx context.Context) (*pgx.Conn, error) {
		return session.Open(ctx, peer, session.Options{Application: "bascule/ddl.x/ddl"})
	}
	writer := r.Conn(t)
	if _, err := writer.Exec(t.Context(), "begin; insert into users values (200)"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := r.alone(t, "", "create index concurrently a on public.users (name)")
		ended <- err
	}()
	r.Eventually(t, "select count(*) from pg_stat_activity where application_name = 'bascule/ddl.x/ddl' and datname = current_database() and wait_event_type = 'Lock'", "1")
	wire.Hold()
	if _, err := writer.Exec(t.Context(), "commit"); err != nil {
		t.Fatal(err)
	}
	r.Eventually(t, validity, "a true, users_pkey true")
	oid := r.Query(t, "select 'a'::regclass::oid")
	wire.Cut()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if len(r.told) != 1 || r.Query(t, validity) != "a true, users_pkey true" || r.Query(t, "select 'a'::regclass::oid") != oid {
		t.Errorf("told %d times; indexes %s, and the index was %s", len(r.told), r.Query(t, validity), oid)
	}
}

// What has come here in another way is no error for who may find it, if it is whole; and
// what is known to have come does not run.
func TestAloneCarried(t *testing.T) {
	t.Parallel()
	r := newRig(t, 15, users)
	run := func(x ddl.Statement) (marks []string, err error) {
		x.Tables = []string{"public.users"}
		a := ddl.Alone{Address: "ddl.x", Where: "the target", Side: ddl.SideTarget, Source: r.Source, LockTimeout: time.Second, Carries: true,
			Statements: []ddl.Statement{x}, Record: func(_ context.Context, mark string) error {
				marks = append(marks, mark)
				return nil
			}}
		return marks, a.Run(t.Context(), "")
	}
	const one = "create index concurrently a on public.users (name)"
	for _, text := range []string{one, one, "drop index concurrently public.a", "drop index concurrently public.a"} {
		if marks, err := run(ddl.Statement{Text: text}); err != nil || marks[len(marks)-1] != "target 1" {
			t.Errorf("%s: %v %v", text, marks, err)
		}
	}
	if marks, err := run(ddl.Statement{Text: "create index concurrently on public.users (name)", Carried: true}); err != nil || strings.Join(marks, "") != "target 1" {
		t.Errorf("%v %v", marks, err)
	}
	if got := r.Query(t, validity); got != "users_pkey true" {
		t.Errorf("indexes: %s", got)
	}
	r.Exec(t, "alter table public.users add n int default 1")
	const unique = "create unique index concurrently a on public.users (n)"
	_ = r.Conn(t).PgConn().Exec(t.Context(), unique).Close() // leaves it invalid
	if _, err := run(ddl.Statement{Text: unique}); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("half an index: %v", err)
	}
}

// A partition's detaching that was killed is brought to its end: it cannot be begun again
// where it is pending, nor where it is through.
func TestAloneDetachesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, 15, users+`; create table public."P" (id int) partition by range (id); create table public.p_1 partition of public."P" for values from (1) to (10)`)
	a := ddl.Alone{Address: "ddl.x", Where: "the source", Side: ddl.SideSource, Source: r.Source, LockTimeout: time.Second,
		Statements: []ddl.Statement{{Text: `alter table public."P" detach partition public.p_1 concurrently`, Tables: []string{`public."P"`, "public.p_1"}}},
		Record:     func(context.Context, string) error { return nil }}
	reader := r.Conn(t)
	if _, err := reader.Exec(t.Context(), `begin; select from public."P"`); err != nil {
		t.Fatal(err)
	}
	killed := r.Conn(t).PgConn()
	ended := make(chan error, 1)
	go func() { ended <- killed.Exec(t.Context(), a.Statements[0].Text).Close() }()
	r.Eventually(t, "select inhdetachpending from pg_inherits where inhrelid = 'p_1'::regclass", "t")
	r.Exec(t, fmt.Sprintf("select pg_terminate_backend(%d)", killed.PID()))
	if err := <-ended; err == nil {
		t.Fatal("it did not wait")
	}
	if _, err := reader.Exec(t.Context(), "commit"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := a.Run(t.Context(), "source 0 begun"); err != nil {
			t.Error(err)
		}
		if got := r.Query1(t, "select count(*) from pg_inherits where inhrelid = 'p_1'::regclass"); got != "0" {
			t.Error("it is still a partition")
		}
	}
	if err := a.Run(t.Context(), ""); err == nil {
		t.Error("what is no partition from the beginning is no error")
	}
}
