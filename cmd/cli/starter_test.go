package cli

import (
	"strings"
	"testing"
)

func TestPeerFromURL(t *testing.T) {
	for _, c := range []struct{ name, url, want string }{
		{"all of it", "postgres://me:s3cret@db:6432/app?sslmode=verify-full&connect_timeout=3", `host = "db"; port = 6432; database = "app"; user = "me"; password = env("SOURCE_PASSWORD"); connect_timeout = 3; sslmode = "verify-full"`},
		{"no password", "postgresql://me@db/app", `host = "db"; port = 5432; database = "app"; user = "me"`},
		{"a password as a parameter", "postgres://me@db/app?password=s3cret", `host = "db"; port = 5432; database = "app"; user = "me"; password = env("SOURCE_PASSWORD")`},
		{"an interpolation is text", "postgres://me@db/${x}", `host = "db"; port = 5432; database = "$${x}"; user = "me"`},
		{"not a URL", "host=db password=s3cret", "the URL of the source cannot be read; it looks like postgres://user@host:5432/database"},
		{"broken", "postgres://me:s3cret@db:x/app", "the URL of the source cannot be read; it looks like postgres://user@host:5432/database"},
		{"a parameter without a place", "postgres://me:s3cret@db/app?options=-cfoo", "the URL of the source sets options, which a peer block has no attribute for"},
	} {
		p, err := peerFromURL("source", "SOURCE", c.url)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			lines := strings.Split(strings.TrimSpace(p.block()), "\n")
			for i, l := range lines {
				lines[i] = strings.Join(strings.Fields(l), " ")
			}
			got = strings.Join(lines[1:len(lines)-1], "; ")
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if strings.Contains(got, "s3cret") {
			t.Errorf("%s: the password is in it", c.name)
		}
	}
}
