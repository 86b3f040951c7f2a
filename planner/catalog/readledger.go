package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ReadLedger reads what schema bascule says. A database without it has a ledger of
// format 0, and so has one whose ledger belongs to another role and may not be
// read. A ledger of a newer format is returned without its mirrors.
func ReadLedger(ctx context.Context, conn *pgx.Conn) (*Ledger, error) {
	var there bool
	if err := conn.QueryRow(ctx, ledgerThere).Scan(&there); err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	l := &Ledger{}
	if !there {
		return l, nil
	}
	if err := conn.QueryRow(ctx, ledgerFormat).Scan(&l.Format); err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	if l.Format > LedgerFormat {
		return l, nil
	}
	rows, err := conn.Query(ctx, ledgerMirrors)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	l.Mirrors, err = pgx.CollectRows(rows, scanLedgerMirror)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	rows, err = conn.Query(ctx, ledgerTables)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	byID := map[string]*LedgerMirror{}
	for i := range l.Mirrors {
		byID[l.Mirrors[i].ID] = &l.Mirrors[i]
	}
	var id string
	var t LedgerTable
	_, err = pgx.ForEachRow(rows, []any{&id, &t.Schema, &t.Name, &t.OID, &t.Bytes, &t.Estimate, &t.State, &t.Chunks,
		&t.ChunksDone, &t.Rows, &t.BytesDone, &t.Error}, func() error {
		if m := byID[id]; m != nil {
			m.Tables = append(m.Tables, t)
		}
		return nil
	})
	if err == nil && l.Format >= ledgerStreams {
		err = readLedgerStreams(ctx, conn, byID, l.Format)
	}
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return l, nil
}

func scanLedgerMirror(row pgx.CollectableRow) (m LedgerMirror, err error) {
	var finished *time.Time
	err = row.Scan(&m.ID, &m.Address, &m.Lineage, &m.Digest, &m.Phase, &m.Attempt, &m.Started, &m.Updated,
		&finished, &m.Error, &m.ObjectsTotal, &m.Objects, &m.ObjectsDone)
	if finished != nil {
		m.Finished = *finished
	}
	return m, err
}

// ledgerStreams is the first format with continuous mirrors, ledgerCommands with DDL,
// ledgerHanded with engines of the servers' own.
const (
	ledgerStreams  = 2
	ledgerCommands = 3
	ledgerHanded   = 4
)

const ledgerThere = `
	select coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass('bascule.mirror'), 'SELECT'), false)`

const ledgerFormat = `select format from bascule.ledger`

const ledgerMirrors = `
	select m.id, m.address, m.lineage, m.digest, m.phase, m.attempt, m.started, m.updated, m.finished, m.error,
		m.objects_total,
		(select pg_catalog.count(*) from bascule.object o where o.mirror = m.id),
		case when m.finished is not null then m.objects_total
		else (select pg_catalog.count(*) from bascule.object o where o.mirror = m.id and o.section = 'post') end
	from bascule.mirror m
	order by m.id`

const ledgerTables = `
	select r.mirror, r.schema, r.name,
		coalesce(pg_catalog.to_regclass(pg_catalog.format('%I.%I', r.schema, r.name))::oid, 0),
		r.bytes, r.estimate,
		case
			when r.error <> '' then 'failed'
			when r.rows is not null or coalesce(c.parts, 0) >= r.chunks then 'copied'
			when c.parts > 0 then 'copying'
			else 'waiting'
		end,
		r.chunks,
		case when r.rows is not null then r.chunks else coalesce(c.parts, 0) end,
		coalesce(r.rows, c.rows, 0),
		case when r.rows is not null then r.bytes else coalesce(c.bytes, 0) end,
		r.error
	from bascule.relation r
	left join (
		select mirror, schema, name, pg_catalog.count(*)::integer as parts,
			pg_catalog.sum(rows)::bigint as rows, pg_catalog.sum(bytes)::bigint as bytes
		from bascule.chunk group by mirror, schema, name) c
		on c.mirror = r.mirror and c.schema = r.schema and c.name = r.name
	order by r.mirror, r.schema, r.name`
