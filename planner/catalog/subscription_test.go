package catalog_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// subscribe makes a subscription over a slot, both named after the source.
func subscribe(t *testing.T, source, target *pgtest.DB, options string) (name string) {
	t.Helper()
	name = "bascule_" + source.Name
	source.Exec(t, "select pg_create_logical_replication_slot('"+name+"', 'pgoutput')")
	target.Exec(t, fmt.Sprintf(`create subscription %[1]s connection 'host=127.0.0.1 port=%[2]d dbname=%[3]s user=%[4]s password=%[5]s'
		publication p, q with (create_slot = false, slot_name = %[1]s, copy_data = false%[6]s)`, name, source.Port, source.Name, source.User, source.Password, options))
	t.Cleanup(func() { // a database with one is not dropped
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, target.URL)
		if err == nil {
			_, err = conn.PgConn().Exec(ctx, fmt.Sprintf("alter subscription %s disable; alter subscription %[1]s set (slot_name = none); drop subscription %[1]s", name)).ReadAll()
			_ = conn.Close(ctx)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return name
}

// How a subscription fares: its workers, its tables, where it stands, what failed.
func TestReadSubscription(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 16, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			server := pgtest.Server(t, major)
			const tables = `create table "A b" (id int primary key, n int); create table c (id int)`
			source := server.Database(t, tables+`; create publication p for table "A b"; create publication q for table c with (publish = 'insert')`)
			target := server.Database(t, tables)
			name := subscribe(t, source, target, ", disable_on_error = true")
			conn := open(t, target.URL)
			readNow := func() *catalog.Subscription {
				s, err := catalog.ReadSubscription(t.Context(), conn, name)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			source.Exec(t, `insert into "A b" values (1, 1); insert into c values (7)`)
			target.Eventually(t, "select count(*) from c", "1")
			pgtest.Eventually(t, func() error {
				s := readNow()
				w := s.Applier()
				switch {
				case w == nil || w.PID == 0 || len(s.Workers) != 1:
					return fmt.Errorf("workers %+v", s.Workers)
				case w.Received == 0 || w.Reported == 0 || time.Since(w.Heard) > time.Hour || time.Since(w.ReportedAt) > time.Hour:
					return fmt.Errorf("worker %+v", *w)
				case s.Origin == 0 || s.Origin > w.Received:
					return fmt.Errorf("applied %s, received %s", s.Origin, w.Received)
				}
				return nil
			})
			s := readNow()
			var states []string
			for _, x := range s.Tables {
				states = append(states, fmt.Sprintf("%s.%s %s %t", x.Schema, x.Name, x.State, x.OID > 0))
			}
			if !slices.Equal(states, []string{"public.A b r true", "public.c r true"}) {
				t.Errorf("tables %q", states)
			}
			missing := int64(-1)
			if major >= 18 {
				missing = 0
			}
			if s.OID == 0 || s.Name != name || s.Owner != "postgres" || !s.Enabled || !s.DisableOnError || s.Slot != name ||
				!slices.Equal(s.Publications, []string{"p", "q"}) || s.Errors != 0 || s.Missing != missing {
				t.Errorf("%+v", s)
			}

			// A row that is not there is passed over; one that is there already is an error.
			target.Exec(t, `delete from "A b"; insert into "A b" values (2, 2)`)
			source.Exec(t, `update "A b" set n = 3`)
			source.Exec(t, `insert into "A b" values (2, 2)`)
			pgtest.Eventually(t, func() error {
				s := readNow()
				if s.Enabled || len(s.Workers) != 0 || s.Applier() != nil || s.Errors != 1 || s.Missing != missing+int64(max(0, missing+1)) {
					return fmt.Errorf("%+v", s)
				}
				return nil
			})
			if s, err := catalog.ReadSubscription(t.Context(), conn, "another"); s != nil || err != nil {
				t.Errorf("%+v, %v", s, err)
			}
			if s, err := catalog.ReadSubscription(t.Context(), open(t, source.URL), name); s != nil || err != nil {
				t.Errorf("of another database: %+v, %v", s, err)
			}
		})
	}
}

// What a server has for subscriptions, and what a role may do with them.
func TestReadSubscribing(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 16, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			server := pgtest.Server(t, major)
			source := server.Database(t, "create publication p; create publication q")
			target := server.Database(t, "")
			name := subscribe(t, source, target, ", enabled = false")
			db := read(t, open(t, target.URL), catalog.ReadOptions{})
			got := db.Subscribing
			if !slices.Contains(got.Subscriptions, catalog.SubscriptionName{Database: target.Name, Name: name, Slot: name}) || got.Origins < 1 || !got.CanMove ||
				!slices.Contains(got.CanBe, "postgres") {
				t.Errorf("%+v", got)
			}
			if db.Params["max_logical_replication_workers"] != "4" || (db.Params["max_active_replication_origins"] != "") != (major >= 18) {
				t.Errorf("%v", db.Params)
			}

			plain, _ := server.Role(t, "")
			owner, _ := server.Role(t, "")
			inherited, _ := server.Role(t, "")
			grants := fmt.Sprintf("grant %s to %s", owner, plain)
			if major >= 16 {
				grants += fmt.Sprintf("; grant %s to %s with set false", inherited, plain)
			}
			target.Exec(t, grants)
			s, err := catalog.ReadSubscription(t.Context(), open(t, target.URLAs(plain)), name)
			if err != nil || s == nil || s.Origin != 0 || s.Slot != name {
				t.Errorf("as a plain role: %+v, %v", s, err)
			}
			got = read(t, open(t, target.URLAs(plain)), catalog.ReadOptions{}).Subscribing
			if got.CanMove || !slices.Contains(got.CanBe, plain) || !slices.Contains(got.CanBe, owner) || slices.Contains(got.CanBe, inherited) || slices.Contains(got.CanBe, "postgres") {
				t.Errorf("as a plain role: %+v", got)
			}
			target.Exec(t, fmt.Sprintf(`grant execute on function pg_replication_origin_advance(text, pg_lsn), pg_replication_origin_progress(text, boolean) to %s`, plain))
			if got = read(t, open(t, target.URLAs(plain)), catalog.ReadOptions{}).Subscribing; !got.CanMove {
				t.Error("the right to move origins is not seen")
			}
		})
	}
}
