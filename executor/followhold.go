package executor

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
	"bascule/executor/schema/archive"
	"bascule/executor/slot"
	"bascule/executor/snapshot"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// copySlot is the temporary slot whose snapshot tables are copied under. It lives as
// long as its connection: a crash leaves nothing of it.
type copySlot struct {
	conn     *pgconn.PgConn
	point    catalog.LSN
	snapshot string // until the next command on conn
}

func (c *copySlot) close(ctx context.Context) {
	if c != nil && c.conn != nil {
		c.conn.Close(context.WithoutCancel(ctx))
	}
}

// hold takes the snapshot that tables are copied under, that of a slot, so that it has
// a point in the stream, and locks the tables.
func (f *following) hold(ctx context.Context, todo []*planner.Table) error {
	names := f.lockNames()
	if f.streaming {
		names = names[:0]
		for _, t := range todo {
			names = append(names, t.SourceName())
		}
	}
	f.stage("take a snapshot")
	if len(todo) > 0 {
		if err := f.makeCopySlot(ctx); err != nil {
			return err
		}
	}
	source, err := f.open(ctx, f.copying.source, "snapshot", nil)
	if err != nil {
		f.release(ctx)
		return err
	}
	if len(todo) > 0 {
		f.holder, err = snapshot.Join(ctx, source, f.copied.snapshot, names, lockBudget, f.note)
	} else {
		f.holder, err = snapshot.Hold(ctx, source, names, lockBudget, f.note)
	}
	if err == nil {
		return nil
	}
	source.Close(context.WithoutCancel(ctx))
	f.holder = nil
	f.release(ctx)
	if session.Code(err) == "42P01" {
		return &ChangedError{}
	}
	return err
}

// makeCopySlot makes the temporary slot.
func (f *following) makeCopySlot(ctx context.Context) error {
	conn, err := f.openReplication(ctx, "copy-slot")
	if err != nil {
		return err
	}
	made, err := slot.Temporary(ctx, conn, f.copySlotName(), slot.Waiting{Conn: f.control, Tell: f.note})
	if err != nil {
		conn.Close(context.WithoutCancel(ctx))
		return err
	}
	f.copied = &copySlot{conn: conn, point: made.Point, snapshot: made.Snapshot}
	return nil
}

// copySlotName has our prefix and lineage, and is no other's.
func (f *following) copySlotName() string {
	return pgname.Derived("bascule", session.Label(f.change.Address), f.cfg.State.Lineage[:8], "copy")
}

// release lets the snapshot, its slot and the workers go.
func (f *following) release(ctx context.Context) {
	for _, w := range f.workers {
		w.Close(ctx)
	}
	f.workers = nil
	if f.holder != nil {
		f.holder.Release(ctx)
		f.holder = nil
	}
	f.copied.close(ctx)
	f.copied = nil
}

// dumpLockWait is how long pg_dump may wait for a lock on the source. Tables of the
// mirror are locked already: who stands between waits for that lock.
const dumpLockWait = 5 * time.Second

// readDefinitions has pg_dump describe the source. What waits to truncate or to alter
// a table has pg_dump wait too, and waits itself for the holder of the snapshot, which
// therefore is let go: the error is a *snapshot.LostError.
func (f *following) readDefinitions(ctx context.Context) (*archive.Archive, error) {
	dump, err := f.dump(ctx, dumpLockWait)
	var failed *archive.DumpError
	if code := session.Code(err); errors.As(err, &failed) && (code == "57014" || code == "55P03") {
		err = &snapshot.LostError{Err: err}
	}
	return dump, err
}
