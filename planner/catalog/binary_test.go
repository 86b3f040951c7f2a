package catalog_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// typesSQL makes the types that the columns below have. A second database gets
// others first, so that no oid is the same.
const typesSQL = `
	create extension hstore; create extension citext; create extension ltree;
	create type mood as enum ('sad', 'ok');
	create domain positive as int check (value > 0);
	create domain moods as mood;
	create domain words as text[];
	create domain parts as mood[];
	create type pair as (a int, b text);
	create domain pairs as pair;
	create type span as range (subtype = int8);
	create type moodspan as range (subtype = mood);`

// columnTypes have a value, and whether Read must call them portable.
var columnTypes = []struct {
	typ, value string
	binary     bool
}{
	{"bool", "true", true},
	{"int8", "-9223372036854775808", true},
	{"float8", "0.1", true},
	{"numeric(20,4)", "123456789.1234", true},
	{"numeric", "NaN", true},
	{"text", "äöü \\ €", true},
	{"varchar(3)", "abc", true},
	{`"char"`, "x", true},
	{"name", "some", true},
	{"bytea", `\xdeadbeef00`, true},
	{"date", "infinity", true},
	{"timestamptz", "2020-02-29 12:00:00.123456+02", true},
	{"interval", "1 mon -2 days 03:04:05.6", true},
	{"timetz", "04:05:06.7+02", true},
	{"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", true},
	{"json", `{"b": 1,  "a": [null]}`, true},
	{"jsonb", `{"b": 1, "a": [null]}`, true},
	{"jsonpath", `$."a"[*]`, true},
	{"money", "-12.34", true},
	{"inet", "10.0.0.1/8", true},
	{"macaddr8", "08:00:2b:01:02:03:04:05", true},
	{"bit varying(9)", "1010", true},
	{"point", "(1.5,2)", true},
	{"polygon", "((0,0),(1,1),(1,0))", true},
	{"tsvector", "'fat':2A 'rat':3", true},
	{"pg_lsn", "16/B374D848", true},
	{"oid", "4294967295", true},
	{"xid8", "77", true},
	{"pg_snapshot", "10:20:10,14", true},
	{"tid", "(3,4)", true},
	{"int4[]", "[0:1]={1,NULL}", true},
	{"text[][]", `{{a,"b c"},{NULL,"NULL"}}`, true},
	{"int4range", "[1,5)", true},
	{"tstzmultirange", `{["2020-01-01 00:00:00+00","2021-01-01 00:00:00+00")}`, true},
	{"int4range[]", `{"[1,5)",empty}`, true},
	{"mood", "ok", true},
	{"positive", "7", true},
	{"moods", "sad", true},
	{"words", "{a,b}", true},
	{"span", "[1,5)", true},
	{"span_multirange", "{[1,5),[7,9)}", true},
	{"moodspan", "[sad,ok]", true},
	{"citext", "MiXed", true},

	{"xml", "<a/>", false},
	{"oidvector", "", false},
	{"tsquery", "", false},
	{"int2vector[]", `{"1 2",""}`, false},
	{"regclass", "pg_class", false},
	{"regtype[]", "{integer}", false},
	{"pair", "(1,x)", false},
	{"pair[]", `{"(1,x)"}`, false},
	{"pairs", "(1,x)", false},
	{"mood[]", "{ok,sad}", false},
	{"parts", "{ok,sad}", false},
	{"positive[]", "{1}", false},
	{"span[]", `{"[1,5)"}`, false},
	{"citext[]", "{a}", false},
	{"hstore", `"a"=>"1"`, false},
	{"ltree", "a.b", false},
}

// What Read calls portable is copied in binary form to a database with other oids,
// and is the same there.
func TestBinaryIsPortable(t *testing.T) {
	each(t, func(t *testing.T, server *pgtest.Cluster, _ int) {
		var columns, values []string
		for i, c := range columnTypes {
			columns = append(columns, fmt.Sprintf("c%d %s", i, c.typ))
			values = append(values, "'"+strings.ReplaceAll(c.value, "'", "''")+"'")
		}
		table := "create table t (" + strings.Join(columns, ", ") + ");"
		source := server.Database(t, typesSQL+table+"insert into t values ("+strings.Join(values, ", ")+")")
		target := server.Database(t, "create type other as (a int); create table shift (o other);"+typesSQL+table)

		from := open(t, source.URL)
		var safe []string
		for i, c := range tableNamed(t, read(t, from, catalog.ReadOptions{}), "t").Columns {
			if c.Binary != columnTypes[i].binary {
				t.Errorf("%s: binary is %v", columnTypes[i].typ, c.Binary)
			}
			if c.Binary {
				safe = append(safe, c.Name)
			}
		}
		list := strings.Join(safe, ", ")
		var data bytes.Buffer
		if _, err := from.PgConn().CopyTo(t.Context(), &data, "copy public.t ("+list+") to stdout (format binary)"); err != nil {
			t.Fatal(err)
		}
		if _, err := target.Conn(t).PgConn().CopyFrom(t.Context(), &data, "copy public.t ("+list+") from stdin (format binary)"); err != nil {
			t.Fatal(err)
		}
		query := "select row(" + list + ")::text from t"
		if got, want := target.Query1(t, query), source.Query1(t, query); got != want {
			t.Errorf("copied in binary:\n got %s\nwant %s", got, want)
		}
	})
}

func tableNamed(t *testing.T, db *catalog.Database, name string) *catalog.Relation {
	t.Helper()
	for i := range db.Relations {
		if db.Relations[i].Name == name {
			return &db.Relations[i]
		}
	}
	t.Fatalf("no table %s", name)
	return nil
}
