package catalog_test

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// named opens a session of the superuser under an application name.
func named(t *testing.T, db *pgtest.DB, name string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.URL+"&application_name="+url.QueryEscape(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// seen waits until what ReadProgress says of a database, in short, is want.
func seen(t *testing.T, conn *pgx.Conn, want string) {
	t.Helper()
	pgtest.Eventually(t, func() error {
		p, err := catalog.ReadProgress(t.Context(), conn)
		if err != nil {
			return err
		}
		var got []string
		for _, s := range p.Sessions {
			got = append(got, s.Application)
		}
		for _, c := range p.Copies {
			got = append(got, fmt.Sprintf("%s %s.%s %d rows %d bytes", c.Command, c.Schema, c.Name, c.Rows, c.Bytes))
		}
		for _, b := range p.Builds {
			got = append(got, fmt.Sprintf("index %s of %s.%s: %s", b.Index, b.Schema, b.Name, b.Phase))
		}
		if text := strings.Join(got, "; "); text != want {
			return fmt.Errorf("got %q, want %q", text, want)
		}
		return nil
	})
}

func TestReadProgress(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			db := pgtest.Server(t, major).Database(t, "create table a (id int); create table b (id int)")
			conn := db.Conn(t)
			named(t, db, "psql")
			seen(t, conn, "")

			copying, building, writer := named(t, db, "bascule/app/copy"), named(t, db, "bascule/app/index"), db.Conn(t)
			seen(t, conn, "bascule/app/copy; bascule/app/index")

			in, out := io.Pipe()
			copied := make(chan error, 1)
			go func() {
				_, err := copying.PgConn().CopyFrom(context.Background(), in, "copy a from stdin")
				copied <- err
			}()
			// More than the client's buffer holds, so that the server has some of it.
			lines := strings.Repeat("7\n", 100_000)
			if _, err := io.WriteString(out, lines); err != nil {
				t.Fatal(err)
			}
			pgtest.Eventually(t, func() error {
				p, err := catalog.ReadProgress(t.Context(), conn)
				if err == nil && (len(p.Copies) != 1 || p.Copies[0].Name != "a" || p.Copies[0].Bytes == 0) {
					err = fmt.Errorf("copies: %+v", p.Copies)
				}
				return err
			})
			if err := out.Close(); err != nil {
				t.Fatal(err)
			}
			if err := <-copied; err != nil {
				t.Fatal(err)
			}

			// A build whose index nobody else can see yet: the statement names it.
			if _, err := building.Exec(t.Context(), "create function slow(int) returns int immutable language plpgsql as 'begin perform pg_advisory_xact_lock_shared(7); return $1; end'; insert into b values (0)"); err != nil {
				t.Fatal(err)
			}
			if _, err := writer.Exec(t.Context(), "begin; select pg_advisory_xact_lock(7)"); err != nil {
				t.Fatal(err)
			}
			hidden := make(chan error, 1)
			go func() {
				_, err := building.Exec(context.Background(), "create index b_slow on b (slow(id))")
				hidden <- err
			}()
			seen(t, conn, "bascule/app/copy; bascule/app/index; index public.b_slow of public.b: building index: scanning table")
			if _, err := writer.Exec(t.Context(), "commit"); err != nil {
				t.Fatal(err)
			}
			if err := <-hidden; err != nil {
				t.Fatal(err)
			}

			// A concurrent build waits for the writer's transaction.
			if _, err := writer.Exec(t.Context(), "begin; insert into b values (1)"); err != nil {
				t.Fatal(err)
			}
			built := make(chan error, 1)
			go func() {
				_, err := building.Exec(context.Background(), `create unique index concurrently "B ""x""" on b (id)`)
				built <- err
			}()
			seen(t, conn, `bascule/app/copy; bascule/app/index; index public.B "x" of public.b: waiting for writers before build`)
			if _, err := writer.Exec(t.Context(), "commit"); err != nil {
				t.Fatal(err)
			}
			if err := <-built; err != nil {
				t.Fatal(err)
			}
			seen(t, conn, "bascule/app/copy; bascule/app/index")
		})
	}
}
