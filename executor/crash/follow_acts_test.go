package crash_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/jackc/pgx/v5"
)

// act is one thing that a writer does, in a transaction of its own. Share is how often
// it is done, against the others.
type act struct {
	name  string
	share int
	do    func(ctx context.Context, tx pgx.Tx, r *rand.Rand) error
}

// acts are every kind of change.
func acts(late int) []act {
	return []act{
		{"transfer", 40, transfer},
		{"new key", 15, random(renameKey, 500, 1000)},
		{"new label", 10, random("update renamed set label = 'label ' || $2::int where id = (select id from renamed offset $1 limit 1)", 400, 100000)},
		{"delete and insert a key", 8, several(func(r *rand.Rand) []string {
			id := 1 + r.IntN(500)
			return []string{fmt.Sprintf("delete from renamed where id = %d", id),
				fmt.Sprintf("insert into renamed values (%d, 'new %d') on conflict do nothing", id, r.IntN(100000))}
		})},
		{"hand on", 15, handOn},
		{"swap seats", 10, several(func(r *rand.Rand) []string {
			a, b := 1+r.IntN(50), 1+r.IntN(50)
			return []string{fmt.Sprintf(swapSeats, a, b), "set constraints all immediate"}
		})},
		{"toast kept", 10, random("update toast set n = n + 1 where id = (select id from toast offset $1 limit 1)", 40)},
		{"toast kept, new key", 3, random("update toast set id = id + 1000 where id = (select id from toast offset $1 limit 1)", 40)},
		{"toast changed", 6, several(func(r *rand.Rand) []string {
			size := 300 + r.IntN(2800)
			return []string{fmt.Sprintf("update toast set %s where id = (select id from toast offset %d limit 1)",
				[]string{fmt.Sprintf("doc = repeat(md5('%d'), %d)", r.Int(), size), fmt.Sprintf("raw = decode(repeat(md5('%d'), %d), 'hex')", r.Int(), size),
					"doc = null", fmt.Sprintf("n = n + 1, raw = decode(repeat('%02x', %d), 'hex')", r.IntN(256), 16*size)}[r.IntN(4)], r.IntN(40))}
		})},
		{"toast inserted, deleted", 3, several(func(r *rand.Rand) []string {
			return []string{fmt.Sprintf("insert into toast values (%d, 0, repeat('%x', 4000)) on conflict do nothing", 10000000+r.IntN(1000000), r.IntN(256)),
				"delete from toast where id = (select max(id) from toast where id > 10000000) and random() < 0.8"}
		})},
		{"wiped, rows", 12, several(func(r *rand.Rand) []string {
			return []string{"insert into wiped_a (n) values (1), (2), (3)",
				"insert into wiped_b (a) select id from wiped_a order by id desc limit 2", fmt.Sprintf("insert into wiped_c values (%d)", r.IntN(1000))}
		})},
		{"truncate", 1, several(func(r *rand.Rand) []string {
			if r.IntN(20) > 0 { // nobody truncates all the time: a copy lets go of its snapshot for each
				return nil
			}
			return []string{[]string{"truncate wiped_a, wiped_b, wiped_c", "truncate wiped_a cascade", "truncate wiped_a, wiped_b restart identity",
				"truncate wiped_c; insert into wiped_c values (7); truncate wiped_b; insert into wiped_c values (8)", "truncate part_2"}[r.IntN(5)]}
		})},
		{"part", 20, several(func(r *rand.Rand) []string {
			id, kind := r.IntN(1000), 1+r.IntN(3)
			return []string{fmt.Sprintf("update part set n = n + 1 where id = %d", id), fmt.Sprintf("update part set kind = %d where id = %d and not exists (select from part where id = %d and kind = %d)", kind, id, id, kind),
				fmt.Sprintf("insert into part values (%d, %d) on conflict do nothing", r.IntN(1000), kind), fmt.Sprintf("delete from part where id = %d", r.IntN(1000))}[r.IntN(2):]
		})},
		{"always", 10, several(func(r *rand.Rand) []string {
			return []string{fmt.Sprintf("insert into always (n) values (%d), (%d)", r.IntN(100), r.IntN(100)),
				fmt.Sprintf("update always set n = n + 1 where id = (select max(id) - %d from always)", r.IntN(30)),
				fmt.Sprintf("delete from always where id = (select max(id) - %d from always)", r.IntN(100))}
		})},
		{"pair", 10, several(func(r *rand.Rand) []string {
			return []string{fmt.Sprintf("update pair set v = 'v%d' where a = %d", r.IntN(1000), r.IntN(20)), fmt.Sprintf("delete from pair where (a, b) = (%d, %d)", r.IntN(20), r.IntN(20)),
				fmt.Sprintf("insert into pair values (%d, %d, 'new') on conflict (a, b) do update set v = excluded.v", r.IntN(20), r.IntN(20))}
		})},
		{"inherited", 5, several(func(r *rand.Rand) []string {
			return []string{fmt.Sprintf("insert into base values (%d, 1) on conflict (id) do update set n = base.n + 1", r.IntN(100)),
				fmt.Sprintf("insert into derived values (%d, 1, 'more') on conflict (id) do update set n = derived.n + 1", 1000+r.IntN(100)), fmt.Sprintf("update base set n = n + 1 where id %% 10 = %d", r.IntN(10))}
		})},
		{"without key", 12, withoutKey},
		{"inserts only", 10, random("insert into added_to select $1, 'b' || i from generate_series(1, $2) i", 1000, 5)},
		{"copy", 2, copyIn},
		{"savepoints", 10, savepoints},
		{"rolled back", 5, rolledBack},
		{"late", 12, several(func(r *rand.Rand) (all []string) {
			for i := 1; i <= late; i++ {
				id := r.IntN(3000)
				all = append(all, fmt.Sprintf("update late_%d set n = n + 1 where id = %d", i, id), fmt.Sprintf("delete from late_%d where id = %d", i, r.IntN(3000)),
					fmt.Sprintf("insert into late_%d values (%d, 0, 'new %d') on conflict do nothing", i, r.IntN(3000), r.IntN(100000)))
			}
			return all
		})},
	}
}

// random makes an act of one statement with random parameters below these limits.
func random(sql string, limits ...int) func(context.Context, pgx.Tx, *rand.Rand) error {
	return func(ctx context.Context, tx pgx.Tx, r *rand.Rand) error {
		args := make([]any, len(limits))
		for i, limit := range limits {
			args[i] = r.IntN(limit)
		}
		_, err := tx.Exec(ctx, sql, args...)
		return err
	}
}

// several makes an act of statements that are made up each time, and sent at once.
func several(make func(*rand.Rand) []string) func(context.Context, pgx.Tx, *rand.Rand) error {
	return func(ctx context.Context, tx pgx.Tx, r *rand.Rand) error {
		_, err := tx.Exec(ctx, strings.Join(make(r), "; "), pgx.QueryExecModeSimpleProtocol)
		return err
	}
}

// transfer moves money between up to four accounts; the sum stays.
func transfer(ctx context.Context, tx pgx.Tx, r *rand.Rand) error {
	for range 1 + r.IntN(2) {
		amount, from, to := r.IntN(100), 1+r.IntN(1000), 1+r.IntN(1000)
		if from == to {
			continue
		}
		if _, err := tx.Exec(ctx, moveMoney, from, to, amount); err != nil {
			return err
		}
	}
	return nil
}

// handOn gives a unique value from one row to another, and a third row's to the first.
func handOn(ctx context.Context, tx pgx.Tx, r *rand.Rand) error {
	var holders [2]*string
	ids := [2]int{1 + r.IntN(50), 1 + r.IntN(50)}
	if ids[0] == ids[1] {
		_, err := tx.Exec(ctx, "delete from handed where id = $1", ids[0])
		if err == nil {
			_, err = tx.Exec(ctx, "insert into handed values ($1, 'holder of ' || $2::int) on conflict do nothing", ids[0], r.IntN(1000))
		}
		return err
	}
	for i, id := range ids {
		if err := tx.QueryRow(ctx, "select (select holder from handed where id = $1 for update)", id).Scan(&holders[i]); err != nil {
			return err
		}
	}
	for _, step := range []struct {
		id     int
		holder *string
	}{{ids[0], nil}, {ids[1], holders[0]}, {ids[0], holders[1]}} {
		if _, err := tx.Exec(ctx, "update handed set holder = $2 where id = $1", step.id, step.holder); err != nil {
			return err
		}
	}
	return nil
}

// withoutKey changes single ones of equal rows.
func withoutKey(ctx context.Context, tx pgx.Tx, r *rand.Rand) error {
	for _, table := range []string{"whole", "keyless"} {
		more := ""
		if table == "whole" {
			more = `, 1.50, '{"a":  1, "a": 2}'`
		}
		for _, sql := range []string{
			fmt.Sprintf("insert into %s values (%d, 'b%d'%s), (%d, null%s)", table, r.IntN(10), r.IntN(5), more, r.IntN(10), more),
			fmt.Sprintf("update %s set a = a + 1, b = null where ctid = (select ctid from %s offset %d limit 1 for update)", table, table, r.IntN(50)),
			fmt.Sprintf("delete from %s where ctid = (select ctid from %s offset %d limit 1 for update)", table, table, r.IntN(60)),
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	renameKey = `update renamed set id = id + 10000 * (1 + $2 % 3) where id = (select id from renamed offset $1 limit 1)`

	swapSeats = `update seat s set place = o.place from seat o
		where s.id in (%[1]d, %[2]d) and o.id in (%[1]d, %[2]d) and s.id <> o.id`

	moveMoney = `
		update account a set balance = balance + m.amount
		from (values ($1::int, -$3::int), ($2, $3)) m (id, amount)
		where a.id = m.id`
)
