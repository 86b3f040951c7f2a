package catalog_test

import (
	"fmt"
	"testing"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

func TestReadSequences(t *testing.T) {
	each(t, func(t *testing.T, server *pgtest.Cluster, _ int) {
		db := server.Database(t, `
			create sequence never;
			create sequence started start 42;
			create sequence moved;
			alter sequence moved restart 7;
			create sequence called;
			select nextval('called') from generate_series(1, 3);
			create sequence "Odd ""down" increment -1 minvalue -9223372036854775808 cycle;
			select nextval('"Odd ""down"'), nextval('"Odd ""down"');
			create sequence placed;
			select setval('placed', 9223372036854775807, false);
			do $$ begin for i in 1..600 loop execute format('create sequence many_%s start %s', i, i); end loop; end $$;`)
		conn := open(t, db.URL)
		want := map[string]string{
			"never": "1 false", "started": "42 false", "moved": "7 false", "called": "3 true",
			`Odd "down`: "-2 true", "placed": "9223372036854775807 false", "many_600": "600 false", "many_1": "1 false",
		}
		var oids []uint32
		var names []string
		for _, r := range read(t, conn, catalog.ReadOptions{}).Relations {
			oids, names = append(oids, r.OID), append(names, r.Name)
		}
		values, err := catalog.ReadSequences(t.Context(), conn, oids)
		if err != nil || len(values) != len(oids) {
			t.Fatalf("%d values for %d sequences: %v", len(values), len(oids), err)
		}
		found := 0
		for i, v := range values {
			if v.OID != oids[i] {
				t.Fatalf("value %d is of %d, want %d", i, v.OID, oids[i])
			}
			if text, ok := want[names[i]]; ok {
				found++
				if got := fmt.Sprint(v.Last, " ", v.Called); got != text {
					t.Errorf("%s: %s, want %s", names[i], got, text)
				}
			}
		}
		if found != len(want) {
			t.Errorf("%d of %d found", found, len(want))
		}
	})
}

func TestReadSequencesThatAreGone(t *testing.T) {
	t.Parallel()
	conn := open(t, pgtest.Server(t, 15).Database(t, "").URL)
	if _, err := catalog.ReadSequences(t.Context(), conn, []uint32{4000000000}); err == nil {
		t.Error("no error")
	}
	if values, err := catalog.ReadSequences(t.Context(), conn, nil); err != nil || len(values) != 0 {
		t.Errorf("of none: %v, %v", values, err)
	}
}
