package ddl_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/executor/ddl"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// rig is a source on which a plain role runs commands, with a slot that shows what is
// streamed, and what was told while commands ran.
type rig struct {
	*pgtest.DB
	ddl.Source
	told chan error
}

// newRig makes it with tables that the role owns.
func newRig(t *testing.T, major int, tables string) *rig {
	t.Helper()
	server := pgtest.Server(t, major)
	role, _ := server.Role(t, "")
	db := server.Database(t, "")
	db.Exec(t, fmt.Sprintf("grant create on database %s to %s; grant create, usage on schema public to %[2]s; set role %[2]s; %s", db.Name, role, tables))
	r := &rig{DB: db, told: make(chan error, 100)}
	peer := &config.Peer{Address: "peer.source", URL: config.Secret(db.URLAs(role))}
	r.Open = func(ctx context.Context) (*pgx.Conn, error) {
		return session.Open(ctx, peer, session.Options{Application: "bascule/ddl.x/ddl"})
	}
	control, err := r.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = control.Close(context.Background()) })
	r.Control = control
	r.Retrying = func(err error, _ time.Duration) { r.told <- err }
	db.Exec(t, fmt.Sprintf("select pg_create_logical_replication_slot('%s', 'test_decoding')", db.Name))
	return r
}

// command is one of the rig's with this text, that writes rows of none of its tables.
func (r *rig) command(t *testing.T, text string) ddl.Command {
	t.Helper()
	rows, err := r.Conn(t).Query(t.Context(), "select oid from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')")
	if err != nil {
		t.Fatal(err)
	}
	oids, err := pgx.CollectRows(rows, pgx.RowTo[uint32])
	if err != nil {
		t.Fatal(err)
	}
	return ddl.Command{Address: "ddl.x", Message: "0123456789abcdef ffff", Text: text, LockTimeout: 200 * time.Millisecond, Followed: oids}
}

// runs runs a command and returns its transaction, "" where nothing was committed.
func (r *rig) runs(t *testing.T, c ddl.Command) (xid string, end catalog.LSN, err error) {
	t.Helper()
	end, err = r.Run(t.Context(), c, func(_ context.Context, _ pgx.Tx, id string) error {
		xid = id
		return nil
	})
	if err != nil {
		xid = ""
	}
	return xid, end, err
}

// streamed is what the slot has had since it was last asked.
func (r *rig) streamed(t *testing.T) string {
	t.Helper()
	return r.Query(t, fmt.Sprintf("select data from pg_logical_slot_get_changes('%s', null, null, 'include-xids', 'off')", r.Name))
}
