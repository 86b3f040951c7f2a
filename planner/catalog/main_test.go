package catalog_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// open returns a session as the program opens them.
func open(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	peer := &config.Peer{Address: "peer.test", URL: config.Secret(url)}
	conn, err := session.Open(t.Context(), peer, session.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func read(t testing.TB, conn *pgx.Conn, opts catalog.ReadOptions) *catalog.Database {
	t.Helper()
	db, err := catalog.Read(t.Context(), conn, opts)
	if err != nil {
		t.Fatal(err)
	}
	return db
}
