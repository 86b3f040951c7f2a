package crash_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
)

// copyIn writes rows by COPY, and deletes older ones.
func copyIn(ctx context.Context, tx pgx.Tx, r *rand.Rand) error {
	first, count := r.Int64(), 100+r.IntN(900)
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"bulk"}, []string{"id", "v"}, pgx.CopyFromSlice(count, func(i int) ([]any, error) {
		return []any{first + int64(i), fmt.Sprintf("row %d", i)}, nil
	}))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "delete from bulk where id in (select id from bulk order by id offset 20000)")
	return err
}

// savepoints nests subtransactions, of which some are rolled back.
func savepoints(ctx context.Context, tx pgx.Tx, r *rand.Rand) error {
	for i := range 1 + r.IntN(5) {
		inner, err := tx.Begin(ctx)
		if err != nil {
			return err
		}
		err = transfer(ctx, inner, r)
		if err == nil {
			_, err = inner.Exec(ctx, "update account set note = $2 where id = $1", 1+r.IntN(1000), fmt.Sprint("savepoint ", i))
		}
		if err == nil && r.IntN(8) == 0 {
			err = savepoints(ctx, inner, r)
		}
		if err != nil {
			return err
		}
		if r.IntN(2) == 0 {
			err = inner.Rollback(ctx)
		} else {
			err = inner.Commit(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errRollBack makes a writer roll its transaction back.
var errRollBack = errors.New("rolled back")

func rolledBack(ctx context.Context, tx pgx.Tx, _ *rand.Rand) error {
	_, err := tx.Exec(ctx, `
		update account set balance = 0 where id < 50;
		delete from pair where a < 5;
		insert into added_to values (-1, 'never there');
		insert into bulk select -i, 'never there' from generate_series(1, 300) i`)
	if err != nil {
		return err
	}
	return errRollBack
}

// bigAct is the name of big, which is done on demand.
const bigAct = "big"

// big is a transaction of 50,000 changes of rows and more.
func big(ctx context.Context, tx pgx.Tx, r *rand.Rand) error {
	_, err := tx.Exec(ctx, fmt.Sprintf(`
		insert into bulk select %[1]d + i, 'big ' || i from generate_series(1, 30000) i;
		update bulk set v = v || ' changed' where id between %[1]d and %[1]d + 15000;
		delete from bulk where id between %[1]d and %[1]d + 29000`, 1+r.Int64N(1<<60)))
	return err
}
