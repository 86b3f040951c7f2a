package executor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor"
	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// A role that the target lacks is found by the plan. One that goes after that halts the
// mirror there, and the command comes through when it is back.
func TestCommandNamesARole(t *testing.T) {
	t.Parallel()
	source := pgtest.Server(t, 15).Database(t, single)
	f := newFollower(t, source, pgtest.Server(t, 17).Database(t, ""), "")
	f.applied(t)
	role, _ := source.Role(t, "")
	f.more = block("x", "alter table public.t owner to "+role+", add n int")
	plan, _, err := f.tries(t)
	if err == nil || !strings.Contains(codes(plan, planner.Refusal), "B182") || !strings.Contains(findings(plan), "peer.target has no role "+role) {
		t.Errorf("%v\n%s", err, findings(plan))
	}
	f.wants(t, "id a b", "id a b")
	f.target.Exec(t, "create role "+role)
	_, _, err = f.triesWith(t.Context(), t, func(*executor.Config) { f.target.Exec(t, "drop role "+role) })
	if halt := f.halt(t); err == nil || !strings.Contains(halt, "42704") || !strings.Contains(halt, "make it possible on the target too") {
		t.Errorf("%v\nhalt %s", err, halt)
	}
	f.wants(t, "id a b n", "id a b")
	f.writes(t, "insert into t values (100, 'x', 1, 1)")
	f.target.Exec(t, "create role "+role)
	f.applied(t)
	f.runs(t)
	f.same(t)
	f.sameRows(t, "owner", ownerOf, ownerOf)
	f.settled(t)
	f.target.Exec(t, "reassign owned by "+role+" to current_user; drop owned by "+role+"; drop role "+role)
}

const ownerOf = "select relowner::regrole::text from pg_class where oid = 't'::regclass"

// A block that was edited after it ran is refused, and nothing runs; as it was, it is
// done.
func TestCommandEdited(t *testing.T) {
	t.Parallel()
	f := commanded(t, "")
	f.more = block("x", added)
	f.applied(t)
	f.more = block("x", "alter table public.t add m int")
	plan, _, err := f.tries(t)
	if err == nil || codes(plan, planner.Refusal) != "B189" || !strings.Contains(findings(plan), "ddl.x was edited, and its command has run") {
		t.Errorf("%v\n%s", err, findings(plan))
	}
	f.wants(t, "id a b n", "id a b n")
	f.more = block("x", added)
	f.settled(t)
}

// Messages that look like ours are ignored, and said to be, whoever wrote them: of a
// command that has run, of one that has not, of none.
func TestForgedMessages(t *testing.T) {
	t.Parallel()
	f := commanded(t, "")
	f.more = block("x", added)
	f.applied(t)
	f.runs(t)
	looker := f.target.Conn(t)
	var message, mirror string
	if err := looker.QueryRow(t.Context(), "select id || ' ' || nonce, mirror from bascule.ddl").Scan(&message, &mirror); err != nil {
		t.Fatal(err)
	}
	const drop = "drop table public.t"
	waiting, err := ledger.PutDDL(t.Context(), looker, mirror, ledger.DDL{ID: planner.DDLID("ddl.y", planner.Checksum(drop)), Nonce: strings.Repeat("a", 32),
		Address: "ddl.y", Checksum: planner.Checksum(drop), Command: drop, LockTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	role, _ := f.source.Role(t, "")
	anybody, err := pgx.Connect(t.Context(), f.source.URLAs(role))
	if err != nil {
		t.Fatal(err)
	}
	defer anybody.Close(t.Context())
	for _, forged := range []struct{ content, why string }{
		{message, "the command is applied already"},
		{waiting.ID + " " + strings.Repeat("b", 32), "its nonce is not the command's"},
		{"0123456789abcdef 0123456789abcdef0123456789abcdef", "the ledger has no command of that id"},
		{drop, "it names no command"},
		{"", "it names no command"},
	} {
		if _, err := anybody.Exec(t.Context(), "select pg_logical_emit_message(true, 'bascule', $1::text)", forged.content); err != nil {
			t.Fatal(err)
		}
		f.writes(t, "insert into t select max(id) + 1 from t")
		f.same(t)
		if !f.events.told(forged.why) {
			t.Errorf("%q: nobody was told that %s\n%s", forged.content, forged.why, f.events)
		}
	}
	f.wants(t, "id a b n", "id a b n")
}

// What the parser does not know, for it is of a newer grammar, runs all the same where
// both servers know it.
func TestCommandOfANewerGrammar(t *testing.T) {
	t.Parallel()
	source := pgtest.Server(t, 18).Database(t, single)
	target := pgtest.Server(t, 18).Database(t, "create table t (id int primary key, a text, b int); create table mark (id bigserial primary key)")
	f := newFollower(t, source, target, "schema { copy = false }") // no pg_dump need be as new
	f.applied(t)
	f.runs(t)
	f.more = block("x", "alter table public.t add twice int generated always as (b * 2) virtual;\nalter table public.t add constraint b_there not null b not valid")
	f.writes(t, "insert into t values (100, 'before', 1)")
	plan := f.applied(t)
	if !strings.Contains(codes(plan, planner.Warning), "B176") || !strings.Contains(findings(plan), "the command cannot be read") {
		t.Errorf("nothing is said of it:\n%s", findings(plan))
	}
	f.writes(t, "insert into t values (101, 'after', 2); update t set b = b + 1")
	f.same(t)
	f.sameRows(t, "shape", shape, shape)
	const validated = "select conname, convalidated from pg_constraint where conrelid = 't'::regclass"
	f.sameRows(t, "constraints", validated, validated)
	f.settled(t)
}

// A trigger does not fire on the target for what it did on the source: where it would,
// the plan refuses it.
func TestCommandMakesATrigger(t *testing.T) {
	t.Parallel()
	f := plainFollower(t, `create schema shop; create table shop.t (id int primary key, b int); insert into shop.t select i, i from generate_series(1, 9) i;
		create table shop.noted (t int); create function shop.note() returns trigger language plpgsql as 'begin insert into shop.noted values (new.id); return null; end'`, "")
	f.applied(t)
	f.runs(t)
	f.more = block("x", "create trigger noting after insert or update on shop.t for each row execute function shop.note()")
	plan, _, err := f.tries(t)
	if err == nil || codes(plan, planner.Refusal) != "B164" {
		t.Errorf("%v\n%s", err, findings(plan))
	}
	if got := f.source.Query(t, "select count(*) from pg_trigger where tgname = 'noting'"); got != "0" {
		t.Errorf("the source has %s", got)
	}
	f.granted(t)
	f.applied(t)
	f.writes(t, "insert into shop.t values (100, 1); update shop.t set b = 0 where id < 5")
	f.same(t)
	if got := f.target.Query(t, "select count(*) from shop.noted"); got != "5" {
		t.Errorf("noted %s times", got)
	}
	f.settled(t)
}

// A statement that waits for old transactions tells for whom. It is not waited for
// longer than asked for; the next apply goes on, and leaves nothing invalid behind.
func TestCommandAloneWaits(t *testing.T) {
	t.Parallel()
	f := commanded(t, "")
	f.runs(t)
	release := holds(t, f.source, "insert into t values (200)")
	f.more = block("x", "create index concurrently by_a on public.t (a)", `lock_timeout = "200ms"`)
	f.waitsInVain(t, func(error) bool {
		return f.events.told("ddl.x waits on the source for pid ") && f.events.told("(the holder)")
	})
	release()
	f.applied(t)
	f.sameRows(t, "indexes", indexes, indexes)
	f.same(t)
	f.settled(t)
}
