package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
)

// SequenceValue is where a sequence stands: setval(OID, Last, Called) makes another
// one go on from there.
type SequenceValue struct {
	OID    uint32
	Last   int64
	Called bool
}

// ReadSequences returns where these sequences stand now, in the order of oids. It
// takes a query for every 250 and one for their names. A sequence that is gone is an error.
//
// Sequences are not part of a snapshot: the values are those of the moment. In a
// transaction the sequences stay locked in ACCESS SHARE mode until its end, so
// thousands are better read outside one.
//
// They are read from the sequences themselves: pg_sequence_last_value is null for
// one that was never called, even after ALTER SEQUENCE ... RESTART.
func ReadSequences(ctx context.Context, conn *pgx.Conn, oids []uint32) ([]SequenceValue, error) {
	names, err := sequenceNames(ctx, conn, oids)
	if err != nil {
		return nil, fmt.Errorf("read the names of sequences: %w", err)
	}
	values := make([]SequenceValue, 0, len(oids))
	for batch := range slices.Chunk(oids, lookBatch) {
		var b strings.Builder
		for i, oid := range batch {
			name, ok := names[oid]
			if !ok {
				return nil, fmt.Errorf("sequence with oid %d: it does not exist any more", oid)
			}
			if i > 0 {
				b.WriteString(unionAll)
			}
			fmt.Fprintf(&b, selectValue, oid, name)
		}
		if values, err = appendValues(ctx, conn, b.String(), values); err != nil {
			return nil, fmt.Errorf("read the values of sequences: %w", err)
		}
	}
	return inOrder(values, oids), nil
}

func sequenceNames(ctx context.Context, conn *pgx.Conn, oids []uint32) (map[uint32]string, error) {
	rows, err := conn.Query(ctx, selectSequenceNames, oids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := make(map[uint32]string, len(oids))
	for rows.Next() {
		var oid uint32
		var schema, name string
		if err := rows.Scan(&oid, &schema, &name); err != nil {
			return nil, err
		}
		names[oid] = pgname.Qualified(schema, name)
	}
	return names, rows.Err()
}

func appendValues(ctx context.Context, conn *pgx.Conn, sql string, values []SequenceValue) ([]SequenceValue, error) {
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v SequenceValue
		if err := rows.Scan(&v.OID, &v.Last, &v.Called); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}

// inOrder sorts values as their oids were asked for.
func inOrder(values []SequenceValue, oids []uint32) []SequenceValue {
	byOID := make(map[uint32]SequenceValue, len(values))
	for _, v := range values {
		byOID[v.OID] = v
	}
	for i, oid := range oids {
		values[i] = byOID[oid]
	}
	return values
}

const (
	selectSequenceNames = `
		select c.oid, n.nspname::text, c.relname::text
		from pg_catalog.pg_class c
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where c.oid = any ($1::oid[]) and c.relkind = 'S'
		order by c.oid`

	selectValue = `select %d::oid as seq, last_value, is_called from %s`
)
