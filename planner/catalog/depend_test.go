package catalog_test

import (
	"fmt"
	"slices"
	"testing"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// Everything that cannot be created without an object is found by walking
// Depends from it.
func TestDependsLeadFromAnObjectToWhatNeedsIt(t *testing.T) {
	each(t, func(t *testing.T, server *pgtest.Cluster, _ int) {
		db := server.Database(t, `
			create type mood as enum ('sad');
			create type pair as (a int, b mood);
			create table base (id int primary key, p pair);
			create view first as select id from base;
			create view second as select id from first;
			create materialized view third as select id from second;
			create table child (id int references base);
			create index on base (id);
			create function f(p pair) returns int language sql immutable begin atomic select 1; end;
			create function positive(int) returns bool language sql immutable as 'select $1 > 0';
			create domain d as int check (positive(value));
			create table uses_domain (v d);
			create sequence s;
			create table uses_sequence (id int default nextval('s'));
			create function trg() returns trigger language plpgsql as 'begin return new; end';
			create trigger watch before insert on child for each row execute function trg();
			create table lone (id int);`)
		got := read(t, open(t, db.URL), catalog.ReadOptions{})
		for _, c := range []struct{ from, want string }{
			{"base", "[first second third]"},
			{"second", "[third]"},
			{"mood", "[base f(public.pair) first pair second third]"},
			{"pair", "[base f(public.pair) first second third]"},
			{"positive(integer)", "[d uses_domain]"},
			{"trg()", "[watch]"},
			{"child", "[watch]"},
			{"lone", "[]"},
		} {
			if text := fmt.Sprint(dependents(got, c.from)); text != c.want {
				t.Errorf("without %s: %s, want %s", c.from, text, c.want)
			}
		}
	})
}

type node struct{ class, oid uint32 }

// dependents are the named objects that go when the one called from does. A part of
// another (kind i) takes that with it only by a dependency of its own.
func dependents(db *catalog.Database, from string) []string {
	names := map[node]string{}
	const pgClass = 1259
	for _, r := range db.Relations {
		names[node{pgClass, r.OID}] = r.Name
	}
	for _, o := range db.Objects {
		names[node{o.Class, o.OID}] = o.Name
	}
	needs := map[node][]node{}
	for _, d := range db.Depends {
		needs[node{d.RefClass, d.RefOID}] = append(needs[node{d.RefClass, d.RefOID}], node{d.Class, d.OID})
	}
	gone := map[node]bool{}
	var open []node
	for n, name := range names {
		if name == from {
			open = append(open, n)
		}
	}
	var list []string
	for len(open) > 0 {
		n := open[0]
		open = open[1:]
		if gone[n] {
			continue
		}
		gone[n] = true
		if name := names[n]; name != "" && name != from {
			list = append(list, name)
		}
		open = append(open, needs[n]...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
