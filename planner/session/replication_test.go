package session_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// What a role, a database and a server are set to does not reach the text that a
// walsender writes.
func TestReplicationPinsWhatIsDecoded(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 16, 17, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			server := pgtest.Own(t, major, pgtest.WithSettings(map[string]string{
				"extra_float_digits": "-10", "DateStyle": "German", "TimeZone": "Asia/Kathmandu", "lc_monetary": "C.UTF-8",
			}))
			db := server.Database(t, `create table a (f float8, d date, z timestamptz, b bytea, i interval);
				create publication p for table a`)
			role, _ := server.Role(t, "replication")
			for _, set := range []string{"datestyle = 'SQL, DMY'", "timezone = 'Asia/Tokyo'", "extra_float_digits = -5",
				"bytea_output = 'escape'", "intervalstyle = 'iso_8601'", "statement_timeout = '1h'"} {
				db.Exec(t, "alter role "+role+" set "+set)
				db.Exec(t, "alter database "+db.Name+" set "+set)
			}
			conn := open(t, peerOf(t, db, role), session.Options{Application: "bascule/app/stream", Replication: true})
			pc := conn.PgConn()
			if _, err := pglogrepl.CreateReplicationSlot(t.Context(), pc, "of_test", "pgoutput",
				pglogrepl.CreateReplicationSlotOptions{Temporary: true, SnapshotAction: "NOEXPORT_SNAPSHOT"}); err != nil {
				t.Fatal(err)
			}
			db.Exec(t, `insert into a values (0.1::float8 + 0.2::float8, '2024-02-03', '2024-02-03 12:00+00', '\x00ff', '1 day 2 hours')`)
			if err := pglogrepl.StartReplication(t.Context(), pc, "of_test", 0, pglogrepl.StartReplicationOptions{
				PluginArgs: []string{"proto_version '1'", "publication_names 'p'"}}); err != nil {
				t.Fatal(err)
			}
			const want = `0.30000000000000004|2024-02-03|2024-02-03 12:00:00+00|\x00ff|1 day 02:00:00`
			if got := firstInsert(t, pc); got != want {
				t.Errorf("decoded %s, want %s", got, want)
			}
			if got := db.Query1(t, "select application_name from pg_stat_replication where usename = '"+role+"'"); got != "bascule/app/stream" {
				t.Errorf("application_name %q", got)
			}
		})
	}
}

// firstInsert returns the values of the first row that arrives.
func firstInsert(t *testing.T, pc *pgconn.PgConn) string {
	t.Helper()
	for {
		raw, err := pc.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		data, ok := raw.(*pgproto3.CopyData)
		if !ok || data.Data[0] != pglogrepl.XLogDataByteID {
			continue
		}
		x, err := pglogrepl.ParseXLogData(data.Data[1:])
		if err != nil {
			t.Fatal(err)
		}
		m, err := pglogrepl.Parse(x.WALData)
		if err != nil {
			t.Fatal(err)
		}
		if row, ok := m.(*pglogrepl.InsertMessage); ok {
			var values []string
			for _, c := range row.Tuple.Columns {
				values = append(values, string(c.Data))
			}
			return strings.Join(values, "|")
		}
	}
}

// Who may not replicate is told so, and the hint says what to do.
func TestReplicationNeedsTheRight(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15)
	role, _ := server.Role(t, "")
	peer := peerOf(t, server.Database(t, ""), role)
	_, err := session.Open(t.Context(), peer, session.Options{Replication: true})
	connectError, ok := err.(*session.ConnectError)
	if !ok || session.Code(err) != "42501" || !strings.Contains(connectError.Hint(), "REPLICATION") {
		t.Errorf("got %v (%s)", err, session.Code(err))
	}
}

// A deadline ends waiting for a message, and not what the server does.
func TestReplicationOutlivesADeadline(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "create table a (id int); create publication p for table a")
	role, _ := db.Role(t, "replication")
	conn := open(t, peerOf(t, db, role), session.Options{Replication: true})
	pc := conn.PgConn()
	slot := "of_" + db.Name
	if _, err := pglogrepl.CreateReplicationSlot(t.Context(), pc, slot, "pgoutput",
		pglogrepl.CreateReplicationSlotOptions{Temporary: true}); err != nil {
		t.Fatal(err)
	}
	if err := pglogrepl.StartReplication(t.Context(), pc, slot, 0, pglogrepl.StartReplicationOptions{
		PluginArgs: []string{"proto_version '1'", "publication_names 'p'"}}); err != nil {
		t.Fatal(err)
	}
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 1)
		_, err := pc.ReceiveMessage(ctx)
		cancel()
		if err != nil && pgconn.Timeout(err) {
			break
		}
	}
	db.Exec(t, "insert into a values (7)")
	if got := firstInsert(t, pc); got != "7" {
		t.Errorf("decoded %q", got)
	}
}
