package subscription_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// load is what writes to a source all the while.
type load struct {
	p    *pair
	stop context.CancelFunc
	all  sync.WaitGroup
	done atomic.Int64 // transactions
}

// write begins two writers, which go on over a server that crashes.
func (p *pair) write() *load {
	ctx, stop := context.WithCancel(context.Background())
	l := &load{p: p, stop: stop}
	for writer := range 2 {
		l.all.Go(func() {
			for ctx.Err() == nil {
				l.session(ctx, writer)
			}
		})
	}
	p.t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	l.stop()
	l.all.Wait()
}

// session writes until it fails.
func (l *load) session(ctx context.Context, writer int) {
	conn, err := pgx.Connect(ctx, l.p.source.URL)
	if err != nil {
		select { // the server is down
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
		return
	}
	defer conn.Close(context.Background())
	random := rand.New(rand.NewPCG(uint64(writer), 7))
	beat := time.NewTicker(pace)
	defer beat.Stop()
	for ctx.Err() == nil {
		<-beat.C
		sql := change(random, writer)
		if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			if conn.IsClosed() {
				return
			}
			_, _ = conn.PgConn().Exec(ctx, "rollback").ReadAll()
			continue
		}
		l.done.Add(1)
	}
}

// pace keeps the writers from being faster than what follows them, on a machine that
// does all of it.
const pace = 4 * time.Millisecond

// change is one transaction of every kind that can be followed. Each writer has rows of
// its own, so that they wait for each other at TRUNCATE only.
func change(random *rand.Rand, writer int) string {
	id := random.IntN(300)*2 + writer
	switch random.IntN(40) {
	case 0, 1, 2:
		return fmt.Sprintf(`begin; insert into orders values (%d, %d, nextval('ids'), repeat('x', %d)) on conflict (id) do update set n = excluded.n;
			insert into log values (%[2]d, nextval('ids'), now()); commit`, id, writer, random.IntN(50))
	case 3:
		return fmt.Sprintf("update orders set n = nextval('ids') where id = %d", id)
	case 4: // the value is stored apart, and not sent again
		return fmt.Sprintf("update orders set note = (select string_agg(md5(i::text), '') from generate_series(1, 300) i) where id = %d; update orders set n = nextval('ids') where id = %[1]d", id)
	case 5:
		return fmt.Sprintf("delete from orders where id = %d", id)
	case 6: // the key moves
		return fmt.Sprintf("update orders set id = 100000 + id where id = %d; delete from orders where id > 100000 and writer = %d", id, writer)
	case 7:
		return fmt.Sprintf(`insert into "Odd ""name" (v) values ('{"a": %d}'); delete from "Odd ""name" where id %% 7 = %d and id %% 2 = %d`, id, random.IntN(7), writer)
	case 8:
		return fmt.Sprintf("delete from whole where a = %d; insert into whole values (%[1]d, 'w%d'); update whole set b = b || '.' where a = %[1]d", id%40, writer)
	case 9:
		return fmt.Sprintf("insert into parts values (%d, 'a') on conflict do nothing; update parts set region = case region when 'a' then 'b' else 'a' end where id = %[1]d and not exists (select from parts where id = %[1]d group by id having count(*) > 1)", id)
	case 10: // large enough to be sent before it ends, with parts that are taken back
		end := "commit"
		if random.IntN(3) == 0 {
			end = "rollback"
		}
		return fmt.Sprintf(`begin; insert into log select %d, nextval('ids'), now() from generate_series(1, 600); savepoint s;
			insert into log select -1, 0, now() from generate_series(1, 300); rollback to s; insert into log values (%[1]d, nextval('ids'), now()); %s`, writer, end)
	case 11:
		return fmt.Sprintf("begin; truncate emptied; insert into emptied select i from generate_series(1, %d) i; commit", 1+random.IntN(9))
	default:
		return fmt.Sprintf("insert into log values (%d, nextval('ids'), now()); update orders set n = nextval('ids') where id between %d and %[2]d + 9 and writer = %[1]d", writer, id)
	}
}
