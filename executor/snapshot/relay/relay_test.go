package relay_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/executor/snapshot/relay"
	"bascule/planner/catalog/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func connect(t *testing.T, db *pgtest.DB) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	binaryOut = "copy (select * from %s) to stdout (format binary)"
	binaryIn  = "copy %s from stdin (format binary)"
)

func jobs(tables ...string) []relay.Job {
	var list []relay.Job
	for _, name := range tables {
		list = append(list, relay.Job{Out: fmt.Sprintf(binaryOut, name), In: fmt.Sprintf(binaryIn, name), Header: 21})
	}
	return list
}

func TestCopy(t *testing.T) {
	t.Parallel()
	const tables = `
		create table narrow (id int, note text);
		create table empty (id int);
		create table wide (id int, b bytea);
		create table single (id int);`
	source, target := pgtest.New(t, tables+`
		insert into narrow select g, repeat('x', g % 50) from generate_series(1, 100000) g;
		insert into wide select g, convert_to(repeat('abcdefgh', 400000), 'UTF8') from generate_series(1, 3) g;
		insert into single values (1);`)
	target.Exec(t, tables)
	src, dst := connect(t, source), connect(t, target)
	var moved int64
	res, err := relay.Copy(t.Context(), &src, &dst, jobs("narrow", "empty", "wide", "single", "empty"), func(_ int, n int64) { moved += n })
	if err != nil {
		t.Fatal(err)
	}
	var rows []int64
	for _, r := range res {
		rows = append(rows, r.Rows)
	}
	if got := fmt.Sprint(rows); got != "[100000 0 3 1 0]" {
		t.Errorf("rows %s", got)
	}
	if moved < 3*3200000 {
		t.Errorf("%d bytes reported", moved)
	}
	const sum = "select (select sum(hashtext(n::text)) from narrow n)::text || (select sum(hashtext(md5(b))) from wide)::text"
	if s, d := source.Query1(t, sum), target.Query1(t, sum); s != d {
		t.Errorf("source %s, target %s", s, d)
	}
	// The connections go on as they were.
	if _, err := src.Exec(t.Context(), "select 1").ReadAll(); err != nil {
		t.Error(err)
	}
	if res, err := relay.Copy(t.Context(), &src, &dst, jobs("single"), nil); err != nil || res[0].Rows != 1 {
		t.Errorf("second copy: %v, %v", res, err)
	}
}

func TestCopyInTransaction(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "create table a (id int); insert into a select generate_series(1, 10)")
	target.Exec(t, "create table a (id int); insert into a values (99)")
	src, dst := connect(t, source), connect(t, target)
	list := jobs("a")
	list[0].In = "begin; truncate a; " + strings.Replace(list[0].In, "binary)", "binary, freeze)", 1)
	if _, err := relay.Copy(t.Context(), &src, &dst, list, nil); err != nil {
		t.Fatal(err)
	}
	if dst.TxStatus() != 'T' {
		t.Errorf("transaction status %c", dst.TxStatus())
	}
	if _, err := dst.Exec(t.Context(), "commit").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if got := target.Query1(t, "select count(*)::text from a"); got != "10" {
		t.Errorf("%s rows", got)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, `
		create table a (id int); insert into a select generate_series(1, 300000);
		create table b (id int); insert into b select 1 / (id - 200000) from generate_series(1, 3) id;`)
	target.Exec(t, "create table a (id int check (id <> 150000)); create table b (id int)")
	for _, tt := range []struct {
		name   string
		jobs   []relay.Job
		job    int
		source bool
		code   string
	}{
		{"the target refuses a row", jobs("b", "a"), 1, false, "23514"},
		{"the target has no such table", append(jobs("b"), relay.Job{Out: "copy a to stdout", In: "copy nowhere from stdin"}), 1, false, "42P01"},
		{"the source has no such table", append(jobs("b"), relay.Job{Out: "copy nowhere to stdout", In: "copy a from stdin"}), 1, true, "42P01"},
		{"the source stops in the middle", append(jobs("b"), relay.Job{
			Out: "copy (select 1 / (id - 200000) from a) to stdout", In: "copy b from stdin"}), 1, true, "22012"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src, dst := connect(t, source), connect(t, target)
			_, err := relay.Copy(t.Context(), &src, &dst, tt.jobs, nil)
			var job *relay.JobError
			var server *pgconn.PgError
			if !errors.As(err, &job) || !errors.As(err, &server) {
				t.Fatalf("error %v", err)
			}
			if job.Job != tt.job || job.Source != tt.source || server.Code != tt.code {
				t.Errorf("job %d, source %t, code %s: %v", job.Job, job.Source, server.Code, err)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "")
	target.Exec(t, "create table a (id bigint)")
	src, dst := connect(t, source), connect(t, target)
	ctx, cancel := context.WithCancel(t.Context())
	endless := []relay.Job{{Out: "copy (select generate_series(1, 1e15::bigint)) to stdout", In: "copy a from stdin"}}
	_, err := relay.Copy(ctx, &src, &dst, endless, func(int, int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// The side whose connection goes is the one that is named: the other's is cut by us.
func TestLostSideIsNamed(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "")
	target.Exec(t, "create table a (id bigint)")
	for _, side := range []string{"source", "target"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			cfg, err := pgconn.ParseConfig(map[string]*pgtest.DB{"source": source, "target": target}[side].URL)
			if err != nil {
				t.Fatal(err)
			}
			var wire net.Conn
			cfg.DialFunc = func(ctx context.Context, network, address string) (_ net.Conn, err error) {
				wire, err = new(net.Dialer).DialContext(ctx, network, address)
				return wire, err
			}
			cut, err := pgconn.ConnectConfig(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			src, dst := cut, connect(t, target)
			if side == "target" {
				src, dst = connect(t, source), cut
			}
			endless := []relay.Job{{Out: "copy (select generate_series(1, 1e15::bigint)) to stdout", In: "copy a from stdin"}}
			_, err = relay.Copy(t.Context(), &src, &dst, endless, func(int, int64) { wire.Close() })
			if job := (*relay.JobError)(nil); !errors.As(err, &job) || job.Source != (side == "source") || !errors.Is(err, net.ErrClosed) {
				t.Errorf("error %v", err)
			}
		})
	}
}
