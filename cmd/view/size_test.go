package view

import (
	"fmt"
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for _, c := range []struct{ name, got, want string }{
		{"bytes", size(0) + " " + size(1023), "0 B 1023 B"},
		{"as PostgreSQL: 1024 is a kB", size(8192) + " " + size(1<<20) + " " + size(38<<30), "8.0 kB 1.0 MB 38.0 GB"},
		{"never 1024.0 of a unit", size(1<<20-1) + " " + size(1<<30-1), "1.0 MB 1.0 GB"},
		{"rows", rows(0) + " " + rows(1) + " " + rows(950) + " " + rows(9800) + " " + rows(22e6), "~0 rows ~1 row ~950 rows ~9.8 k rows ~22.0 M rows"},
		{"rows unknown", rows(-1), "? rows"},
		{"counts", count(1, "index") + " " + count(2, "index") + " " + count(2, "policy") + " " + count(2, "foreign key") + " " + count(2, "operator class") + " " + count(3, "statistics"), "1 index 2 indexes 2 policies 2 foreign keys 2 operator classes 3 statistics"},
		{"grouped", grouped(0) + " " + grouped(999) + " " + grouped(96301112) + " " + grouped(-1000), "0 999 96,301,112 -1,000"},
		{"spans", span(-1) + " " + span(850*time.Millisecond) + " " + span(9500*time.Millisecond) + " " + span(59*time.Second) + " " + span(250*time.Second) + " " + span(125*time.Minute) + " " + span(101*time.Hour), "0ms 850ms 9.5s 59s 4m10s 2h05m 4d05h"},
		{"a share is not 100 before the end", fmt.Sprint(share(0, 10), share(9999, 10000), share(10, 10), share(0, 0)), "0 99 100 100"},
		{"cut keeps colours whole", cut("\x1b[31mabc\x1b[0mdef", 2) + "|" + cut("abc", 3), "\x1b[31mab\x1b[0m|abc"},
		{"wrap leaves commands alone", wrap("aa bb cc\n  a command that is long", 5), "aa bb\ncc\n  a command that is long"},
		{"shell", Shell("bascule", "apply", `-target=mirror.app["eu"]`, "it's"), `bascule apply '-target=mirror.app["eu"]' 'it'\''s'`},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
}
