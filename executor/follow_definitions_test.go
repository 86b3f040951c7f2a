package executor_test

import (
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// A partition that the source gets later joins with the next apply, as a table of its
// own, or with all of its root.
func TestPartitionsThatComeLater(t *testing.T) {
	long(t)
	t.Parallel()
	for _, via := range []string{"", viaRoot} {
		t.Run("via root "+map[bool]string{true: "true", false: "false"}[via != ""], func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, `create table m (id int primary key, v text) partition by range (id); create index on m (v); create index on m (lower(v)) where v <> ''; alter table m add unique (id, v);
				create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger tr before insert on m for each row execute function f();
				create table ref (id int primary key); insert into ref select generate_series(1, 300); alter table m add foreign key (id) references ref;
				create table m_1 partition of m for values from (0) to (100); create index own on m_1 (v, id);
				insert into m select i, 'v' from generate_series(1, 50) i; create table o (id int primary key)`)
			f := newFollower(t, source, target, via)
			f.allow = []string{"mirror.app"}
			f.applied(t)
			f.runs(t)
			f.writes(t, "create table m_2 (v text, id int not null, check (id > 0)); alter table m attach partition m_2 for values from (100) to (200); alter table m_2 disable trigger tr",
				"create table m_3 partition of m for values from (200) to (300) partition by hash (id); create table m_3_a partition of m_3 for values with (modulus 1, remainder 0); insert into m values (150, 'new'), (250, 'deep'); create index on m_2 (v desc); update m set v = 'w' where id < 10; insert into o values (1)")
			f.applied(t)
			f.writes(t, "insert into m values (151, 'newer'); update m set v = 'x' where id > 140; insert into m values (251, 'deeper'); update m set id = 160 where id = 1; insert into o values (2)",
				"alter table m detach partition m_1; insert into o values (3); update m_1 set v = 'detached' where id = 20")
			f.applied(t)
			f.writes(t, "insert into m values (152, 'newest'); update m set v = v || '!'; delete from m_1 where id = 21; insert into o values (4)")
			f.same(t)
			f.settled(t)
		})
	}
}

// A table that was dropped and made anew under its name, or renamed, is another one:
// it is copied again, and nothing of the old one gets into it.
func TestTablesThatAreExchanged(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, `create table t (id int primary key, v text); insert into t values (1, 'old'), (2, 'old'); create table next (id int primary key, v text); insert into next values (7, 'next');
		create table o (id int primary key)`)
	f := newFollower(t, source, target, "")
	f.allow = []string{"mirror.app"}
	f.applied(t)
	f.runs(t)
	f.writes(t, "update t set v = 'last'", "begin; drop table t; create table t (id int primary key, v text, w int); insert into t values (1, 'new', 1); commit", "insert into t values (3, 'newer', 2); insert into o values (1)")
	f.applied(t)
	f.writes(t, "update t set v = v || '!'; insert into o values (2)")
	f.same(t)
	f.settled(t)
	f.writes(t, "alter table next rename to past; insert into past values (8, 'renamed'); insert into o values (3)")
	if plan, _, err := f.tries(t); err == nil || !strings.Contains(findings(plan), "next_pkey") { // its copy stands in the way
		t.Fatalf("%v\n%s", err, findings(plan))
	}
	target.Exec(t, "drop table next")
	f.applied(t)
	f.writes(t, "update t set v = v || '?'; update past set v = v || '?'; insert into o values (4)")
	f.same(t)
	f.settled(t)
}

// Rows of every kind of thing that a database can hold are written, each in each of
// its columns, and arrive as they were.
func TestEverythingIsFollowed(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.Server(t, 15).Database(t, ""), pgtest.Server(t, 15).Database(t, "")
	source.Load(t, everything)
	f := newFollower(t, source, target, all)
	f.applied(t)
	f.runs(t)
	f.writes(t, touchAll)
	f.same(t)
	f.settled(t)
}

// touchAll writes each value that there is again, and takes rows away and puts them
// back, without waking triggers.
const touchAll = `
	set session_replication_role = replica; set search_path = '';
	do $$ declare r record; c text; begin
		for r in select c.oid, c.oid::regclass as name, array_agg(quote_ident(a.attname) order by a.attnum) as columns
			from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not attisdropped and attgenerated = '' and attidentity <> 'a'
			where c.relkind = 'r' and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
				and exists (select from pg_publication_rel p join pg_publication b on b.oid = p.prpubid where p.prrelid = c.oid and pubupdate)
			group by c.oid order by c.oid loop
			foreach c in array r.columns loop
				begin
					execute format('update only %s set %s = %2$s', r.name, c);
				exception when others then raise notice '% %: %', r.name, c, sqlerrm;
				end;
			end loop;
			begin
				execute format('with gone as (delete from only %s returning %s) insert into %1$s (%2$s) overriding system value select %2$s from gone', r.name, array_to_string(r.columns, ', '));
			exception when others then raise notice '%: %', r.name, sqlerrm;
			end;
		end loop;
	end $$;
	reset session_replication_role; set search_path = public`

// Both databases have an encoding of their own, and names that need it.
func TestEncodingsOfChanges(t *testing.T) {
	long(t)
	t.Parallel()
	const schema = `
		create type "stück" as enum ('groß', 'klein'); create table "straße" (id int primary key, "größe" "stück", a text, b varchar(10), c char(5), d jsonb, e text[], f name, g json, h xml, i tsvector);
		create table whole (a text, b "stück"); alter table whole replica identity full; create table key (k text primary key, "ö" int);
		insert into "straße" values (1, 'groß', 'ÄÖÜ', 'ß', 'é', '{"ü": "ñ"}', '{"ä","ö"}', 'Ø', '"ÿ"', '<a>ø</a>', '''größe'':1A')`
	for _, c := range [][2]string{{"LATIN1", "UTF8"}, {"UTF8", "LATIN1"}, {"LATIN1", "LATIN1"}, {"UTF8", "UTF8"}} {
		t.Run(strings.Join(c[:], " to "), func(t *testing.T) {
			t.Parallel()
			server := pgtest.Server(t, 15)
			source, target := server.Database(t, "", pgtest.WithEncoding(c[0], "C")), server.Database(t, "", pgtest.WithEncoding(c[1], "C"))
			f := newFollower(t, source, target, "")
			f.writes(t, schema)
			f.applied(t)
			f.runs(t)
			f.writes(t, `insert into "straße" select 2, 'klein', 'ç', 'µ', 'þ', d, e, f, g, h, i from "straße"; update "straße" set "größe" = 'klein', a = 'Ð' where id = 1; update "straße" set h = '<é/>' where id = 2`,
				"insert into whole values ('ä', 'groß'), ('é', null); update whole set a = 'ë' where a = 'ä'; delete from whole where a = 'é'",
				"insert into key values ('ñ', 1), ('õ', 2); update key set k = 'ô' where k = 'ñ'; delete from key where k = 'õ'; update key set \"ö\" = 3")
			f.same(t)
			f.settled(t)
		})
	}
}

// A table that becomes a partition on the source, or is one no more, is one with all
// its rows after the next apply, where changes are those of the root.
func TestPartitionsAttachedAndDetached(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, `create table m (id int primary key, v text) partition by range (id); create table m_1 partition of m for values from (0) to (100);
		create table late (id int primary key, v text); insert into m select i, 'v' from generate_series(1, 50) i; insert into late select i, 'l' from generate_series(101, 150) i`)
	f := newFollower(t, source, target, viaRoot)
	f.allow = []string{"mirror.app"}
	f.applied(t)
	f.runs(t)
	f.writes(t, "insert into late values (160, 'alone')", "alter table m attach partition late for values from (100) to (200)", "insert into m values (161, 'in it'); update m set v = 'w' where id in (1, 110)")
	f.applied(t)
	f.writes(t, "update m set v = v || '!'; delete from m where id = 101; insert into m values (170, 'more')")
	f.arrived(t)
	f.sameRows(t, "attached", "table m", "table m")
	f.settled(t)
	f.writes(t, "alter table m detach partition m_1; update m_1 set v = 'detached' where id = 5; delete from m where id = 102")
	f.applied(t)
	f.writes(t, "update m_1 set v = v || '?'; insert into m values (199, 'last')")
	f.arrived(t)
	f.sameRows(t, "detached, root", "table m", "table m")
	f.sameRows(t, "detached", "table m_1", "table m_1")
	f.settled(t)
}
