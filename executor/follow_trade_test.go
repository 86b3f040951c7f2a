package executor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"bascule/planner/catalog/pgtest"
)

// trade makes transfers (see bank), and takes some back, until the context ends. It
// leaves the machine some room.
func trade(ctx context.Context, url string, seed uint64) error {
	conn, err := pgx.Connect(context.WithoutCancel(ctx), url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	r := rand.New(rand.NewPCG(seed, 0))
	for ctx.Err() == nil {
		from, amount := 1+r.IntN(1000), r.IntN(500)
		to := from + 1 + r.IntN(900)
		sql := fmt.Sprintf(`begin;
			update account set balance = balance - %[3]d where id = %[1]d; update account set balance = balance + %[3]d where id = %[2]d;
			with t as (insert into transfer (debit, credit, amount) values (%[1]d, %[2]d, %[3]d) returning id)
			insert into line select id, 1, %[1]d, -%[3]d from t union all select id, 2, %[2]d, %[3]d from t;`, from, to, amount)
		if r.IntN(3) == 0 {
			sql += fmt.Sprintf(`savepoint a; update account a set balance = balance - l.amount from line l where l.account = a.id and l.transfer = %[1]d;
				delete from transfer where id = %[1]d; release a;`, r.Uint64N(300)*2+seed)
		}
		if _, err := conn.PgConn().Exec(context.WithoutCancel(ctx), sql+"commit; select pg_sleep(0.01)").ReadAll(); err != nil {
			if !concurrent(err) {
				return err
			}
			_, _ = conn.Exec(context.WithoutCancel(ctx), "rollback") // and the next one
		}
	}
	return nil
}

// trading writes to a bank with two sessions while work does.
func trading(t *testing.T, source *pgtest.DB, work func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var g errgroup.Group
	for seed := range uint64(2) {
		g.Go(func() error { return trade(ctx, source.URL, seed) })
	}
	source.Eventually(t, "select count(*) > 20 from transfer", "t")
	func() {
		defer stop()
		work()
	}()
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// balances demands that the target is one moment of a bank, with all its keys.
func (f *follower) balances(t *testing.T) {
	t.Helper()
	if got := f.target.Query(t, books); got != "0|0|0|0" {
		t.Errorf("the books do not balance: %s", got)
	}
	const keys = "select count(*) || ' ' || count(*) filter (where convalidated) from pg_constraint where connamespace = 'public'::regnamespace"
	if want, got := f.source.Query1(t, keys), f.target.Query1(t, keys); got != want {
		t.Errorf("keys: %s, want %s", got, want)
	}
}
