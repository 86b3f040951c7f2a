package ledger

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// followRelations has the records of tables follow what a command has made of the
// members, before those are recorded: a table that is renamed, new, or gone. Names may
// have changed places, so all leave before they enter.
func followRelations(ctx context.Context, tx pgx.Tx, mirror string, members []Member) error {
	if len(members) == 0 {
		return nil
	}
	sources := make([]uint32, len(members))
	for i, m := range members {
		sources[i] = m.Source
	}
	rows, err := tx.Query(ctx, takeRelations, mirror, sources)
	if err != nil {
		return err
	}
	type record struct {
		bytes    int64
		estimate float64
		chunks   int
		rows     *int64
	}
	was := map[uint32]record{}
	var source uint32
	var r record
	if _, err := pgx.ForEachRow(rows, []any{&source, &r.bytes, &r.estimate, &r.chunks, &r.rows}, func() error {
		was[source] = r
		return nil
	}); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	for _, m := range members {
		r := was[m.Source]
		batch.Queue(putRelation, mirror, m.TargetSchema, m.TargetName, r.bytes, r.estimate, r.chunks, r.rows, m.State)
	}
	return tx.SendBatch(ctx, batch).Close()
}

const takeRelations = `
	delete from bascule.relation r
	using bascule.member m
	where m.mirror = $1 and m.source = any ($2::oid[])
		and r.mirror = $1 and r.schema = m.target_schema and r.name = m.target_name
	returning m.source, r.bytes, r.estimate, r.chunks, r.rows`

// What is removed and still stands was taken out of the mirror, and stays known as its
// copy.
const putRelation = `
	insert into bascule.relation (mirror, schema, name, bytes, estimate, chunks, rows)
	select $1, $2::text, $3::text, $4, $5, $6, coalesce($7::bigint, 0)
	where $8::text <> 'removed' or pg_catalog.to_regclass(pg_catalog.format('%I.%I', $2::text, $3::text)) is not null
	on conflict do nothing`
