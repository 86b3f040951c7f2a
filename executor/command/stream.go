package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ddl"
	"bascule/executor/drive"
	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner/catalog"
)

// inStream runs the command in one transaction of the source, and has the streams
// carry it to the targets. They are brought to where the source is first: what stands
// in the way of a stream is found before the source is changed.
func (d *commanding) inStream(ctx context.Context) error {
	became, err := d.became(ctx)
	if err != nil {
		return err
	}
	d.ended = became == ddl.Committed
	return d.drive(ctx, func(ctx context.Context) error {
		d.stage("catch up")
		end, err := drive.SourceNow(ctx, d.server.Control)
		if err != nil {
			return err
		}
		d.end = end
		if err := d.catchUp(ctx, end); err != nil {
			return err
		}
		if became == ddl.Unknown {
			// Were it committed, its message came before where the streams are now.
			if err := d.arrived(ctx); err == nil {
				return nil
			}
		}
		if !d.ended {
			if end, err = d.onSource(ctx); err != nil {
				return err
			}
			d.ended, d.end = true, end
			d.stage("wait for the targets")
			if err := d.catchUp(ctx, end); err != nil {
				return err
			}
		}
		return d.arrived(ctx)
	})
}

// became says what became of the transaction of the source that an earlier try
// recorded; "" where none did.
func (d *commanding) became(ctx context.Context) (string, error) {
	xid := ""
	for _, s := range d.sides {
		if s.row.XID == "" || s.row.XID == xid {
			continue
		}
		xid = s.row.XID
		became, err := d.server.Became(ctx, xid)
		if err != nil || became == ddl.Aborted {
			if err != nil {
				return "", err
			}
			continue // a later try may have recorded another with some of them
		}
		if became == ddl.Committed {
			return became, d.missed(xid)
		}
		return became, nil
	}
	return "", nil
}

// missed finds mirrors that the command was given only after it had run.
func (d *commanding) missed(xid string) error {
	for _, s := range d.pending() {
		if s.row.XID != xid {
			return &MissedError{Address: d.change.Address, Mirror: s.address}
		}
	}
	return nil
}

// MissedError reports that a command ran on the source before a mirror was among those
// that it is for.
type MissedError struct{ Address, Mirror string }

func (e *MissedError) Error() string {
	return fmt.Sprintf("%s ran on the source before it named %s, which has passed the place", e.Address, e.Mirror)
}

// Hint says what the operator can do about it.
func (e *MissedError) Hint() string {
	return "take " + e.Mirror + " out of the block; where its target lacks what the command makes, give it a block of its own with ran_on_source = true"
}

// arrived reports, for targets whose streams have passed the command, that all have it.
func (d *commanding) arrived(ctx context.Context) error {
	for _, s := range d.pending() {
		row, err := ledger.FindDDL(ctx, s.conn, s.id, d.id)
		if err == nil && row != nil && s.carrier != nil && row.Applied.IsZero() {
			if err = s.shown(ctx); err != nil {
				return err
			}
			if err = s.handover().RecordCarried(ctx, s.carrier, row, d.end); err == nil {
				row, err = ledger.FindDDL(ctx, s.conn, s.id, d.id)
			}
		}
		if err != nil {
			return err
		}
		if row == nil || row.Applied.IsZero() {
			return &PassedOverError{Address: d.change.Address, Mirror: s.address}
		}
	}
	return nil
}

// PassedOverError reports that a stream has passed the place of a command and its
// target does not have it.
type PassedOverError struct{ Address, Mirror string }

func (e *PassedOverError) Error() string {
	return fmt.Sprintf("%s ran on the source, and the stream of %s has passed the place without running it on the target", e.Address, e.Mirror)
}

// Hint says what the operator can do about it.
func (e *PassedOverError) Hint() string {
	return "the log says why its message was ignored; if an older build keeps the mirror streaming, stop that; then declare the command in a new block with ran_on_source = true"
}

// onSource runs the command on the source, and returns a place behind it.
func (d *commanding) onSource(ctx context.Context) (catalog.LSN, error) {
	d.stage("run on " + d.source.Address)
	c := ddl.Command{Address: d.change.Address, Message: d.sides[0].row.Message(), Text: d.plan.Command, LockTimeout: d.lockTimeout()}
	for _, s := range d.pending() {
		for _, m := range s.members {
			if m.State != ledger.Removed {
				c.Followed = append(c.Followed, m.Source)
			}
		}
		c.Publications = append(c.Publications, s.settings.Publication)
		if s.settings.Inserts != "" {
			c.Publications = append(c.Publications, s.settings.Inserts)
		}
	}
	if len(d.carries()) > 0 {
		c.Through = d.replicate
	}
	end, err := d.server.Run(ctx, c, d.within)
	var command *ddl.CommandError
	var wrote *ddl.WroteRowsError
	var touched *ddl.TouchedError
	var unready *UnreadyError
	// A statement that was cancelled because the time to wait is over was not refused.
	d.refused = ctx.Err() == nil && (errors.As(err, &command) || errors.As(err, &wrote) || errors.As(err, &touched) || errors.As(err, &unready))
	if err != nil && !d.refused {
		err = errors.Join(err, d.unstart(ctx))
	}
	return end, err
}

// unstart takes the transaction back that was recorded, where the source has rolled it
// back: the command has run nowhere. What is not certain is left to the next try.
func (d *commanding) unstart(ctx context.Context) error {
	if d.xid == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drive.RecordTime)
	defer cancel()
	if became, err := d.server.Became(ctx, d.xid); err != nil || became != ddl.Aborted {
		return nil // the next try asks again
	}
	for _, s := range d.pending() {
		if err := ledger.StartDDL(ctx, s.conn, s.id, d.id, "", nil); err != nil {
			return err
		}
	}
	return nil
}

// within finds out, in the transaction that ran the command, what it has made of the
// mirrors' tables, has the publications follow that, and records it with the targets.
func (d *commanding) within(ctx context.Context, tx pgx.Tx, xid string) error {
	db, err := catalog.ReadWithin(ctx, tx)
	if err != nil {
		return err
	}
	before, err := d.seen(ctx, db)
	if err != nil {
		return err
	}
	var point catalog.LSN
	if err := tx.QueryRow(ctx, insertLSN).Scan(&point); err != nil {
		return err
	}
	sides := d.pending()
	shifts := make([]shift, len(sides))
	var made []uint32
	for i, s := range sides {
		if shifts[i], err = s.shift(db, before, point); err != nil {
			return err
		}
		made = append(made, shifts[i].made...)
	}
	if wrote, err := ddl.Written(ctx, tx, made); err != nil || len(wrote) > 0 {
		if err == nil {
			err = &ddl.WroteRowsError{Address: d.change.Address, Tables: wrote, New: true}
		}
		return err
	}
	for i, s := range sides {
		if err := slot.ChangeWithin(ctx, tx, s.settings, shifts[i].members...); err != nil {
			return err
		}
		if err := s.inSets(ctx, tx, shifts[i].members); err != nil {
			return err
		}
	}
	d.xid = xid
	for i, s := range sides {
		if err := ledger.StartDDL(ctx, s.conn, s.id, d.id, xid, shifts[i].members); err != nil {
			// Not as it came: over another try the session would be as lost, and the lease
			// with it.
			return fmt.Errorf("record the command on %s: %v", s.target.Address, err)
		}
		s.notes = shifts[i].notes
	}
	return nil
}

const insertLSN = `select pg_catalog.pg_current_wal_insert_lsn()::text`
