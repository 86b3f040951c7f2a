package executor_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"bascule/executor/keep"
	"bascule/planner/catalog/pgtest"
)

// A standby that keeps the slot in step is promoted while writers work: the stream
// goes on from it, and no table is copied again. A peer that names both servers finds
// it by itself; one that names a server is given the other, and the runner started
// again.
func TestFailoverUnderLoad(t *testing.T) {
	t.Parallel()
	for _, both := range []bool{true, false} {
		t.Run(map[bool]string{true: "both servers are named", false: "the other server is named"}[both], func(t *testing.T) {
			t.Parallel()
			primary, standby := pgtest.Pair(t, 17)
			source, target := primary.Database(t, bank), pgtest.Server(t, 15).Database(t, bank+"; create table mark (id bigserial primary key)")
			f := newFollower(t, source, target, "schema {\ncopy = false\n}")
			f.allow = []string{"mirror.app"} // the rows that both begin with
			promoted := source.On(standby)
			either := eitherURL(t, source, promoted)
			if both {
				f.sourceURL = either
			}
			f.applied(t)
			stop := f.runs(t)
			const copies = "select attempt || ' ' || (select string_agg(name || ' ' || point, ' ' order by name) from bascule.member) from bascule.mirror"
			before := target.Query1(t, copies)
			steady(t, source, either, func() {
				f.arrived(t)
				promoted.Eventually(t, "select synced and not temporary from pg_replication_slots where slot_name like 'bascule_app_%'", "t")
				promoted.Eventually(t, "select count(*) > 0 from transfer", "t")
				primary.Kill(t)
				standby.Promote(t)
				if !both {
					stop()
					f.sourceURL = promoted.URL
					f.runsWith(t, keep.Config{Sink: f.events})
				}
				f.from, f.source = plainly(t, promoted), promoted
				f.arrived(t)
				count := promoted.Query1(t, "select count(*) from transfer")
				promoted.Eventually(t, "select count(*) > "+count+" + 50 from transfer", "t")
				f.arrived(t)
			})
			f.same(t)
			if got := target.Query(t, books); got != "0|0|0|0" {
				t.Errorf("the books do not balance: %s", got)
			}
			if after := target.Query1(t, copies); after != before {
				t.Errorf("copied as\n%s\nand after the promotion as\n%s", before, after)
			}
			if got := target.Query1(t, "select timeline from bascule.stream"); got != "2" {
				t.Errorf("the position is on timeline %s", got)
			}
			f.settled(t)
		})
	}
}

// eitherURL names the servers of two databases of one name, and picks the one that
// takes writes.
func eitherURL(t *testing.T, a, b *pgtest.DB) string {
	t.Helper()
	first, err := url.Parse(a.URL)
	if err != nil {
		t.Fatal(err)
	}
	second, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(a.URL, first.Host, first.Host+","+second.Host, 1) + "&target_session_attrs=read-write"
}

// steady writes to a bank with two sessions while work does. They connect again when
// their server is gone.
func steady(t *testing.T, source *pgtest.DB, url string, work func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var g errgroup.Group
	for seed := range uint64(2) {
		g.Go(func() error {
			var err error
			for tries := 0; ctx.Err() == nil && tries < 600; tries++ {
				if err = trade(ctx, url, 10*uint64(tries)+seed); err == nil {
					return nil
				}
				select {
				case <-ctx.Done():
				case <-time.After(100 * time.Millisecond):
				}
			}
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("a writer gives up: %w", err)
		})
	}
	source.Eventually(t, "select count(*) > 20 from transfer", "t")
	func() {
		defer stop()
		work()
	}()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}
