package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

func TestFromServer(t *testing.T) {
	for _, name := range []string{"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSERVICE", "PGSSLMODE", "PGPASSFILE"} {
		t.Setenv(name, "")
	}
	const tail = " connect_timeout='15' application_name='bascule/app/subscription'"
	for _, c := range []struct {
		rule        string
		peer        config.Peer
		by          *config.FromServer
		want, leads string
	}{
		{rule: "as the program does", peer: config.Peer{Host: "db1", Port: 5433, Database: "app", User: "u", Password: "pw", SSLMode: "disable"},
			want: "host='db1' port='5433' dbname='app' user='u' password='pw' sslmode='disable'" + tail, leads: "db1:5433/app"},
		{rule: "of a url", peer: config.Peer{URL: "postgres://u:p%20w@db1:5433/app?sslmode=require&connect_timeout=4"},
			want: "host='db1' port='5433' dbname='app' user='u' password='p w' sslmode='require' connect_timeout='4' application_name='bascule/app/subscription'", leads: "db1:5433/app"},
		{rule: "all of it another", peer: config.Peer{Host: "db1", Database: "app", User: "u", Password: "pw", SSLMode: "disable"},
			by:   &config.FromServer{Host: "10.0.0.5", Port: 6432, Database: "app2", User: "repl", Password: "other", SSLMode: "verify-full"},
			want: "host='10.0.0.5' port='6432' dbname='app2' user='repl' password='other' sslmode='verify-full'" + tail, leads: "10.0.0.5:6432/app2"},
		{rule: "another host alone", peer: config.Peer{Host: "localhost", Port: 5433, Database: "app", User: "u", Password: "pw"},
			by:   &config.FromServer{Host: "10.0.0.5"},
			want: "host='10.0.0.5' port='5433' dbname='app' user='u' password='pw' sslmode='prefer'" + tail, leads: "10.0.0.5:5433/app"},
		{rule: "another user has no password of the first's", peer: config.Peer{Host: "db1", Port: 1, Database: "app", User: "u", Password: "pw", SSLMode: "allow"},
			by:   &config.FromServer{User: "repl"},
			want: "host='db1' port='1' dbname='app' user='repl' sslmode='allow'" + tail, leads: "db1:1/app"},
		{rule: "a password alone", peer: config.Peer{Host: "db1", Port: 1, Database: "app", User: "u", Password: "pw", SSLMode: "disable"},
			by:   &config.FromServer{Password: "longer"},
			want: "host='db1' port='1' dbname='app' user='u' password='longer' sslmode='disable'" + tail, leads: "db1:1/app"},
		{rule: "what libpq would read otherwise is quoted", peer: config.Peer{Host: "db1", Port: 1, Database: `my 'app'`, User: `a\b`, Password: "p' w=\\\n", SSLMode: "disable"},
			want: `host='db1' port='1' dbname='my \'app\'' user='a\\b' password='p\' w=\\` + "\n' sslmode='disable'" + tail, leads: "db1:1/my 'app'"},
		{rule: "several hosts", peer: config.Peer{URL: "postgres://u:pw@h1:1,h2:2/app"},
			want: "host='h1,h2' port='1,2' dbname='app' user='u' password='pw' sslmode='prefer'" + tail + " target_session_attrs='read-write'", leads: "h1:1,h2:2/app"},
		{rule: "several hosts, one port", peer: config.Peer{URL: "postgres://u:pw@h1:1,h2:2/app?sslmode=disable"}, by: &config.FromServer{Port: 9},
			want: "host='h1,h2' port='9,9' dbname='app' user='u' password='pw' sslmode='disable'" + tail + " target_session_attrs='read-write'", leads: "h1:9,h2:9/app"},
		{rule: "one host instead of several", peer: config.Peer{URL: "postgres://u:pw@h1:1,h2:2/app?sslmode=disable"}, by: &config.FromServer{Host: "vip"},
			want: "host='vip' port='1' dbname='app' user='u' password='pw' sslmode='disable'" + tail, leads: "vip:1/app"},
		{rule: "over a socket", peer: config.Peer{Host: "/run/postgresql", Port: 5432, Database: "app", User: "u"},
			want: "host='/run/postgresql' port='5432' dbname='app' user='u'" + tail, leads: "/run/postgresql:5432/app"},
		{rule: "of a command", peer: config.Peer{Host: "db1", Port: 1, Database: "app", User: "u", PasswordCommand: []string{"echo", "fetched"}, SSLMode: "disable"},
			want: "host='db1' port='1' dbname='app' user='u' password='fetched' sslmode='disable'" + tail, leads: "db1:1/app"},
		{rule: "a command is not run where a password is given", peer: config.Peer{Host: "db1", Port: 1, Database: "app", User: "u", PasswordCommand: []string{"false"}, SSLMode: "disable"},
			by:   &config.FromServer{Password: "given"},
			want: "host='db1' port='1' dbname='app' user='u' password='given' sslmode='disable'" + tail, leads: "db1:1/app"},
	} {
		c.peer.Address, c.peer.FromServer = "peer.prod", c.by
		got, err := session.FromServer(t.Context(), &c.peer, "bascule/app/subscription")
		if err != nil || got.Info.Reveal() != c.want || got.Endpoint != c.leads {
			t.Errorf("%s: %v\n%s\n%s\nwant\n%s\n%s", c.rule, err, got.Info.Reveal(), got.Endpoint, c.want, c.leads)
		}
		if shown := fmt.Sprintf("%v %+v %#v %v %+v", got.Info, got.Info, got.Info, got, struct{ Reach session.Reach }{got}); strings.Contains(shown, "host=") {
			t.Errorf("%s: it shows itself: %s", c.rule, shown)
		}
	}
}

// Every sslmode comes through as it was asked for, also where a file goes with it.
func TestFromServerKeepsTLS(t *testing.T) {
	server := pgtest.Server(t, 15, pgtest.WithTLS())
	for _, mode := range []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"} {
		peer := &config.Peer{Address: "peer.prod", Host: "db1", Database: "app", SSLMode: mode}
		if strings.HasPrefix(mode, "verify") {
			peer.SSLRootCert = server.CA()
		}
		got, err := session.FromServer(t.Context(), peer, "")
		if err != nil || !strings.Contains(got.Info.Reveal(), " sslmode='"+mode+"' ") || strings.Contains(got.Info.Reveal(), server.CA()) {
			t.Errorf("%s: %s, %v", mode, got.Info.Reveal(), err)
		}
	}
}

func TestFromServerFails(t *testing.T) {
	const secret = "s3cr3tw0rd"
	for _, peer := range []config.Peer{
		{URL: "postgres://u:" + secret + "@h:99999999/app"},
		{Host: "h", PasswordCommand: []string{"sh", "-c", "echo " + secret + " >&2; exit 3"}, User: "u"},
	} {
		peer.Address = "peer.prod"
		_, err := session.FromServer(context.Background(), &peer, "")
		var connect *session.ConnectError
		if !errors.As(err, &connect) || connect.Address != "peer.prod" {
			t.Errorf("%v", err)
		}
		if peer.URL != "" {
			silent(t, err, secret)
		}
	}
}

// A server's words are passed on without the password, in whatever form they hold it.
func TestMask(t *testing.T) {
	peer := &config.Peer{Address: "peer.prod", Host: "db1", Database: "app", User: "u", Password: `s3'cr\et`, SSLMode: "disable"}
	reach, err := session.FromServer(t.Context(), peer, "")
	if err != nil {
		t.Fatal(err)
	}
	info := reach.Info.Reveal()
	for _, text := range []string{
		"a " + info + " b", `a s3'cr\et b`, `a s3\'cr\\et b`, `a password='s3\'cr\\et' b`, `a s3''cr\et b`,
		"create subscription x connection '" + strings.ReplaceAll(info, "'", "''") + "'",
	} {
		if got := reach.Mask(text); strings.Contains(got, "s3") || strings.Contains(got, "et b") || !strings.Contains(got, "***") {
			t.Errorf("%s -> %s", text, got)
		}
		server := &pgconn.PgError{Code: "42601", Message: text, Detail: text, Hint: text, Where: text, InternalQuery: text}
		got := fmt.Sprintf("%+v", *reach.Masked(fmt.Errorf("around: %w", server)).(*pgconn.PgError))
		if strings.Contains(got, "s3") || !strings.Contains(got, "42601") {
			t.Errorf("%s", got)
		}
	}
	other := errors.New("no server's")
	if got := reach.Masked(other); got != other || reach.Masked(nil) != nil || (session.Reach{}).Mask("a") != "a" {
		t.Errorf("%v", got)
	}
}
