package executor_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// stirred is a partitioned table whose rows move between its partitions, and never
// become more or less than their amounts sum to nothing.
const stirred = `
	create table moving (id bigserial, part int, amount int, primary key (id, part)) partition by list (part);
	create table moving_0 partition of moving for values in (0); create table moving_1 partition of moving for values in (1);
	create table moving_rest partition of moving default;
	insert into moving (part, amount) select i % 5, case i % 2 when 0 then i else 1 - i end from generate_series(0, 3999) i;`

// stir writes to it until the context ends.
func stir(ctx context.Context, url string, seed int) error {
	conn, err := pgx.Connect(context.WithoutCancel(ctx), url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for i := seed; ctx.Err() == nil; i += 2 {
		sql := fmt.Sprintf(`begin; insert into moving (part, amount) values (%[1]d %% 7, %[1]d), (%[1]d %% 3, -%[1]d);
			update moving set part = (part + 1) %% 5 where id between %[1]d %% 4000 and %[1]d %% 4000 + 5; commit; select pg_sleep(0.01)`, i)
		if _, err := conn.PgConn().Exec(context.WithoutCancel(ctx), sql).ReadAll(); err != nil && !concurrent(err) {
			return err
		} else if err != nil {
			_, _ = conn.Exec(context.WithoutCancel(ctx), "rollback") // and the next one
		}
	}
	return nil
}

// concurrent reports whether a transaction failed for what another did meanwhile.
func concurrent(err error) bool {
	code := session.Code(err)
	return code == "40001" || code == "40P01"
}

// stirring writes with two sessions while work does.
func stirring(t *testing.T, source *pgtest.DB, work func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var g errgroup.Group
	for seed := range 2 {
		g.Go(func() error { return stir(ctx, source.URL, seed) })
	}
	func() {
		defer stop()
		work()
	}()
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// A root's partitions are copied at one point, from which the root is followed, also
// when it joins a mirror that streams, and when it is copied again.
func TestRootsUnderWriters(t *testing.T) {
	long(t)
	t.Parallel()
	for _, via := range []string{"", viaRoot} {
		t.Run("via root "+fmt.Sprint(via != ""), func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, stirred)
			const sum = "select sum(amount), count(*) > 3999 from moving"
			f := newFollower(t, source, target, via+"copy {\nworkers = 2\n}")
			f.allow = []string{"mirror.app"}
			stirring(t, source, func() {
				f.applied(t)
				f.runs(t)
				f.arrived(t)
				if got := target.Query(t, sum); got != "0|t" {
					t.Errorf("after the copy the sum is %s", got)
				}
				f.body = via + `exclude = ["public.moving*"]`
				f.applied(t)
				target.Exec(t, "drop table moving")
				f.body = via
				f.applied(t)
				f.arrived(t)
				if got := target.Query(t, sum); got != "0|t" {
					t.Errorf("after it joined the sum is %s", got)
				}
				f.replaced(t, `mirror.app.table["public.moving"]`)
				f.arrived(t)
				if got := target.Query(t, sum); got != "0|t" {
					t.Errorf("after another copy the sum is %s", got)
				}
			})
			f.same(t)
			f.settled(t)
		})
	}
}
