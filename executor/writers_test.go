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

// bank is accounts whose balances always sum to nothing, with a transfer for each
// change, of which the last of an account is noted at it.
const bank = `
	create table account (id int primary key, balance bigint not null default 0, note text);
	create table transfer (id bigserial primary key, debit int not null references account, credit int not null references account, amount bigint not null);
	create table line (transfer bigint not null references transfer on delete cascade, side int, account int not null references account, amount bigint not null, primary key (transfer, side));
	insert into account select i, 0, repeat('n', 200) from generate_series(1, 2000) i;
	analyze`

// books sums up a bank: it is "0|0|0|0" in every snapshot.
const books = `
	select (select sum(balance) from account), (select coalesce(sum(amount), 0) from line),
		(select count(*) from transfer t where (select count(*) from line l where l.transfer = t.id) <> 2),
		(select count(*) from account a where balance <> (select coalesce(sum(amount), 0) from line l where l.account = a.id))`

// write makes transfers, and takes some back, until the context ends.
func write(ctx context.Context, url string, seed uint64) error {
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
			insert into line select id, 1, %[1]d, -%[3]d from t union all select id, 2, %[2]d, %[3]d from t; commit`, from, to, amount)
		if _, err := conn.PgConn().Exec(context.WithoutCancel(ctx), sql).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// writers runs two writers on a bank while work does, and until it ends.
func writers(t *testing.T, source *pgtest.DB, work func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var g errgroup.Group
	for seed := range uint64(2) {
		g.Go(func() error { return write(ctx, source.URL, seed) })
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

func TestOneSnapshotUnderWriters(t *testing.T) {
	t.Parallel()
	source := pgtest.Server(t, 15).Database(t, bank)
	rounds := 1
	if *longFlag {
		rounds = 3
	}
	writers(t, source, func() {
		for range rounds {
			target := pgtest.Server(t, 15).Database(t, "")
			c := newCarry(t, source, target, "copy {\nchunk_size = \"8kB\"\nworkers = 3\n}")
			plan, _, err := c.apply(t.Context(), t)
			if err != nil {
				t.Errorf("%v\n%s", err, findings(plan))
				return
			}
			balanced(t, target)
			const next = "select last_value >= (select max(id) from transfer) from transfer_id_seq"
			if got := target.Query1(t, next); got != "t" {
				t.Error("the sequence would give out ids again")
			}
		}
	})
}

// balanced demands that a bank is one moment of its source.
func balanced(t *testing.T, db *pgtest.DB) {
	t.Helper()
	if got := db.Query(t, books); got != "0|0|0|0" {
		t.Errorf("the books do not balance: %s", got)
	}
	if got := db.Query1(t, "select count(*) || ' ' || count(*) filter (where convalidated) from pg_constraint where connamespace = 'public'::regnamespace"); got != "7 7" {
		t.Errorf("keys: %s", got)
	}
	if got := db.Query1(t, "select count(*) from account"); got != "2000" {
		t.Errorf("%s accounts", got)
	}
}
