package ddl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bascule/planner/session"
)

// Alone runs statements on one server that cannot run in a transaction. All but
// Retrying and Waiting are required.
type Alone struct {
	Address string // of the block
	Where   string // the source, or a mirror's target: for errors
	Side    string // SideSource or SideTarget

	Source // its sessions and who is told, on whichever server

	Statements []Statement

	// LockTimeout bounds how long a statement waits for a lock behind which the
	// application would queue up.
	LockTimeout time.Duration

	// Waiting is told for whom a statement waits that waits without a bound, such as an
	// index that is built concurrently and waits for old transactions, and what could not
	// be cleaned up behind it. Default: nobody.
	Waiting func(text string)

	// Carries: what runs on the source comes here in another way, too, as a mirror's log
	// of DDL has it. That what a statement makes is there, and whole, is then no error.
	Carries bool

	// Record keeps how far it is; what it was given last is what Run is given next.
	Record func(ctx context.Context, done string) error
}

// Statement is one of a command.
type Statement struct {
	Text string

	// Tables it is about, as names for people: an invalid index of theirs that it leaves
	// behind is dropped.
	Tables []string

	// Queues: while it waits for its lock, writers wait behind it.
	Queues bool

	// Carried: it has come to the server in another way, and does not run.
	Carried bool
}

// Sides that statements run on. SideSource alone is also the word for a source that is
// done.
const (
	SideSource = "source"
	SideTarget = "target"
)

// Run runs the statements that are not done, each by itself. done is what was last
// recorded, "" where nothing was. A statement that failed may be tried again by
// another Run: what it left half-done is dropped first.
func (a Alone) Run(ctx context.Context, done string) error {
	at := parseMark(done, a.Side)
	for i := at.number; i < len(a.Statements); i++ {
		begun := at.begun && at.number == i
		if !a.Statements[i].Carried {
			if err := a.statement(ctx, i, begun, at.indexes); err != nil {
				return err
			}
		}
		if err := a.Record(ctx, mark{side: a.Side, number: i + 1}.String()); err != nil {
			return err
		}
	}
	return nil
}

// statement runs one. Begun: an earlier Run began with it, when its tables had the
// indexes before.
func (a Alone) statement(ctx context.Context, i int, begun bool, before []index) (err error) {
	x := a.Statements[i]
	if begun {
		if err := a.dropInvalid(ctx, x, before); err != nil {
			return err
		}
	} else {
		if before, err = a.indexes(ctx, x); err != nil {
			return err
		}
		if err := a.Record(ctx, mark{side: a.Side, number: i, begun: true, indexes: before}.String()); err != nil {
			return err
		}
	}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := a.execute(ctx, x)
		if err == nil {
			return nil
		}
		if begun {
			if done, failed := a.doneBefore(ctx, x, before, err); done || failed != nil {
				return failed
			}
		}
		if there, failed := a.carried(ctx, x, err); there || failed != nil {
			return failed
		}
		// What is half-done is of no use to anybody, and blocks the next try. Where it
		// cannot be dropped now, the next Run does it.
		cleaned := a.clean(ctx, x, before)
		if !a.again(ctx, err, pause) {
			return a.refused(ctx, i, cleaned, err)
		}
		// Where the answer was lost, it may be done, and what is there is whole.
		begun = begun || cleaned && !session.Locked(err)
	}
}

// refused is the error by which a statement ends. Where the server has refused it, and
// nothing is left of it, nothing has begun: what is in its way was made by others, and is
// in its way the next time, too.
func (a Alone) refused(ctx context.Context, i int, cleaned bool, err error) error {
	failed := commandError(a.Address, a.Where, err)
	if !cleaned || ctx.Err() != nil || session.Code(err) == "" || session.Transient(err) {
		return failed
	}
	return errors.Join(failed, a.Record(ctx, mark{side: a.Side, number: i}.String()))
}

// clean drops what a try has left half-done, and reports whether nothing such is left.
// That waits for old transactions, too.
func (a Alone) clean(ctx context.Context, x Statement, before []index) bool {
	limit := cleanTime
	if ctx.Err() != nil {
		limit = partingTime
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	err := a.dropInvalid(ctx, x, before)
	if err != nil && a.Waiting != nil {
		a.Waiting(fmt.Sprintf("%s may have left an invalid index on %s, which the next apply drops: %v", a.Address, a.Where, err))
	}
	return err == nil
}

// Times to clean up in; partingTime where somebody waits for the end.
const (
	cleanTime   = 30 * time.Second
	partingTime = 3 * time.Second
)

// doneBefore reports whether the server refuses a statement because an earlier Run that
// began with it, when its tables had the indexes before, brought it to its end.
func (a Alone) doneBefore(ctx context.Context, x Statement, before []index, refused error) (bool, error) {
	switch code := session.Code(refused); {
	case code == duplicateTable: // an index that was there before is not its own
		now, err := a.indexes(ctx, x)
		return slices.ContainsFunc(now, func(i index) bool { return !i.invalid && !among(before, i) }), err
	case isThere[code]:
		return true, nil
	}
	return a.detached(ctx, x, refused)
}

// isThere are the SQLSTATEs by which a server says that what a statement makes is there,
// or what it drops is not.
var isThere = map[string]bool{duplicateTable: true, "42710": true, "42704": true}

// duplicateTable: there is a relation of that name, such as an index.
const duplicateTable = "42P07"

// carried reports whether a statement failed because it has come here in another way.
func (a Alone) carried(ctx context.Context, x Statement, err error) (bool, error) {
	if !a.Carries || !isThere[session.Code(err)] {
		return false, nil
	}
	now, err := a.indexes(ctx, x)
	return err == nil && !slices.ContainsFunc(now, func(i index) bool { return i.invalid }), err
}

func (a Alone) execute(ctx context.Context, x Statement) error {
	conn, err := a.Open(ctx)
	if err != nil {
		return err
	}
	defer session.Close(ctx, conn)
	limit, tell := "0", a.waits
	if x.Queues {
		limit, tell = timeout(a.LockTimeout), nil
	}
	if _, err := conn.Exec(ctx, setLockTimeout, limit); err != nil {
		return err
	}
	return a.watched(ctx, conn, a.Address, a.LockTimeout, tell, func() error {
		_, err := conn.PgConn().Exec(ctx, x.Text).ReadAll()
		return err
	})
}

// waits tells for whom a statement waits.
func (a Alone) waits(b blocker) {
	if a.Waiting != nil {
		a.Waiting(fmt.Sprintf("%s waits on %s for %s: it goes on when that transaction has ended, and holds up nobody until then", a.Address, a.Where, b))
	}
}

const setLockTimeout = `select pg_catalog.set_config('lock_timeout', $1, false)`
