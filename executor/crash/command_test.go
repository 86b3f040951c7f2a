package crash_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bascule/config"
	"bascule/planner/catalog/pgtest"
	"bascule/state"
)

// commandWorld is a mirror of one table that is written to all along, and over which
// commands are run. Both sides count them.
type commandWorld struct {
	*world
	number int // of the last block, or transaction
	blocks string
}

func newCommandWorld(t *testing.T, build string) *commandWorld {
	t.Helper()
	source := pgtest.Own(t, 15).Database(t, "create table t (id serial primary key, b int); insert into t (b) select i from generate_series(1, 200) i;"+watched)
	w := &commandWorld{world: &world{source: source, target: pgtest.Server(t, 15).Database(t, ""), build: build, blocks: `tables = ["public.*"]`}}
	w.lay(t)
	w.complete(t)
	w.target.Exec(t, watched)
	return w
}

// watched counts the commands that are through: what is rolled back is not counted. While
// watch.shut has a row, no command comes to its end.
const watched = `
	create schema if not exists watch;
	create table if not exists watch.seen (tag text);
	create table if not exists watch.shut ();
	create or replace function watch.note() returns event_trigger language plpgsql as '
	begin
		while exists (select from watch.shut) loop perform pg_sleep(0.02); end loop;
		insert into watch.seen select tg_tag where exists (select from pg_event_trigger_ddl_commands() where schema_name = ''public'');
	end';
	drop event trigger if exists watched;
	create event trigger watched on ddl_command_end when tag in ('ALTER TABLE', 'CREATE INDEX') execute function watch.note()`

// pauses has commands of the target last, each in its middle, until goOn.
func (w *commandWorld) pauses(t *testing.T) (goOn func()) {
	t.Helper()
	w.target.Exec(t, "insert into watch.shut default values")
	return func() { w.target.Exec(t, "delete from watch.shut") }
}

// paused waits until a command is in its middle.
func (w *commandWorld) paused(t *testing.T) {
	t.Helper()
	w.target.Eventually(t, "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'", "1")
}

// at is the database of a side.
func (w *commandWorld) at(s side) *pgtest.DB {
	if s == onSource {
		return w.source
	}
	return w.target
}

// block is the address of the last block.
func (w *commandWorld) block() string { return fmt.Sprintf("ddl.x%d", w.number) }

// numbered has the number of the last block, or transaction, where # is.
func (w *commandWorld) numbered(sql string) string {
	return strings.ReplaceAll(sql, "#", fmt.Sprint(w.number))
}

// declare adds a block to the configuration.
func (w *commandWorld) declare(t *testing.T, s strikeCommand) {
	t.Helper()
	w.number++
	w.blocks += fmt.Sprintf("ddl \"x%d\" {\n  mirrors = [mirror.app]\n  command = %q\n}\n", w.number, w.numbered(s.command))
	if err := os.WriteFile(filepath.Join(w.here.dir, "ddl.hcl"), []byte(w.blocks), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, db := range []*pgtest.DB{w.source, w.target} {
		db.Exec(t, "truncate watch.seen")
	}
}

// A command is killed in every moment of its life, and then comes once to each side, by
// a runner and the same apply, among rows that are written all along.
func TestCommandKilled(t *testing.T) {
	t.Parallel()
	w := newCommandWorld(t, program)
	stop := writer(t, w.source)
	for range rounds(1) {
		for _, s := range strikesCommand {
			if *roundsFlag > 0 || s.ci {
				w.survive(t, s)
			}
		}
	}
	stop()
	w.checkAtLast(t)
	w.dropMade(t)
	w.checkDestroyed(t)
}

// checkAtLast demands that both sides are equal, and have what a stream has and no more.
func (w *commandWorld) checkAtLast(t *testing.T) {
	t.Helper()
	r := w.run(t)
	w.caughtUpBy(t, r, "insert into t (b) values (0)")
	for _, d := range w.differences(t) {
		t.Errorf("differs: %s", d)
	}
	w.checkSlots(t)
	r.stop(t)
}

// findsCommandTwice kills an apply between the source's commit and the target's, and
// looks whether the next one knows that.
func findsCommandTwice(t *testing.T, build string) (faults []string) {
	w := newCommandWorld(t, build)
	s := strikeCommand{moment: "the target waits for a lock", command: newColumn, line: sourceIsDone, holds: onTarget, waits: true}
	w.declare(t, s)
	release := s.kill(t, w)
	w.gone(t)
	release()
	p := w.apply(t)
	if p.wait(t); p.code() != 0 {
		return append(faults, fmt.Sprintf("apply ended with %d:\n%s", p.code(), p.output()))
	}
	w.checkSides(t, s, true, true)
	return nil
}

// survive is one command, which is killed once.
func (w *commandWorld) survive(t *testing.T, s strikeCommand) {
	t.Helper()
	w.declare(t, s)
	begun := time.Now()
	release := s.kill(t, w)
	w.gone(t)
	w.checkSides(t, s, s.source, s.target)
	if got := w.state(t); got != "creating" {
		t.Errorf("%s: the state has %s as %q after the kill", s.moment, w.block(), got)
	}
	release()
	if s.brings {
		r := w.run(t)
		w.target.Eventually(t, "select applied is not null from bascule.ddl where address = '"+w.block()+"'", "t")
		r.kill()
	}
	w.complete(t)
	w.checkSides(t, s, true, true)
	if got := w.state(t); got != "ready" {
		t.Errorf("%s: the state has %s as %q at last", s.moment, w.block(), got)
	}
	w.planned(t, s.moment, 0)
	t.Logf("%s: %v", s.moment, time.Since(begun).Round(10*time.Millisecond))
}

// checkSides demands on which sides the command is, and that it is there once.
func (w *commandWorld) checkSides(t *testing.T, s strikeCommand, source, target bool) {
	t.Helper()
	for on, has := range map[side]bool{onSource: source, onTarget: target} {
		want := "0 0"
		if has {
			want = "1 1"
		}
		if got := w.at(on).Query1(t, fmt.Sprintf(there, w.number)); got != want {
			t.Errorf("%s: the %s has the command (made, counted) %s, want %s", s.moment, on, got, want)
		}
		if got := w.at(on).Query(t, "select indexrelid::regclass from pg_index where indrelid = 't'::regclass and not indisvalid"); has && got != "" {
			t.Errorf("%s: the %s has an invalid index %s", s.moment, on, got)
		}
	}
}

// there is how often what a command makes is there, and how often it was run.
const there = `
	select (select count(*) from pg_attribute where attrelid = 't'::regclass and attname = 'c%[1]d' and not attisdropped)
		+ (select count(*) from pg_index where indrelid = 't'::regclass and indisvalid and indexrelid::regclass::text = 'i%[1]d')
		|| ' ' || (select count(*) from watch.seen)`

// state is the status of the block in the state file.
func (w *commandWorld) state(t *testing.T) string {
	t.Helper()
	store, err := state.Open(config.Backend{}, w.here.dir)
	if err != nil {
		t.Fatal(err)
	}
	file, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r := file.Find(w.block()); r != nil {
		return r.Status
	}
	return ""
}
