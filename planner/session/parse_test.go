package session_test

import (
	"testing"

	"bascule/config"
	"bascule/planner/session"
)

func TestEndpoint(t *testing.T) {
	for _, name := range []string{"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSERVICE", "PGSSLMODE"} {
		t.Setenv(name, "")
	}
	t.Setenv("PGPORT", "6000")
	t.Setenv("PGUSER", "envuser")
	for _, c := range []struct {
		name string
		peer config.Peer
		want string
	}{
		{"url", config.Peer{URL: "postgres://u:pw@db1:5433/app?sslmode=disable"}, "db1:5433/app"},
		{"fields over the url", config.Peer{URL: "postgres://u:pw@db1:5433/app", Host: "db2", Database: "other"}, "db2:5433/other"},
		{"pairs", config.Peer{URL: `host=db1 port=5433 dbname='my app' password='a\'b'`}, "db1:5433/my app"},
		{"fields over pairs", config.Peer{URL: "host=db1 dbname=app", Port: 5434, Database: `it's`}, "db1:5434/it's"},
		{"odd name over a url", config.Peer{URL: "postgres://db1", Database: "ä &=%?/ b"}, "db1:6000/ä &=%?/ b"},
		{"environment fills port and user", config.Peer{Host: "db1"}, "db1:6000/envuser"},
		{"the field wins over the environment", config.Peer{Host: "db1", Port: 5432, User: "me"}, "db1:5432/me"},
		{"ipv6", config.Peer{Host: "::1", Port: 5432, Database: "app"}, "[::1]:5432/app"},
		{"socket", config.Peer{Host: "/var/run/postgresql", Port: 5432, Database: "app"}, "/var/run/postgresql:5432/app"},
		{"several hosts", config.Peer{URL: "postgres://h1:1,h2:2/app"}, "h1:1,h2:2/app"},
	} {
		if got, err := session.Endpoint(&c.peer); err != nil || got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
	}
}

// Connection strings that are wrong in ways that put the password elsewhere.
func TestNoPasswordInErrorsOfTheURL(t *testing.T) {
	const secret = "s3cr3tw0rd"
	for _, url := range []string{
		"postgres://u:" + secret + "@x@127.0.0.1:1/app",
		"postgres://u:x@" + secret + "@127.0.0.1:1/app",
		"postgres://u:" + secret + "/x@127.0.0.1:1/app",
		"postgres://u:12/" + secret + "@127.0.0.1:1/app",
		"postgres://u:" + secret + "%zz@127.0.0.1:1/app",
		"postgres://u:x%zz" + secret + "@127.0.0.1:1/app",
		"postgres://u:" + secret + "?x@127.0.0.1:99999999/app",
		"postgres://u:" + secret + "@127.0.0.1:1/app?sslmode=wrong",
		"postgres://u:" + secret + "@127.0.0.1:1/app?connect_timeout=x",
		"postgres://u@127.0.0.1:1/app?password=" + secret + "&sslrootcert=/nowhere",
		"postgresql+ssl://u:" + secret + "@127.0.0.1/app",
		"u:" + secret + "@127.0.0.1/app",
		"host=127.0.0.1 password=a " + secret + " port=1",
		"host=127.0.0.1 password='" + secret,
		"host=127.0.0.1 password=" + secret + " port=1 target_session_attrs=x",
		"host=127.0.0.1 port=1 password=`: " + secret + " sslmode=x",
		"postgres://u:" + secret + "@127.0.0.1:1/app",
	} {
		peer := &config.Peer{Address: "peer.prod", URL: config.Secret(url)}
		_, err := session.Open(t.Context(), peer, session.Options{})
		if err == nil {
			t.Errorf("%s: no error", url)
			continue
		}
		silent(t, err, secret)
	}
}
