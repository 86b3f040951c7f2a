package session_test

import (
	"context"
	"encoding/json"
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

// silent fails when an error shows a secret in any of the ways it may be printed.
func silent(t *testing.T, err error, secrets ...string) {
	t.Helper()
	encoded, _ := json.Marshal(err)
	texts := []string{fmt.Sprintf("%v %+v %#v %s", err, err, err, encoded)}
	var walk func(error)
	walk = func(e error) {
		encoded, _ := json.Marshal(e)
		texts = append(texts, fmt.Sprintf("%v %+v %#v %s", e, e, e, encoded))
		switch u := e.(type) {
		case interface{ Unwrap() error }:
			if inner := u.Unwrap(); inner != nil {
				walk(inner)
			}
		case interface{ Unwrap() []error }:
			for _, inner := range u.Unwrap() {
				walk(inner)
			}
		}
	}
	walk(err)
	for _, text := range texts {
		for _, secret := range secrets {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%q is in %s", secret, text)
			}
		}
	}
}

func TestConnectErrors(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15)
	role, password := server.Role(t, "")
	limited, _ := server.Role(t, "connection limit 0")
	db := server.Database(t, "")
	silentPort := listen(t, func(c net.Conn) { <-t.Context().Done() })
	closedPort := listen(t, func(c net.Conn) {})

	for _, c := range []struct {
		name      string
		change    func(*config.Peer)
		code      string
		transient bool
		hint      string // a part of it
	}{
		{"wrong password", func(p *config.Peer) { p.Password = "wr0ngw0rd" }, "28P01", false, "password_command"},
		{"no such role", func(p *config.Peer) { p.User = "nobody_here" }, "28P01", false, "password"},
		{"database missing", func(p *config.Peer) { p.Database = "nowhere" }, "3D000", false, "create_database"},
		{"too many connections", func(p *config.Peer) { *p = *peerOf(t, db, limited) }, "53300", true, "max_connections"},
		{"refused", func(p *config.Peer) { p.Port = 1 }, "", true, "listen_addresses"},
		{"no socket", func(p *config.Peer) { p.Host = t.TempDir() }, "", true, "listen_addresses"},
		{"no such host", func(p *config.Peer) { p.Host = "db.invalid" }, "", false, "host name"},
		{"tls not offered", func(p *config.Peer) { p.SSLMode = "require" }, "", false, "TLS"},
		{"no answer", func(p *config.Peer) { p.Port, p.ConnectTimeout = silentPort, 1 }, "", true, "firewall"},
		{"not a server", func(p *config.Peer) { p.Port = closedPort }, "", true, "that port"},
		{"no certificate file", func(p *config.Peer) { p.SSLMode, p.SSLRootCert = "verify-full", "/nowhere/ca.crt" }, "", false, "peer block"},
		{"password command fails", func(p *config.Peer) {
			p.PasswordCommand = []string{"sh", "-c", "echo t0ken; echo t0ken expired >&2; exit 3"}
		}, "", false, "by hand"},
		{"password command is not there", func(p *config.Peer) { p.PasswordCommand = []string{"/nowhere/aws"} }, "", false, "by hand"},
		{"password command says nothing", func(p *config.Peer) { p.PasswordCommand = []string{"true"} }, "", false, "by hand"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			peer := peerOf(t, db, role)
			c.change(peer)
			_, err := session.Open(t.Context(), peer, session.Options{})
			var connect *session.ConnectError
			if !errors.As(err, &connect) {
				t.Fatalf("got %v", err)
			}
			t.Logf("%v\n\thint: %s", err, connect.Hint())
			if got := session.Code(err); got != c.code {
				t.Errorf("SQLSTATE %q, want %q", got, c.code)
			}
			if got := session.Transient(err); got != c.transient {
				t.Errorf("transient is %v", got)
			}
			if !strings.Contains(connect.Hint(), c.hint) {
				t.Errorf("hint %q has no %q", connect.Hint(), c.hint)
			}
			if connect.Missing() != (c.code == "3D000") {
				t.Errorf("missing is %v", connect.Missing())
			}
			if connect.Address != "peer.prod" || strings.Contains(err.Error(), "\n") {
				t.Errorf("address %q in %q", connect.Address, err)
			}
			silent(t, err, password, "wr0ngw0rd", "t0ken")
		})
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15, pgtest.WithTLS(),
		pgtest.WithSettings(map[string]string{"listen_addresses": "127.0.0.1,127.0.0.2"}))
	role, password := server.Role(t, "")
	db := server.Database(t, "")
	for _, c := range []struct {
		name   string
		change func(*config.Peer)
		tls    string // what the server saw, or "" when it is refused
		hint   string
	}{
		{"disable", func(p *config.Peer) { p.SSLMode = "disable" }, "false", ""},
		{"prefer", func(p *config.Peer) { p.SSLMode = "prefer" }, "true", ""},
		{"require", func(p *config.Peer) { p.SSLMode = "require" }, "true", ""},
		{"verify-full", func(p *config.Peer) { p.SSLMode, p.SSLRootCert = "verify-full", server.CA() }, "true", ""},
		{"verify-full in the url", func(p *config.Peer) {
			p.SSLMode = ""
			p.URL = config.Secret("postgres://?sslmode=verify-full&sslrootcert=" + server.CA())
		}, "true", ""},
		{"authority not known", func(p *config.Peer) { p.SSLMode = "verify-full" }, "", "sslrootcert"},
		{"another name", func(p *config.Peer) {
			p.SSLMode, p.SSLRootCert, p.Host = "verify-full", server.CA(), "127.0.0.2"
		}, "", "verify-ca"},
		{"client certificate absent", func(p *config.Peer) { p.SSLMode, p.SSLCert, p.SSLKey = "require", "/nowhere", "/nowhere" }, "", "peer block"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			peer := peerOf(t, db, role)
			c.change(peer)
			conn, err := session.Open(t.Context(), peer, session.Options{})
			if err != nil {
				var connect *session.ConnectError
				if c.tls != "" || !errors.As(err, &connect) {
					t.Fatal(err)
				}
				t.Logf("%v\n\thint: %s", err, connect.Hint())
				if !strings.Contains(connect.Hint(), c.hint) || session.Transient(err) {
					t.Errorf("hint %q, transient %v", connect.Hint(), session.Transient(err))
				}
				silent(t, err, password)
				return
			}
			defer conn.Close(context.Background())
			var tls string
			err = conn.QueryRow(t.Context(), "select ssl::text from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()").Scan(&tls)
			if err != nil || tls != c.tls {
				t.Errorf("TLS is %q (%v), want %q", tls, err, c.tls)
			}
		})
	}
}

func TestNoEntryInHBA(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15, pgtest.WithTLS(), pgtest.WithHBA("host all postgres 127.0.0.1/32 scram-sha-256"))
	role, _ := server.Role(t, "")
	peer := peerOf(t, server.Database(t, ""), role)
	peer.SSLMode = "prefer"
	_, err := session.Open(t.Context(), peer, session.Options{})
	if session.Code(err) != "28000" || strings.Count(err.Error(), "no pg_hba.conf entry") != 2 {
		t.Errorf("got %v", err)
	}
}

func TestPasswordCommandRunsAtEachConnect(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15)
	role, _ := server.Role(t, "")
	db := server.Database(t, "")
	peer := peerOf(t, db, role)
	peer.Password = ""
	file := t.TempDir() + "/token"
	peer.PasswordCommand = []string{"sh", "-c", `echo x >> "$0"; printf 'token%s\r\nnoise\n' "$(wc -l < "$0")"`, file}
	for _, password := range []string{"token1", "token2"} {
		db.Exec(t, fmt.Sprintf("alter role %s password '%s'", role, password))
		open(t, peer, session.Options{})
	}
}

// A cancelled query ends on the server, and its session lives on.
func TestCancelStopsTheQueryOnTheServer(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15)
	db := server.Database(t, "")
	conn := open(t, &config.Peer{Address: "peer.prod", URL: config.Secret(db.URL)}, session.Options{Application: "sleeper"})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := conn.Exec(ctx, "select pg_catalog.pg_sleep(600)")
	if session.Code(err) != "57014" || session.Transient(err) || session.Lost(err) {
		t.Errorf("got %v", err)
	}
	if got := show(t, conn, "application_name"); got != "sleeper" {
		t.Errorf("the session is another: %q", got)
	}
}

func TestLost(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15)
	db := server.Database(t, "")
	conn := open(t, &config.Peer{Address: "peer.prod", URL: config.Secret(db.URL)}, session.Options{Application: "victim"})
	ctx := t.Context()
	if _, err := conn.Exec(ctx, "select 1/0"); session.Lost(err) || session.Transient(err) || session.Code(err) != "22012" {
		t.Errorf("division by zero: %v", err)
	}
	db.Exec(t, "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where application_name = 'victim'")
	_, err := conn.Exec(ctx, "select 1")
	if !session.Lost(err) || !session.Transient(err) {
		t.Errorf("terminated: %v", err)
	}
	_, err = conn.Exec(ctx, "select 1")
	if !session.Lost(err) || !session.Transient(err) {
		t.Errorf("on a closed connection: %v", err)
	}
}

// listen accepts connections and gives each to serve, which returns to close it.
func listen(t *testing.T, serve func(net.Conn)) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}
