package crash_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bascule/planner/catalog/pgtest"
)

// engineWorld is a mirror that its servers keep in step, and that is written to all
// along. Each apply has a table to add.
type engineWorld struct{ *world }

// newEngineWorld applies nothing yet. Its servers are its own: catalogues are locked.
func newEngineWorld(t *testing.T, engine, build string, tables int) *engineWorld {
	t.Helper()
	server := pgtest.Own
	if engine == "pglogical" {
		server = pgtest.Pglogical
	}
	schema := engineTables
	for i := range tables {
		schema += fmt.Sprintf("; create table late_%[1]d (id int primary key); insert into late_%[1]d select generate_series(1, 50)", i+1)
	}
	w := &engineWorld{world: &world{source: server(t, 15).Database(t, schema), target: server(t, 15).Database(t, ""), build: build,
		engine: engine, blocks: `tables = ["public.*"]`}}
	for i := range tables {
		w.late = append(w.late, i+1)
	}
	w.lay(t)
	return w
}

// engineTables: what comes twice to a table without a key shows.
const engineTables = `
	create table t (id serial primary key, b int);
	create table seen (id int, b int);
	create function note() returns trigger language plpgsql as 'begin insert into seen values (new.id, new.b); return null; end';
	create trigger note after insert or update on t for each row execute function note();
	insert into t (b) select i from generate_series(1, 200) i`

// A mirror changes hands between Bascule's stream and its servers, and the apply that
// does it is killed in every moment of that. The same apply then completes it, and no
// row is lost or doubled.
func TestEngineKilled(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"subscription", "pglogical"} {
		t.Run(engine, func(t *testing.T) {
			if engine != "subscription" {
				long(t)
			}
			t.Parallel()
			var list []strikeEngine
			for range rounds(1) {
				for _, s := range strikesEngine {
					if (*roundsFlag > 0 || s.ci) && (s.only == "" || s.only == engine) {
						list = append(list, s)
					}
				}
			}
			w := newEngineWorld(t, engine, program, len(list))
			stop := writer(t, w.source)
			w.complete(t)
			for _, s := range list {
				w.survive(t, s)
			}
			stop()
			w.ends(t)
		})
	}
}

// survive is one apply that is killed.
func (w *engineWorld) survive(t *testing.T, s strikeEngine) {
	t.Helper()
	begun := time.Now()
	if s.first {
		w.anew(t)
	}
	w.addTable(t)
	release := s.kill(t, w)
	if got := w.hands(t); got != s.hands {
		t.Errorf("%s: after the kill (handed, enabled) are %s, want %s", s.moment, got, s.hands)
	}
	release() // a plan tries the way between the servers, by a subscription that it rolls back
	w.whoGoesOn(t, s)
	w.complete(t)
	if got := w.hands(t); got != "true true" {
		t.Errorf("%s: in the end (handed, enabled) are %s", s.moment, got)
	}
	w.arrives(t, s.moment)
	w.settled(t, s.moment)
	t.Logf("%s: %v", s.moment, time.Since(begun).Round(10*time.Millisecond))
}

// whoGoesOn demands that the servers, or a runner, keep the mirror in step, or that the
// plan says what is to be done.
func (w *engineWorld) whoGoesOn(t *testing.T, s strikeEngine) {
	t.Helper()
	switch {
	case s.hands == "true true":
		w.arrives(t, s.moment)
		return
	case s.hands == "true false": // its servers have it, and may not work
		p := w.here.start(t, "status")
		if p.wait(t); !strings.Contains(p.stdout.String(), "halted") || !strings.Contains(p.stdout.String(), "bascule apply") {
			t.Errorf("%s: status does not say what is to be done:\n%s", s.moment, p.stdout.String())
		}
	case s.runs:
		r := w.run(t)
		w.arrives(t, s.moment+", by a runner")
		r.kill()
	}
	w.planned(t, s.moment+", after the kill", 2)
}

// arrives waits until the target has what the source has now.
func (w *engineWorld) arrives(t *testing.T, moment string) {
	t.Helper()
	id := w.source.Query1(t, "insert into t (b) values (-1) returning id")
	pgtest.Eventually(t, func() error {
		if got := w.target.Query1(t, "select count(*) from t where id = "+id); got != "1" {
			return fmt.Errorf("%s: row %s does not arrive", moment, id)
		}
		return nil
	})
}

// settled demands that nothing is left to do, or lies about.
func (w *engineWorld) settled(t *testing.T, moment string) {
	t.Helper()
	w.planned(t, moment, 0)
	w.source.Eventually(t, "select count(*) || ' ' || count(*) filter (where temporary) from pg_replication_slots", "1 0")
	if got := w.target.Query(t, "select name from bascule.position where name <> ''"); got != "" {
		t.Errorf("%s: the position of %q is left", moment, got)
	}
}

// hands says whether the ledger has the mirror as handed to its servers, and whether
// they may work.
func (w *engineWorld) hands(t *testing.T) string {
	t.Helper()
	enabled := "select coalesce(bool_or(subenabled), false) from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())"
	if w.engine == "pglogical" { // one without sets only makes its slot
		enabled = "select coalesce(bool_or(sub_enabled and sub_replication_sets <> '{}'), false) from pglogical.subscription"
		if w.target.Query1(t, "select to_regclass('pglogical.subscription') is null") == "t" {
			enabled = "select false"
		}
	}
	words := strings.NewReplacer("t", "true", "f", "false")
	return words.Replace(w.target.Query1(t, "select handed from bascule.stream") + " " + w.target.Query1(t, enabled))
}

// anew removes the mirror, and all that it has brought.
func (w *engineWorld) anew(t *testing.T) {
	t.Helper()
	w.checkDestroyed(t)
	w.target.Exec(t, "drop schema public cascade; create schema public")
}

// ends demands that both sides are equal, and destroys the mirror, which is killed
// meanwhile.
func (w *engineWorld) ends(t *testing.T) {
	t.Helper()
	w.arrives(t, "at last")
	for _, d := range w.differences(t) {
		t.Errorf("differs: %s", d)
	}
	if *roundsFlag > 0 {
		for _, s := range strikesRemoval {
			if s.only == "" || s.only == w.engine {
				s.kill(t, w)()
			}
		}
	}
	w.checkDestroyed(t)
	for _, db := range []*pgtest.DB{w.source, w.target} {
		if got := db.Query1(t, engineLeft); got != "0 0 0 0 0" {
			t.Errorf("left (slots, publications, subscriptions, origins, schemas): %s", got)
		}
	}
}

const engineLeft = `
	select (select count(*) from pg_replication_slots) || ' ' || (select count(*) from pg_publication) || ' ' || (select count(*) from pg_subscription)
		|| ' ' || (select count(*) from pg_replication_origin) || ' ' || (select count(*) from pg_namespace where nspname in ('bascule', 'pglogical'))`

// findsEngineForgotten kills an apply when the servers have just been given the mirror,
// lets them work, and looks whether the next one knows that they did.
func findsEngineForgotten(t *testing.T, build string) (faults []string) {
	w := newEngineWorld(t, "subscription", build, 1)
	w.complete(t)
	w.addTable(t)
	s := strikeEngine{moment: "the engine has just been started", from: gives, fact: "select bool_or(subenabled) from pg_subscription", slow: lasting, hands: "true true"}
	s.kill(t, w)
	w.arrives(t, s.moment)
	p := w.apply(t)
	if p.wait(t); p.code() != 0 {
		return append(faults, fmt.Sprintf("apply ended with %d:\n%s", p.code(), p.output()))
	}
	w.arrives(t, "after the next apply")
	return w.differences(t)
}
