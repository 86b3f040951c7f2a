package ledger

import (
	"context"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog"
)

// Part is a range of a table's key that was, or is to be, copied by itself, at a point
// of its own: from Low on and below High.
type Part struct {
	Number    int
	Low, High *int64 // nil: no end on that side
	Point     catalog.LSN
}

// Holds reports whether a key belongs to the part.
func (p Part) Holds(key int64) bool {
	return (p.Low == nil || key >= *p.Low) && (p.High == nil || key < *p.High)
}

// PutParts records how a table, by oid on the source, is cut, and the points of its
// parts.
func PutParts(ctx context.Context, conn *pgx.Conn, mirror string, source uint32, parts []Part) error {
	return wrap("put parts", pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(dropParts, mirror, source)
		for _, p := range parts {
			batch.Queue(putPart, mirror, source, p.Number, p.Low, p.High, p.Point.String())
		}
		return tx.SendBatch(ctx, batch).Close()
	}))
}

// DropParts forgets how a table was cut.
func DropParts(ctx context.Context, conn *pgx.Conn, mirror string, source uint32) error {
	_, err := conn.Exec(ctx, dropParts, mirror, source)
	return wrap("drop parts", err)
}

// Parts returns those of all tables of the mirror, by oid on the source, each list in
// the order of the keys.
func Parts(ctx context.Context, conn *pgx.Conn, mirror string) (map[uint32][]Part, error) {
	rows, err := conn.Query(ctx, readParts, mirror)
	if err != nil {
		return nil, wrap("read parts", err)
	}
	all := map[uint32][]Part{}
	var source uint32
	var p Part
	_, err = pgx.ForEachRow(rows, []any{&source, &p.Number, &p.Low, &p.High, &p.Point}, func() error {
		all[source] = append(all[source], p)
		return nil
	})
	return all, wrap("read parts", err)
}

// PartsDone returns the numbers of a table's finished parts, by its name as it is
// recorded.
func PartsDone(ctx context.Context, conn *pgx.Conn, mirror, schema, name string) (map[int]bool, error) {
	rows, err := conn.Query(ctx, readDone, mirror, schema, name)
	if err != nil {
		return nil, wrap("read finished parts", err)
	}
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[int])
	done := map[int]bool{}
	for _, n := range numbers {
		done[n] = true
	}
	return done, wrap("read finished parts", err)
}

const dropParts = `delete from bascule.part where mirror = $1 and source = $2`

const putPart = `
	insert into bascule.part (mirror, source, number, low, high, point)
	values ($1, $2, $3, $4, $5, $6::text::pg_lsn)`

const readParts = `
	select source, number, low, high, point::text
	from bascule.part
	where mirror = $1
	order by source, number`

const readDone = `
	select part from bascule.chunk where mirror = $1 and schema = $2 and name = $3 order by part`
