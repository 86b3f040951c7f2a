package stream_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog/pgtest"
)

// Tables are made of others, written to, altered, renamed and dropped, while sessions of
// the stream are ended at random: each has its rows once.
func TestUndeclaredWithRowsKilled(t *testing.T) {
	t.Parallel()
	a := loggingTo(t, 17, `create table a (id serial primary key, v text);
		insert into a (v) select 'v' || i from generate_series(1, 2000) i`)
	a.ddl.LockTimeout = 3 * time.Second // also for who makes tables beside: on a slow machine that is long
	run := a.run()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var beside, writers sync.WaitGroup
	beside.Go(func() { endSessions(ctx, t, a.rig) })
	beside.Go(func() {
		conn := a.source.Conn(t)
		for ctx.Err() == nil {
			runs(t, conn, "insert into a (v) values ('beside'); update a set v = v || '.' where id % 97 = 0 and length(v) < 20; select pg_sleep(0.01)")
		}
	})
	for w := range 2 {
		writers.Go(func() { makeTables(t, a.source, w) })
	}
	writers.Wait()
	stop()
	beside.Wait()
	run.catchUp()
	if got := a.waits(); got != "" {
		t.Errorf("waiting: %s", got)
	}
	a.sameShapes()
	a.equalNow()
	if t.Failed() {
		t.Log(a.events)
	}
	t.Logf("%d connections, %d tables filled", a.events.count("stream begins"), a.events.count("rows copied"))
}

func runs(t *testing.T, conn *pgx.Conn, sql string) {
	if _, err := conn.PgConn().Exec(context.WithoutCancel(t.Context()), sql).ReadAll(); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}

// makeTables makes tables with rows, and does something else to each.
func makeTables(t *testing.T, db *pgtest.DB, w int) {
	conn := db.Conn(t)
	random := rand.New(rand.NewPCG(uint64(w), 3))
	for n := range 4 {
		name := fmt.Sprintf("t_%d_%d", w, n)
		list := []string{fmt.Sprintf("create table %s as select * from a", name), fmt.Sprintf("insert into %s values (-1, 'own')", name)}
		switch n {
		case 0:
			list = append(list, fmt.Sprintf("alter table %s add primary key (id)", name), fmt.Sprintf("update %s set v = 'changed' where id %% 2 = 0", name), fmt.Sprintf("delete from %s where id %% 3 = 0", name),
				fmt.Sprintf("create table %[1]s_child as select id from %[1]s", name), fmt.Sprintf("alter table %[1]s_child add foreign key (id) references %[1]s", name))
		case 1:
			list = append(list, fmt.Sprintf("alter table %s add extra int default 7", name), fmt.Sprintf("alter table %s alter extra type bigint using extra * 2", name), fmt.Sprintf("alter table %s drop v", name),
				fmt.Sprintf("insert into %s values (-2, 5)", name))
		case 2:
			list = append(list, fmt.Sprintf("alter table %[1]s rename to r%[1]s", name), fmt.Sprintf("truncate r%s", name), fmt.Sprintf("insert into r%s values (-3, 'after')", name))
		case 3:
			list = append(list, fmt.Sprintf("drop table %s", name))
		}
		whole := random.IntN(2) == 0
		if whole {
			list = append(append([]string{"begin"}, list...), "commit")
		}
		for _, sql := range list {
			runs(t, conn, sql)
			if !whole {
				runs(t, conn, fmt.Sprintf("select pg_sleep(%f)", random.Float64()/20))
			}
		}
	}
}

// endSessions ends all that the stream has open, of one side, every now and then.
func endSessions(ctx context.Context, t *testing.T, r *rig) {
	sides := []*pgx.Conn{r.source.Conn(t), r.target.Conn(t)}
	random := rand.New(rand.NewPCG(5, 7))
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(300+random.IntN(1500)) * time.Millisecond):
		}
		runs(t, sides[random.IntN(2)], "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'bascule/app/%'")
	}
}
