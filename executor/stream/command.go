package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/stream/pgoutput"
	"bascule/executor/stream/target"
	"bascule/planner/session"
)

// A command of a ddl block runs on the target where its message stands among the rows.
// The message is part of the source's transaction that ran the command; at that one's
// commit
//
//   - all that committed before it is sent and committed;
//   - one transaction on another connection claims the position, moves it behind the
//     commit, runs the command and records that it did;
//   - the link ends, and the next one begins at that position, with members and tables
//     read anew.
//
// So a crash at any moment finds the command either done and passed, or not begun.
// Any role can send messages: one that the ledger does not know costs a look into it.

// hear takes in a message of the source.
func (r *receiver) hear(life context.Context, data []byte) error {
	m, err := pgoutput.ParseMessage(data)
	if err != nil || r.skip || !m.Transactional || m.Prefix != ledger.MessagePrefix {
		return err
	}
	id, nonce, ok := ledger.ParseMessage(m.Content)
	if !ok {
		r.ignore(life, "it names no command", "")
		return nil
	}
	conn, err := r.aside(life)
	if err != nil {
		return err
	}
	d, err := ledger.FindDDL(life, conn, r.link.s.cfg.Mirror, id)
	if err != nil {
		return err
	}
	if why := r.foreign(d, nonce); why != "" {
		r.ignore(life, why, id)
		return nil
	}
	if r.link.s.cfg.Name != ledger.Main {
		return &OvertakenError{Address: d.Address}
	}
	r.command = d
	return nil
}

// foreign says why a message is not what this mirror waits for, or "".
func (r *receiver) foreign(d *ledger.DDL, nonce string) string {
	main := r.link.s.cfg.Name == ledger.Main
	switch {
	case d == nil:
		return "the ledger has no command of that id"
	case d.Nonce != nonce:
		return "its nonce is not the command's"
	case main && !d.Applied.IsZero(): // beside the main stream, rows of before may be yet to come
		return "the command is applied already"
	case d.XID != "" && transactionID(d.XID) != r.xid:
		return "it is not of the transaction that ran the command"
	case r.command != nil:
		return "another command is in the same transaction"
	}
	return ""
}

// transactionID is the 32 bits of an xid8 that the stream knows a transaction by.
func transactionID(xid8 string) uint32 {
	n, err := strconv.ParseUint(xid8, 10, 64)
	if err != nil {
		return 0 // no transaction has it
	}
	return uint32(n)
}

// ignore passes a message over. Of each reason an operator is told once: whoever sends
// many fills no log.
func (r *receiver) ignore(ctx context.Context, why, id string) {
	s := r.link.s
	if s.ignored[why] {
		s.log.DebugContext(ctx, "message ignored", "why", why, "id", id, "lsn", r.final)
		return
	}
	s.ignored[why] = true
	s.log.WarnContext(ctx, "message ignored", "why", why, "id", id, "lsn", r.final)
	s.cfg.Sink.Event(progress.Noted{Mirror: s.cfg.Label,
		Text: fmt.Sprintf("a message with our prefix %q was ignored: %s (transaction %s of the source)", ledger.MessagePrefix, why, r.final)})
}

// aside returns a connection to the target beside the one that applies, which lasts as
// long as the link.
func (r *receiver) aside(ctx context.Context) (*pgx.Conn, error) {
	if r.conn != nil && !r.conn.IsClosed() {
		return r.conn, nil
	}
	conn, err := r.link.s.cfg.Target(ctx)
	r.conn = conn
	return conn, err
}

func (r *receiver) closeAside(ctx context.Context) {
	if r.steps != nil {
		r.steps.letGo(ctx)
	}
	if r.conn != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingTime)
		defer cancel()
		_ = r.conn.Close(ctx)
	}
}

// obey runs the command of the transaction that has just ended, and ends the link. A
// lock that is not to be had is waited for: one try queues nobody for longer than the
// command's lock_timeout.
func (r *receiver) obey(life context.Context, c pgoutput.Commit) error {
	if r.kept { // rows and command could not be one transaction here
		return &commandError{final: c.Final, ddl: r.command, err: errWithRows}
	}
	if err := r.stand(life); err != nil {
		return err
	}
	for pause := lockPause; ; pause = min(2*pause, mostLockPause) {
		blockers, err := r.attempt(life, c)
		if err == nil {
			r.link.s.had(r.touched)
			r.link.s.log.InfoContext(life, "command applied", "ddl", r.command.Address, "lsn", c.End)
			return errAnew
		}
		if !session.Locked(err) {
			return err
		}
		r.wait(life, blockers, err, pause)
		select {
		case <-r.stop:
			return errStopped
		case <-life.Done():
			return context.Cause(life)
		case <-time.After(pause):
		}
	}
}

// stand commits all that came before the open transaction, and moves the position
// right before it.
func (r *receiver) stand(life context.Context) error {
	if err := r.ship(life); err != nil {
		return err
	}
	if !r.partial && r.dealt > r.sent {
		if err := r.settle(life); err != nil {
			return err
		}
	}
	return r.drain(life)
}

// wait tells what the command waits for.
func (r *receiver) wait(ctx context.Context, blockers string, err error, pause time.Duration) {
	s, d := r.link.s, r.command
	if blockers != "" {
		err = fmt.Errorf("a lock on the target is held by %s: %w", blockers, err)
	}
	s.log.InfoContext(ctx, "command waits for a lock", "ddl", d.Address, "error", err, "retry_in", pause)
	s.cfg.Sink.Event(progress.Retrying{Mirror: s.cfg.Label, What: d.Address, Err: err, In: pause})
}

const (
	lockPause     = 500 * time.Millisecond
	mostLockPause = 5 * time.Second
)

// attempt is one try of the command. With an error comes who was in its way, if
// anybody.
func (r *receiver) attempt(life context.Context, c pgoutput.Commit) (blockers string, err error) {
	conn, err := r.aside(life)
	if err != nil {
		return "", err
	}
	watching, done := context.WithCancel(life)
	var watch sync.WaitGroup
	watch.Go(func() {
		if session.Pause(watching, r.command.LockTimeout*3/4) == nil {
			blockers, _ = r.link.session.Blockers(life, conn.PgConn().PID())
		}
	})
	err = pgx.BeginFunc(life, conn, func(tx pgx.Tx) error { return r.apply(life, tx, c) })
	done()
	watch.Wait()
	return blockers, err
}

// apply claims and moves the position, runs the command and records it.
func (r *receiver) apply(ctx context.Context, tx pgx.Tx, c pgoutput.Commit) error {
	s, d := r.link.s, r.command
	settings := fmt.Sprintf(commandSettings, d.LockTimeout.Milliseconds())
	if _, err := tx.Conn().PgConn().Exec(ctx, settings).ReadAll(); err != nil {
		return fmt.Errorf("%s: settings: %w", d.Address, err)
	}
	_, err := tx.Exec(ctx, ledger.AdvanceSQL, s.cfg.Mirror, s.cfg.Name, r.link.start.Epoch, r.sent.String(), c.End.String(),
		c.Time.UTC().Format("2006-01-02 15:04:05.999999")+"+00", 1, 0, 0)
	if session.Code(err) == ledger.ClaimLost {
		return &LeaseLostError{Mirror: s.cfg.Mirror, Err: err}
	}
	if err != nil {
		return fmt.Errorf("%s: move the position: %w", d.Address, err)
	}
	if _, err := tx.Conn().PgConn().Exec(ctx, d.Command).ReadAll(); err != nil {
		return &commandError{final: c.Final, ddl: d, err: err}
	}
	if tx.Conn().PgConn().TxStatus() != inTransaction {
		return &commandError{final: c.Final, ddl: d, err: target.ErrEndsTransaction}
	}
	return ledger.ApplyDDL(ctx, tx, s.cfg.Mirror, d, c.End)
}

const inTransaction = 'T'

var (
	// errAnew ends a link whose command is applied. errStopped: ctx ended, and what is
	// open is not begun.
	errAnew    = errors.New("a command was applied")
	errStopped = errors.New("stopped while a command waits for a lock")

	errWithRows = errors.New("its message came in a transaction that changed rows of the mirror's tables, which no command of ours does")
)

// commandSettings: what the command does on the target, it does as on the source, so
// triggers fire; and its commit is acknowledged.
const commandSettings = `
	set local synchronous_commit = local;
	set local search_path = '';
	set local lock_timeout = %d;
	select pg_catalog.set_config('session_replication_role', 'origin', true)
	where pg_catalog.current_setting('session_replication_role') <> 'origin'`
