package contender

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"bascule/bench/client"
)

// floorSlot is the slot of the reader that discards.
const floorSlot = "bench_floor"

func createSlot(ctx context.Context, p Pair) error {
	return query(ctx, p.Source, fmt.Sprintf(makeSlot, floorSlot))
}

// discard reads what our stream would, and does nothing with it: no follower can be
// faster than the source decodes and sends.
func discard(ctx context.Context, p Pair) (client.Usage, error) {
	conn, err := pgconn.Connect(ctx, p.Source+"&replication=database")
	if err != nil {
		return client.Usage{}, err
	}
	if err := pglogrepl.StartReplication(ctx, conn, floorSlot, 0, pglogrepl.StartReplicationOptions{
		Mode: pglogrepl.LogicalReplication,
		PluginArgs: []string{"proto_version '1'", fmt.Sprintf("publication_names '%s'", p.Publication),
			"messages 'true'", "binary 'true'"},
	}); err != nil {
		return client.Usage{}, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	// The connection's own reads are guarded by locks and a context; these are not.
	raw, err := conn.Hijack()
	if err != nil {
		return client.Usage{}, err
	}
	defer raw.Conn.Close()
	defer context.AfterFunc(ctx, func() { raw.Conn.Close() })()
	end, err := readPast(raw.Frontend, p.End)
	if err != nil {
		return client.Usage{}, err
	}
	return client.Usage{}, acknowledge(raw.Frontend, end)
}

// readPast reads the stream until a transaction ends after a position, and returns
// where it ended.
func readPast(f *pgproto3.Frontend, position pglogrepl.LSN) (pglogrepl.LSN, error) {
	for {
		message, err := f.Receive()
		if err != nil {
			return 0, err
		}
		switch m := message.(type) {
		case *pgproto3.CopyData:
			if m.Data[0] == 'k' && m.Data[17] == 1 { // a reply is asked for
				if err := acknowledge(f, 0); err != nil {
					return 0, err
				}
			}
			if end, ok := commitEnd(m.Data); ok && end > position {
				return end, nil
			}
		case *pgproto3.ErrorResponse:
			return 0, pgconn.ErrorResponseToPgError(m)
		}
	}
}

// commitEnd is where a transaction ends, if the message is its commit: behind the 25
// bytes of XLogData the letter, flags, the commit's position and the end's.
func commitEnd(data []byte) (pglogrepl.LSN, bool) {
	if len(data) < 43 || data[0] != 'w' || data[25] != 'C' {
		return 0, false
	}
	return pglogrepl.LSN(binary.BigEndian.Uint64(data[35:])), true
}

// acknowledge tells the server how far was read; 0 says nothing new.
func acknowledge(f *pgproto3.Frontend, end pglogrepl.LSN) error {
	data := []byte{'r'}
	for range 3 { // written, flushed, applied
		data = binary.BigEndian.AppendUint64(data, uint64(end))
	}
	data = binary.BigEndian.AppendUint64(data, uint64(time.Since(epoch).Microseconds()))
	f.Send(&pgproto3.CopyData{Data: append(data, 0)})
	return f.Flush()
}

// epoch is where PostgreSQL's clock begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

const makeSlot = `select pg_catalog.pg_create_logical_replication_slot('%s', 'pgoutput')`
