package catalog_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// What a source says of a stream: where it is, what was sent, and what its client
// acknowledged.
func TestReadSourceNow(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			db := pgtest.Server(t, major).Database(t, "create table a (id int); create publication p for table a")
			slot := "bascule_now_" + db.Name
			repl, err := session.Open(ctx, &config.Peer{Address: "peer.a", URL: config.Secret(db.URL)},
				session.Options{Application: "bascule/app/stream", Replication: true})
			if err != nil {
				t.Fatal(err)
			}
			defer repl.Close(ctx)
			pc := repl.PgConn()
			if _, err := pglogrepl.CreateReplicationSlot(ctx, pc, slot, "pgoutput",
				pglogrepl.CreateReplicationSlotOptions{Temporary: true, SnapshotAction: "NOEXPORT_SNAPSHOT"}); err != nil {
				t.Fatal(err)
			}
			if err := pglogrepl.StartReplication(ctx, pc, slot, 0, pglogrepl.StartReplicationOptions{
				PluginArgs: []string{"proto_version '1'", "publication_names 'p'"}}); err != nil {
				t.Fatal(err)
			}
			conn := db.Conn(t)
			db.Exec(t, "insert into a values (1)")
			pgtest.Eventually(t, func() error {
				now, err := catalog.ReadSourceNow(ctx, conn)
				if err != nil {
					return err
				}
				s := now.Slot(slot)
				if s == nil || !s.Active {
					return fmt.Errorf("slot %+v", s)
				}
				sender := now.Sender(s.PID)
				switch {
				case sender == nil || sender.Application != "bascule/app/stream" || sender.State != "streaming":
					return fmt.Errorf("sender %+v", sender)
				case sender.Sent == 0 || sender.Sent > now.End || now.Clock.IsZero():
					return fmt.Errorf("sent %s of %s at %v", sender.Sent, now.End, now.Clock)
				case sender.Received == 0:
					return errors.Join(errors.New("not acknowledged yet"), pglogrepl.SendStandbyStatusUpdate(ctx, pc,
						pglogrepl.StandbyStatusUpdate{WALWritePosition: pglogrepl.LSN(sender.Sent), WALFlushPosition: 1, WALApplyPosition: 1}))
				case sender.Flushed != 1 || sender.Replied.IsZero():
					return fmt.Errorf("acknowledged %s at %v", sender.Flushed, sender.Replied)
				}
				return nil
			})
			if now, err := catalog.ReadSourceNow(ctx, conn); err != nil || now.Slot("another") != nil || now.Sender(1) != nil {
				t.Errorf("%+v, %v", now, err)
			}
		})
	}
}

// Who works on mirrors, and what our sessions do, with what is in their way.
func TestReadMirrorLocksAndActivity(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := pgtest.Server(t, 15).Database(t, "create table a (id int)")
	other := pgtest.Server(t, 15).Database(t, "")
	apply, runner := named(t, db, "bascule/app/apply"), named(t, db, "bascule/app/run")
	elsewhere := named(t, other, "bascule/app/run")
	for _, held := range []struct {
		conn  *pgx.Conn
		class int
	}{{apply, 1650553700}, {apply, 1650553702}, {runner, 1650553703}, {elsewhere, 1650553700}} {
		if _, err := held.conn.Exec(ctx, "select pg_advisory_lock_shared($1, hashtext('l/mirror.app'))", held.class); err != nil {
			t.Fatal(err)
		}
	}
	conn := db.Conn(t)
	locks, clock, err := catalog.ReadMirrorLocks(ctx, conn, []string{"l/mirror.app", "l/mirror.other"})
	if err != nil || clock.IsZero() {
		t.Fatal(err)
	}
	var got []string
	for _, l := range locks {
		got = append(got, fmt.Sprintf("%s %s %s %s %v", l.Mirror, l.Kind, l.Application, l.Client, l.PID > 0))
	}
	want := []string{"l/mirror.app lease bascule/app/apply 127.0.0.1 true", "l/mirror.app runner bascule/app/run 127.0.0.1 true",
		"l/mirror.app want bascule/app/apply 127.0.0.1 true"}
	if !slices.Equal(got, want) {
		t.Errorf("locks %q", got)
	}

	if _, err := conn.Exec(ctx, "begin; lock table a"); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() {
		_, err := apply.Exec(ctx, "select\n  count(*)   from a")
		waited <- err
	}()
	looker := db.Conn(t)
	pgtest.Eventually(t, func() error {
		list, err := catalog.ReadActivity(ctx, looker)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(a catalog.Activity) bool { return a.PID == int32(apply.PgConn().PID()) })
		if i < 0 {
			return errors.New("not seen")
		}
		a := list[i]
		if a.State != "active" || a.Database != db.Name || a.Query != "select count(*) from a" || a.Since.IsZero() || a.Waiting != "Lock: relation" ||
			!slices.Equal(a.BlockedBy, []int32{int32(conn.PgConn().PID())}) {
			return fmt.Errorf("%+v", a)
		}
		return nil
	})
	if _, err := conn.Exec(ctx, "rollback"); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
}
