package session_test

import (
	"context"
	"net/url"
	"os"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// peerOf is a peer block with fields, as this role.
func peerOf(t *testing.T, db *pgtest.DB, user string) *config.Peer {
	t.Helper()
	u, err := url.Parse(db.URLAs(user))
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	return &config.Peer{
		Address: "peer.prod", Host: u.Hostname(), Port: port, Database: db.Name,
		User: user, Password: config.Secret(password), SSLMode: "disable",
	}
}

func open(t *testing.T, peer *config.Peer, opts session.Options) *pgx.Conn {
	t.Helper()
	conn, err := session.Open(t.Context(), peer, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func show(t *testing.T, conn *pgx.Conn, name string) string {
	t.Helper()
	var value string
	if err := conn.QueryRow(t.Context(), "select pg_catalog.current_setting($1)", name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}
