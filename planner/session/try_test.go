package session_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"bascule/config"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// A server that is not answered gives up, and so does one that is told to; neither keeps
// anything, nor loses its session.
func TestTryIsNotAnswered(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	db := pgtest.Server(t, 15).Database(t, "")
	conn := open(t, &config.Peer{Address: "peer.b", URL: config.Secret(db.URL)}, session.Options{})
	peer := &config.Peer{Address: "peer.a", URL: config.Secret(db.URL), FromServer: &config.FromServer{Port: silent.Addr().(*net.TCPAddr).Port}}
	reach, err := session.FromServer(t.Context(), peer, "")
	if err != nil {
		t.Fatal(err)
	}
	reach.Patience = time.Second
	var quiet *session.SilentError
	err = reach.Try(t.Context(), conn)
	if !errors.As(err, &quiet) || err.Error() != fmt.Sprintf("no answer from %s within 1s", reach) || !strings.Contains(quiet.Hint(), "firewall") {
		t.Errorf("%v", err)
	}
	reach.Patience = time.Hour
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := reach.Try(short, conn); err == nil || errors.As(err, &quiet) && quiet.After == time.Hour {
		t.Errorf("stopped: %v", err)
	}
	if left := db.Query(t, "select subname from pg_subscription"); left != "" || conn.IsClosed() {
		t.Errorf("left %q, closed %t", left, conn.IsClosed())
	}
}
