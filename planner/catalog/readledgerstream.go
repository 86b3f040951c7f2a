package catalog

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
)

// readLedgerStreams fills in what the ledger says of continuous mirrors.
func readLedgerStreams(ctx context.Context, conn *pgx.Conn, byID map[string]*LedgerMirror, format int) error {
	streams := ledgerStream
	if format < ledgerHanded {
		streams = ledgerStreamBefore
	}
	for _, q := range []struct {
		since int
		sql   string
		scan  func(pgx.Rows) (id string, put func(*LedgerMirror), err error)
	}{
		{ledgerStreams, streams, scanLedgerStream},
		{ledgerStreams, ledgerPositions, scanLedgerPosition},
		{ledgerStreams, ledgerMembers, scanLedgerMember},
		{ledgerCommands, ledgerDDL, scanLedgerDDL},
	} {
		if format < q.since {
			continue
		}
		rows, err := conn.Query(ctx, q.sql)
		if err != nil {
			return err
		}
		for rows.Next() {
			id, put, err := q.scan(rows)
			if err != nil {
				rows.Close()
				return err
			}
			if m := byID[id]; m != nil {
				put(m)
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}

func scanLedgerStream(rows pgx.Rows) (id string, put func(*LedgerMirror), err error) {
	s := new(LedgerStream)
	var halt *string
	if err := rows.Scan(&id, &s.Generation, &s.Settings, &s.Timeline, &halt, &s.Handed); err != nil {
		return "", nil, err
	}
	if halt != nil {
		s.Halt = new(LedgerHalt)
		if err := json.Unmarshal([]byte(*halt), s.Halt); err != nil {
			return "", nil, err
		}
	}
	return id, func(m *LedgerMirror) { m.Stream = s }, nil
}

func scanLedgerPosition(rows pgx.Rows) (id string, put func(*LedgerMirror), err error) {
	var p LedgerPosition
	var committed *time.Time
	err = rows.Scan(&id, &p.Name, &p.Epoch, &p.LSN, &committed, &p.Updated, &p.Transactions, &p.Changes, &p.Missing)
	if committed != nil {
		p.Committed = *committed
	}
	return id, func(m *LedgerMirror) {
		if p.Name == "" {
			m.Position = &p
		} else {
			m.Beside = append(m.Beside, p)
		}
	}, err
}

func scanLedgerMember(rows pgx.Rows) (id string, put func(*LedgerMirror), err error) {
	var t LedgerMember
	err = rows.Scan(&id, &t.Source, &t.Schema, &t.Name, &t.TargetSchema, &t.TargetName, &t.Follow, &t.Key, &t.Dropped,
		&t.State, &t.Point)
	return id, func(m *LedgerMirror) { m.Members = append(m.Members, t) }, err
}

func scanLedgerDDL(rows pgx.Rows) (id string, put func(*LedgerMirror), err error) {
	var d LedgerDDL
	var lsn *LSN
	var applied *time.Time
	err = rows.Scan(&id, &d.ID, &d.Address, &d.Checksum, &d.Begun, &lsn, &applied)
	if applied != nil {
		d.LSN, d.Applied = *lsn, *applied
	}
	return id, func(m *LedgerMirror) { m.DDL = append(m.DDL, d) }, err
}

const ledgerStream = `
	select mirror, generation, settings::text, timeline, halt::text, handed
	from bascule.stream
	order by mirror`

const ledgerStreamBefore = `
	select mirror, generation, settings::text, timeline, halt::text, false
	from bascule.stream
	order by mirror`

const ledgerPositions = `
	select mirror, name, epoch, lsn::text, committed, updated, transactions, changes, missing
	from bascule.position
	order by mirror, name`

const ledgerMembers = `
	select mirror, source, schema, name, target_schema, target_name, follow, key, dropped, state, point::text
	from bascule.member
	order by mirror, schema, name`

const ledgerDDL = `
	select mirror, id, address, checksum, xid <> '', lsn::text, applied
	from bascule.ddl
	order by mirror, seq`
