package slot_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

const lineage = "9d7f0c6e-1111-2222-3333-444444444444"

// source is a database as the program works on it: by a role that is no superuser,
// may replicate, and owns the tables.
type source struct {
	*pgtest.DB
	t    *testing.T
	role string
	url  string // of the role
	conn *pgx.Conn
}

// newSource makes a database whose tables the role owns.
func newSource(t *testing.T, server *pgtest.Cluster, sql string) *source {
	t.Helper()
	role, _ := server.Role(t, "replication")
	db := server.Database(t, "")
	db.Exec(t, fmt.Sprintf("grant create on database %s to %s; grant create on schema public to %[2]s", db.Name, role))
	s := &source{DB: db, t: t, role: role, url: db.URLAs(role)}
	s.conn = s.open(false)
	if err := session.Exec(t.Context(), s.conn.PgConn(), "set search_path = public; "+sql+"; set search_path = ''"); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *source) open(replication bool) *pgx.Conn {
	s.t.Helper()
	peer := &config.Peer{Address: "peer.prod", URL: config.Secret(s.url)}
	conn, err := session.Open(s.t.Context(), peer, session.Options{Application: "bascule/app/test", Replication: replication})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// stream is how a mirror of this name would follow the database.
func (s *source) stream(label string) planner.Stream {
	s.t.Helper()
	p := planner.Stream{OwnSlot: true, OwnPublications: true,
		SystemIdentifier: s.Query1(s.t, "select system_identifier from pg_control_system()")}
	// A cluster is shared by tests, and slots are the cluster's.
	p.Slot, p.Publication, p.Inserts = planner.StreamNames(lineage, "mirror."+label+s.Name)
	return p
}

// member is a table of schema public that is followed.
func (s *source) member(name, follow string) ledger.Member {
	s.t.Helper()
	oid, err := strconv.ParseUint(s.Query1(s.t, "select '"+name+"'::regclass::oid"), 10, 32)
	if err != nil {
		s.t.Fatal(err)
	}
	return ledger.Member{Source: uint32(oid), Schema: "public", Name: name, Follow: follow, State: ledger.Followed}
}

// publish makes the publications of a stream.
func (s *source) publish(p planner.Stream, members ...ledger.Member) {
	s.t.Helper()
	if err := slot.EnsurePublications(s.t.Context(), s.conn, p, members); err != nil {
		s.t.Fatal(err)
	}
}

// create makes the slot of a stream, dropped when the test ends.
func (s *source) create(p planner.Stream) catalog.LSN {
	s.t.Helper()
	repl := s.open(true)
	point, err := slot.Create(s.t.Context(), repl.PgConn(), p.Slot, p.Failover, slot.Waiting{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.dropLater(p.Slot)
	_ = repl.Close(context.Background())
	return point
}

func (s *source) dropLater(name string) {
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		conn, err := pgx.Connect(ctx, s.DB.URL)
		if err != nil {
			return // the test's own server is stopped
		}
		defer conn.Close(ctx)
		if err := slot.Drop(ctx, conn, name, time.Minute); err != nil {
			s.t.Error(err)
		}
	})
}

func (s *source) slots(names string) string {
	s.t.Helper()
	return s.Query1(s.t, "select count(*) from pg_replication_slots where slot_name like '"+names+"'")
}

// published lists what publications list and how, a line each.
func (s *source) published() string {
	s.t.Helper()
	return s.Query(s.t, `select p.pubname, p.pubupdate, p.pubviaroot, string_agg(r.prrelid::regclass::text, ' ' order by r.prrelid::regclass::text)
		from pg_publication p left join pg_publication_rel r on r.prpubid = p.oid group by 1, 2, 3 order by 1`)
}
