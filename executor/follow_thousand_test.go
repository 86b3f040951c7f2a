package executor_test

import (
	"fmt"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// A thousand tables are copied and followed, of which fifty are written to.
func TestAThousandTables(t *testing.T) {
	long(t)
	t.Parallel()
	source := pgtest.Server(t, 15).Database(t, `
		do $$ begin for i in 1..1000 loop
			execute format('create table public.t%s (id int primary key, v text)', i);
			execute format('insert into public.t%s values (1, %L), (2, null)', i, i);
		end loop; end $$`)
	target := pgtest.Server(t, 15).Database(t, "")
	f := newFollower(t, source, target, "copy {\nworkers = 2\n}")
	plan := f.applied(t)
	if got := len(plan.Changes[0].Mirror.Tables); got != 1001 {
		t.Errorf("%d tables", got)
	}
	f.runs(t)
	for round := range 2 {
		f.writes(t, fmt.Sprintf(`do $$ begin for i in 1..50 loop
			execute format('insert into public.t%%s values (%d, %%L)', i * 20, i);
			execute format('update public.t%%s set v = v || ''!'' where id = 1', i * 20);
			execute format('delete from public.t%%s where id = %d', i * 20);
			commit;
		end loop; end $$`, round+10, round+2))
	}
	f.same(t)
	f.settled(t)
}
