package slot_test

import (
	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// firstInsert returns the first column of the first row that a streaming connection
// is sent.
func (s *source) firstInsert(repl *pgconn.PgConn) string {
	s.t.Helper()
	for {
		raw, err := repl.ReceiveMessage(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		data, ok := raw.(*pgproto3.CopyData)
		if !ok || data.Data[0] != pglogrepl.XLogDataByteID {
			continue
		}
		x, err := pglogrepl.ParseXLogData(data.Data[1:])
		if err != nil {
			s.t.Fatal(err)
		}
		m, err := pglogrepl.Parse(x.WALData)
		if err != nil {
			s.t.Fatal(err)
		}
		if row, ok := m.(*pglogrepl.InsertMessage); ok {
			return string(row.Tuple.Columns[0].Data)
		}
	}
}

// read starts streaming from the slot of a stream, and acknowledges what it is told
// to: so a slot comes to be in use, and to move.
func (s *source) read(slot string, publications string) *pgconn.PgConn {
	s.t.Helper()
	repl := s.open(true).PgConn()
	err := pglogrepl.StartReplication(s.t.Context(), repl, slot, 0, pglogrepl.StartReplicationOptions{
		PluginArgs: []string{"proto_version '1'", "publication_names '" + publications + "'"}})
	if err != nil {
		s.t.Fatal(err)
	}
	return repl
}
