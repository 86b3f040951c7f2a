package pglogical_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"bascule/executor/ledger"
	"bascule/executor/pglogical"
	"bascule/planner"
	"bascule/planner/catalog"
)

// A slot that somebody dropped is no position that can be taken at once it is behind.
func TestSlotGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, bank)
	members := r.bank()
	r.start(members...)
	at := r.take()
	r.src.Exec(t, "select pg_drop_replication_slot(slot_name) from pg_replication_slots; insert into a (id) values (1)")
	var gap *pglogical.GapError
	if name, err := r.engine().Slot(t.Context()); !errors.As(err, &gap) {
		t.Errorf("its slot is %q: %v", name, err)
	}
	if err := r.engine().Give(t.Context(), at, members); !errors.As(err, &gap) {
		t.Errorf("given: %v", err)
	}
	if least := r.prepare(members...); least <= at { // made anew
		t.Errorf("prepared at %s, taken at %s", least, at)
	}
	if err := r.engine().Give(t.Context(), at, members); !errors.As(err, &gap) {
		t.Errorf("given before the slot: %v", err)
	}
}

// A table leaves, another joins, and columns are left out: only what was prepared is sent.
func TestMembers(t *testing.T) {
	t.Parallel()
	r := newRig(t, bank+"; create table c (id int primary key, x text, y text)")
	members := r.bank()
	r.start(members...)
	r.src.Exec(t, "insert into a values (1), (2); insert into log values (1, 1)")
	r.reached()
	at := r.take()
	c := r.member("c", planner.FollowAll)
	c.Dropped = []string{"y"}
	members = append(members[:1:1], c, members[2])
	if err := r.engine().Give(t.Context(), at, members); err == nil {
		t.Fatal("given other tables than were prepared")
	}
	open := r.open(r.src)
	if _, err := open.PgConn().Exec(t.Context(), "begin; insert into public.b values (1, 'x', 1)").ReadAll(); err != nil {
		t.Fatal(err)
	}
	// A writer of a table that leaves is waited for.
	var g sync.WaitGroup
	g.Go(func() {
		r.dst.Eventually(t, "select count(*) from pg_locks where not granted and relation is not null and database = (select oid from pg_database where datname = '"+r.src.Name+"')", "1")
		if _, err := open.PgConn().Exec(t.Context(), "commit").ReadAll(); err != nil {
			t.Error(err)
		}
	})
	least := r.prepare(members...)
	g.Wait()
	if least <= at {
		t.Errorf("prepared at %s, and taken at %s", least, at)
	}
	var gap *pglogical.GapError
	if err := r.engine().Give(t.Context(), at, members); !errors.As(err, &gap) {
		t.Errorf("given before what was prepared: %v", err)
	}
	r.give(least, members...)
	r.src.Exec(t, "insert into c values (1, 'x', 'y'); update c set x = 'z', y = 'z'; insert into b values (2, 'x', 1); delete from a where id = 1")
	r.reached()
	if got := r.dst.Query(t, "select 'c', id::text, x, y from c union all select 'b', id::text, null, null from b union all select 'a', id::text, null, null from a order by 1, 2"); got != "a|2||\nc|1|z|" {
		t.Errorf("got %s", got)
	}
}

// An idle source confirms what concerns nobody, so a mirror can be taken from it at any
// point, and holds no WAL.
func TestIdle(t *testing.T) {
	t.Parallel()
	r := newRig(t, bank+"; create table other (id int)")
	members := r.bank()
	r.start(members...)
	r.src.Exec(t, "insert into a (id) values (1)")
	r.reached()
	r.src.Exec(t, "insert into other select generate_series(1, 1000)")
	least := r.now()
	r.reached()
	at := r.take()
	if at < least {
		t.Errorf("taken at %s, before %s", at, least)
	}
	p, err := catalog.ReadPglogical(t.Context(), r.target)
	if err != nil {
		t.Fatal(err)
	}
	if origin := p.Subscription(mirrorName).Origin; origin >= least {
		t.Errorf("the origin is at %s: the test shows nothing", origin)
	}
	// An operator's own disable is no position that is lost.
	r.give(at, members...)
	r.dst.Exec(t, "select pglogical.alter_subscription_disable('"+mirrorName+"', true)")
	r.src.Exec(t, "insert into a (id) values (2)")
	if at = r.take(); at < least {
		t.Errorf("taken at %s", at)
	}
	r.give(at, members...)
	r.reached()
	r.equal("a")
}

// Two mirrors of one source do not see each other's tables, and a password that changes
// is taken over.
func TestTwoMirrors(t *testing.T) {
	t.Parallel()
	r := newRig(t, bank)
	second := &rig{t: t, src: r.src, dst: r.src.Database(t, bank), patience: r.patience, stream: r.stream, source: r.source}
	second.target = r.open(second.dst)
	second.stream.Subscription, second.stream.Slot = "bascule_other_9d7f0c6e", "bascule_other_9d7f0c6e"
	before := r.src.Query1(t, traces)
	r.start(r.member("a", planner.FollowAll))
	second.start(second.member("b", planner.FollowAll), second.member("log", planner.FollowInserts))
	r.src.Exec(t, "insert into a (id) values (1); insert into b values (1, 'x', 1); insert into log values (1, 1)")
	r.reached()
	second.reached()
	rows := "select (select count(*) from a) || ' ' || (select count(*) from b) || ' ' || (select count(*) from log)"
	if one, two := r.dst.Query1(t, rows), second.dst.Query1(t, rows); one != "1 0 0" || two != "0 1 1" {
		t.Errorf("%s and %s", one, two)
	}
	p, err := catalog.ReadPglogical(t.Context(), r.source)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Sets {
		for _, x := range s.Tables {
			got = append(got, s.Name+" "+x.Name)
		}
	}
	if text := strings.Join(got, ", "); p.Node != mirrorName || text != "bascule_other_9d7f0c6e b, bascule_other_9d7f0c6e_inserts log, default a" {
		t.Errorf("node %s, %s", p.Node, text)
	}

	at := second.take()
	cfg := second.config()
	cfg.Provider += " application_name=again"
	members := []ledger.Member{second.member("b", planner.FollowAll), second.member("log", planner.FollowInserts)}
	if _, err := pglogical.New(cfg).Prepare(t.Context(), members); err != nil {
		t.Fatal(err)
	}
	second.give(at, members...)
	r.src.Exec(t, "insert into b values (2, 'x', 1)")
	second.reached()
	if got := second.dst.Query1(t, "select count(*) from pglogical.node_interface where if_dsn like '%again'"); got != "1" {
		t.Errorf("%s interfaces that connect as told last", got)
	}
	second.equal("b")
	for _, x := range []*rig{r, second} {
		if left, err := x.engine().Remove(t.Context()); err != nil || len(left) > 0 {
			t.Fatalf("%v %v", left, err)
		}
	}
	if after := r.src.Query1(t, traces); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}
