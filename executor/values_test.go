package executor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bascule/config/pgname"
	"bascule/planner/catalog/pgtest"
)

// values are the tables of one try: every kind of value, under every replica
// identity.
//
//   - stage.vals holds the values and is not in the mirror;
//   - wide.pk, wide.ix and wide.fk have a column of every type, and a primary key, a
//     unique index as the replica identity, and FULL beside a primary key;
//   - whole.NAME has columns of few types, the first of which is NAME, FULL and no key;
//   - key.NAME has it as its primary key.
type values struct {
	*follower
	kinds []kind
	count int // rows of stage.vals
}

// Every value of every type arrives, by a copy, insert, update and delete, whatever
// both databases are set to.
func TestValuesArrive(t *testing.T) {
	long(t)
	t.Parallel()
	for _, major := range []int{15, 17, 18} {
		for _, binary := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d binary %t", major, binary), func(t *testing.T) {
				t.Parallel()
				v := newValues(t, major, binary)
				plan := v.applied(t)
				if got := plan.Changes[0].Mirror.Stream.Binary; got != binary {
					t.Errorf("binary is %t", got)
				}
				if major == 17 {
					v.target.Exec(t, oneByOne)
				}
				v.runs(t)
				v.writes(t, v.wideChanges("wide.pk")...)
				v.writes(t, v.wideChanges("wide.ix")...)
				v.writes(t, v.wideChanges("wide.fk")...)
				for group := range slices.Chunk(v.kinds, together) {
					v.writes(t, v.wholeChanges(group)...)
				}
				for _, k := range v.kinds {
					if !k.keyless {
						v.writes(t, v.keyChanges("key."+k.name, k)...)
					}
				}
				v.arrived(t)
				v.equalNow(t, "stage.%", "wide.%")
				for _, table := range []string{"wide.pk", "wide.ix", "wide.fk"} {
					v.equalColumns(t, table)
				}
			})
		}
	}
}

// oneByOne makes rows be written one by one, for a trigger may look at each.
const oneByOne = `
	create function public.look() returns trigger language plpgsql as 'begin return null; end';
	do $$ declare r regclass; begin
		for r in select c.oid from pg_class c where c.relkind = 'r' and c.relnamespace in ('wide'::regnamespace, 'key'::regnamespace) loop
			execute format('create trigger look after insert or update or delete on %s for each row execute function public.look()', r);
			execute format('alter table %s enable always trigger look', r);
		end loop;
	end $$`

// newValues makes both databases, with settings that do harm.
func newValues(t *testing.T, major int, binary bool) *values {
	v := &values{}
	for _, list := range [][]kind{builtin, ranges, arrays, made} {
		for _, k := range list {
			if !binary || !k.textual {
				v.kinds = append(v.kinds, k)
				v.count = max(v.count, len(k.values)+1)
			}
		}
	}
	source, target := pgtest.Server(t, 15).Database(t, valueTypes), pgtest.Server(t, major).Database(t, "")
	hostile(t, source, "German, DMY", "Asia/Kathmandu")
	hostile(t, target, "SQL, DMY", "America/St_Johns")
	v.follower = newFollower(t, source, target, `exclude = ["stage.*"]`)
	v.writes(t, v.schema())
	return v
}

// hostile sets what other programs may have set on a database and on its roles.
func hostile(t *testing.T, db *pgtest.DB, dates, zone string) {
	t.Helper()
	settings := []string{"extra_float_digits = -10", "bytea_output = escape", "intervalstyle = sql_standard", "xmloption = document", "xmlbinary = hex",
		"array_nulls = off", "transform_null_equals = on", "standard_conforming_strings = off", "quote_all_identifiers = on", "lc_monetary = 'C.UTF-8'",
		"datestyle = " + pgname.Literal(dates), "timezone = " + pgname.Literal(zone), "search_path = nowhere", "default_transaction_isolation = serializable",
		"row_security = off", "synchronous_commit = off", "statement_timeout = '2min'", "default_transaction_deferrable = on"}
	conn := connect(t, db)
	for i, set := range settings {
		who := "database " + pgname.Quote(db.Name)
		if i%2 == 1 {
			who = "role postgres in " + who
		}
		if _, err := conn.Exec(t.Context(), "alter "+who+" set "+set); err != nil {
			t.Fatal(err)
		}
	}
}

// schema makes the tables, and fills the wide ones with half of the rows.
func (v *values) schema() string {
	var b strings.Builder
	columns := func(kinds []kind) {
		for _, k := range kinds {
			fmt.Fprintf(&b, ", %s %s", pgname.Quote(k.name), k.typ)
		}
	}
	b.WriteString("create schema stage; create schema wide; create schema whole; create schema key; create table stage.vals (id int primary key")
	columns(v.kinds)
	b.WriteString(");\n")
	for i := range v.count {
		fmt.Fprintf(&b, "insert into stage.vals values (%d", i+1)
		for _, k := range v.kinds {
			b.WriteString(",\n" + k.value(i))
		}
		b.WriteString(");\n")
	}
	for _, name := range []string{"pk", "ix", "fk"} {
		fmt.Fprintf(&b, "create table wide.%s (id int not null, n int", name)
		columns(v.kinds)
		fmt.Fprintf(&b, ");\ninsert into wide.%s select id, 0, %s from stage.vals;\n", name, names(v.kinds, ""))
	}
	b.WriteString("alter table wide.pk add primary key (id); alter table wide.fk add primary key (id), replica identity full; create unique index ids on wide.ix (id); alter table wide.ix replica identity using index ids;\n")
	for group := range slices.Chunk(v.kinds, together) {
		fmt.Fprintf(&b, "create table %s (n int", whole(group))
		columns(group)
		fmt.Fprintf(&b, "); alter table %s replica identity full; insert into %[1]s select id, %s from stage.vals;\n", whole(group), names(group, ""))
	}
	for _, k := range v.kinds {
		if !k.keyless {
			fmt.Fprintf(&b, "create table key.%s (v %s primary key, n int);\n", pgname.Quote(k.name), k.typ)
		}
	}
	return b.String()
}

// value is the i-th value of a type, as an expression.
func (k kind) value(i int) string {
	if i %= len(k.values) + 1; i == len(k.values) {
		return "null"
	}
	if sql, ok := strings.CutPrefix(k.values[i], "="); ok {
		return sql
	}
	typ, _, _ := strings.Cut(k.typ, " collate ")
	return pgname.Literal(k.values[i]) + "::" + typ
}

// together is how many types share a table without a key.
const together = 4

// whole is the name of their table.
func whole(kinds []kind) string { return "whole." + pgname.Quote(kinds[0].name) }

// names are the columns of types, each behind a prefix.
func names(kinds []kind, prefix string) string {
	list := make([]string, len(kinds))
	for i, k := range kinds {
		list[i] = prefix + pgname.Quote(k.name)
	}
	return strings.Join(list, ", ")
}

// wideChanges are changes of a table with all types and a column id that rows are
// found by.
func (v *values) wideChanges(table string) []string {
	next := func(by int) string {
		return fmt.Sprintf("update %s w set (%s) = row (%s) from stage.vals v where v.id = (w.id + %d) %% %d + 1", table, names(v.kinds, ""), names(v.kinds, "v."), by, v.count)
	}
	return []string{
		fmt.Sprintf("insert into %s select id + 1000, 0, %s from stage.vals", table, names(v.kinds, "")),
		fmt.Sprintf("update %s set n = n + 1", table),
		next(0),
		fmt.Sprintf("delete from %s where id %% 5 = 3", table),
		fmt.Sprintf("update %s set id = id + 10000, n = 7 where id %% 5 = 1", table),
		fmt.Sprintf(`begin; insert into %[1]s select id + 2000, 0, %[2]s from stage.vals; %[3]s; update %[1]s set n = n + 1; %[4]s;
			delete from %[1]s where id between 2000 and 2003; insert into %[1]s select id + 2000, 1, %[2]s from stage.vals where id = 2; commit`,
			table, names(v.kinds, ""), next(1), next(2)),
	}
}

// wholeChanges are changes of a table without a key, whose n tells rows apart for us.
func (v *values) wholeChanges(kinds []kind) []string {
	table, columns := whole(kinds), names(kinds, "")
	next := fmt.Sprintf("update %s w set (%s) = row (%s) from stage.vals s where s.id = w.n %% %d + 1", table, columns, names(kinds, "s."), v.count)
	return []string{
		fmt.Sprintf("insert into %s (n, %s) select id, %[2]s from stage.vals; insert into %[1]s (n, %[2]s) select -1, %[2]s from stage.vals v, generate_series(1, 2) where v.id = 1; insert into %[1]s default values", table, columns),
		fmt.Sprintf("update %s set n = n + 100 where n > 0", table),
		next,
		fmt.Sprintf("delete from %s where ctid in (select min(ctid) from %[1]s where n = -1)", table),
		fmt.Sprintf("delete from %s where n %% 3 = 0", table),
		"begin; " + next + fmt.Sprintf("; update %s set n = n + 1; %s; delete from %[1]s where n %% 4 = 0; commit", table, next),
	}
}

// keyChanges let a row take each value as its key, in transactions of their own and
// in one, and then have a row for each.
func (v *values) keyChanges(table string, k kind) []string {
	steps := []string{fmt.Sprintf("insert into %s values (%s, 0)", table, k.value(0))}
	for i := range k.values {
		steps = append(steps, fmt.Sprintf("update %s set v = %s, n = n + 1", table, k.value(i)))
	}
	steps = append(steps, fmt.Sprintf("update %s set n = n + 1", table))
	again := slices.Concat([]string{"begin"}, steps[1:], []string{fmt.Sprintf("delete from %s", table), steps[0], "commit"})
	return append(steps, strings.Join(again, ";"),
		fmt.Sprintf("insert into %s select %s, id from stage.vals where %[2]s is not null on conflict do nothing", table, pgname.Quote(k.name)),
		fmt.Sprintf("update %s set n = n + 1", table),
		fmt.Sprintf("delete from %s where n %% 3 = 0", table),
	)
}

// equalColumns compares a wide table column by column.
func (v *values) equalColumns(t *testing.T, table string) {
	t.Helper()
	for _, k := range v.kinds {
		query := fmt.Sprintf("select id, n, %s from %s", pgname.Quote(k.name), table)
		v.sameRows(t, table+" "+k.name, query, query)
	}
}
