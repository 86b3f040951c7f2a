package catalog_test

import (
	"testing"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// BenchmarkManyTables reads a database of 10,000 tables, each with a key and a row,
// over a new connection each time, as a plan does.
func BenchmarkManyTables(b *testing.B) {
	db := pgtest.Server(b, 15).Database(b, "")
	for range 20 { // a transaction has locks for some thousands
		db.Exec(b, `
			do $$ declare n int := (select count(*) from pg_class where relkind = 'r' and relname like 'many%'); begin
				for i in n + 1 .. n + 500 loop
					execute format('create table many_%s (id bigint primary key, name text not null default ''x'', n int, '
						'at timestamptz default now(), amount numeric(10, 2))', i);
					execute format('insert into many_%s (id) values (1)', i);
				end loop;
			end $$`)
	}
	for name, read := range map[string]func(b *testing.B, url string) error{
		"read": func(b *testing.B, url string) error {
			_, err := catalog.Read(b.Context(), open(b, url), catalog.ReadOptions{})
			return err
		},
		"read with rows": func(b *testing.B, url string) error {
			_, err := catalog.Read(b.Context(), open(b, url), catalog.ReadOptions{Rows: true})
			return err
		},
		"fingerprint": func(b *testing.B, url string) error {
			_, err := catalog.Fingerprint(b.Context(), open(b, url))
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := read(b, db.URL); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
