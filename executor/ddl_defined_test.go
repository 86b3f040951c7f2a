package executor_test

import (
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"
)

const definedTables = `
	create type mood as enum ('bad', 'fair', 'good');
	create domain short as text check (length(value) < 4) not null;
	create table d (id int primary key, n int not null, m mood, s short, u int, constraint positive check (n > 0), constraint only_one unique (u));
	create unique index by_n on d (n);
	create table p (id int, n int not null, primary key (id)) partition by range (id);
	create table p_1 partition of p for values from (1) to (1000);
	insert into d select i, i, 'bad', 's', i from generate_series(1, 5) i;
	insert into p select i, i from generate_series(1, 5) i`

// A definition that was changed on the source only, and that no row tells of, halts the
// mirror at the first row which the target refuses for it. The halt names what differs,
// and the block that it prints is all that is needed.
func TestDefinitionsHalt(t *testing.T) {
	t.Parallel()
	for i, k := range []struct{ rule, command, row, code, text, block string }{
		{"a column may be null", "alter table d alter n drop not null", "insert into d (id, s) values (100, 's')", "23502", "column n may be null", "ALTER TABLE public.d ALTER COLUMN n DROP NOT NULL"},
		{"labels of an enum", "alter type mood add value 'best'; alter type mood add value 'ok' after 'fair'; alter type mood add value 'worst' before 'bad'", "update d set m = 'ok' where id = 3; update d set m = 'worst' where id = 2", "22P02", "public.mood has the label ok",
			"ALTER TYPE public.mood ADD VALUE 'worst' BEFORE 'bad';\nALTER TYPE public.mood ADD VALUE 'ok' AFTER 'fair';\nALTER TYPE public.mood ADD VALUE 'best'"},
		{"a label is renamed", "alter type mood rename value 'fair' to 'it''s fair'", "insert into d values (100, 100, 'it''s fair', 's')", "22P02", "label fair of public.mood is it's fair", "ALTER TYPE public.mood RENAME VALUE 'fair' TO 'it''s fair'"},
		{"a check goes", "alter table d drop constraint positive", "insert into d values (100, -100, 'bad', 's')", "23514", "there is no constraint positive", "ALTER TABLE public.d DROP CONSTRAINT positive"},
		{"a check is another", "alter table d drop constraint positive, add constraint positive check (n > -200)", "insert into d values (100, -100, 'bad', 's')", "23514", "constraint positive is CHECK ((n > '-200'::integer))",
			"ALTER TABLE public.d DROP CONSTRAINT positive;\nALTER TABLE public.d ADD CONSTRAINT positive CHECK ((n > '-200'::integer))"},
		{"a unique constraint goes", "alter table d drop constraint only_one", "update d set u = 1", "23505", "there is no only_one", "ALTER TABLE public.d DROP CONSTRAINT only_one"},
		{"a unique constraint is another", "alter table d drop constraint only_one, add constraint only_one unique (u, n)", "update d set u = 1", "23505", "only_one is UNIQUE (u, n)",
			"ALTER TABLE public.d DROP CONSTRAINT only_one;\nALTER TABLE public.d ADD CONSTRAINT only_one UNIQUE (u, n)"},
		{"a unique index goes", "drop index by_n", "update d set n = 7", "23505", "there is no by_n", "DROP INDEX public.by_n"},
		{"a domain's check goes", "alter domain short drop constraint short_check", "insert into d values (100, 100, 'bad', 'longer')", "23514", "there is no constraint short_check", "ALTER DOMAIN public.short DROP CONSTRAINT short_check"},
		{"a domain may be null", "alter domain short drop not null", "insert into d values (100, 100, 'bad', null)", "23502", "domain public.short may be null", "ALTER DOMAIN public.short DROP NOT NULL"},
		{"a partitioned table's column may be null", "alter table p alter n drop not null", "insert into p values (100)", "23502", "column n may be null", "ALTER TABLE public.p ALTER COLUMN n DROP NOT NULL"},
	} {
		t.Run(k.rule, func(t *testing.T) {
			if i%3 != 0 {
				long(t)
			}
			t.Parallel()
			f := newFollower(t, pgtest.Server(t, 15).Database(t, definedTables), pgtest.Server(t, 17).Database(t, ""), "")
			f.applied(t)
			stop := f.runs(t)
			f.writes(t, "insert into d values (50, 50, 'good', 's')", k.command, "insert into d values (51, 51, 'good', 's')", k.row, "insert into d values (101, 101, 'good', 's')")
			f.halts(t, `"`+k.code+`"`)
			stop()
			halt := f.halt(t)
			if !strings.Contains(halt, k.text) {
				t.Errorf("the halt does not say that %s: %s", k.text, halt)
			}
			if printed := f.printed(t); !strings.Contains(printed, k.block) {
				t.Errorf("printed %s\nwant %s", printed, k.block)
			}
			if n := f.pastes(t); n != 1 {
				t.Errorf("%d blocks", n)
			}
			f.runs(t)
			f.same(t)
			f.sameRows(t, "shape", shape, shape)
			f.settled(t)
		})
	}
}

// A row that the target alone is to blame for may be mended there; where the block that the
// halt offers is about another table, it is not run for it.
func TestDefinitionOfTheTargetAlone(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, single+"create table u (id int primary key, v int)")
	f := newFollower(t, source, target, "")
	f.applied(t)
	stop := f.runs(t)
	f.target.Exec(t, "insert into t values (200, 'theirs', 0)")
	f.writes(t, "insert into t values (200, 'ours', 1)")
	f.halts(t, `"23505"`)
	stop()
	if halt := f.halt(t); strings.Contains(halt, "ddl \\\"") || !strings.Contains(halt, "mend the row on the target") {
		t.Errorf("the halt is %s", halt)
	}
	f.writes(t, "alter table u drop column v", "insert into u values (1)")
	f.more = block("x", "alter table public.u drop column v", "ran_on_source = true")
	if _, _, err := f.tries(t); err == nil || !strings.Contains(err.Error(), "theirs") && !strings.Contains(err.Error(), "t_pkey") {
		t.Errorf("%v", err)
	}
	if got := f.target.Query1(t, "select count(*) from pg_attribute where attrelid = 'u'::regclass and attname = 'v'"); got != "1" {
		t.Error("the block ran before its place")
	}
	f.target.Exec(t, "delete from t where id = 200")
	f.applied(t)
	f.runs(t)
	f.same(t)
	f.settled(t)
}
