package drive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/executor/stream"
	"bascule/planner/session"
)

// Halt is what is recorded of an error that will not pass by itself, or nil.
func (m Mirror) Halt(err error) *ledger.Halt {
	var halted *stream.HaltError
	var terminal *slot.TerminalError
	var connect *session.ConnectError
	var lost *stream.LeaseLostError
	switch {
	case errors.As(err, &halted):
		return &halted.Halt
	case errors.As(err, &terminal):
		return &terminal.Halt
	case errors.As(err, &connect), errors.As(err, &lost), session.Transient(err), errors.Is(err, context.Canceled):
		return nil // a password may be in the middle of being changed, the other holder about to end
	}
	code := session.Code(err)
	if code == "" {
		code = "error"
	}
	return &ledger.Halt{Code: code, Text: err.Error(), Remedy: "correct the cause, then " + m.triedAgain()}
}

// triedAgain is what has a mirror go on that was halted, when the cause is gone.
func (m Mirror) triedAgain() string {
	if m.Settings.Engine != "" {
		return applyAgain // which hands it to its servers too
	}
	return fmt.Sprintf("`bascule run -retry='%s'`, or %s", m.Address, applyAgain)
}

const applyAgain = "`bascule apply`"

// RecordHalt records the halt that an error is to the mirror, if it is one, and returns
// it with the error. What was done beside the stream may have been cut off by it, and the
// session with that: then another records it.
func (m Mirror) RecordHalt(ctx context.Context, conn *pgx.Conn, err error) (*ledger.Halt, error) {
	halt := m.Halt(err)
	if halt == nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), RecordTime)
	defer cancel()
	if conn.IsClosed() {
		another, failed := session.Open(ctx, m.Target, session.Options{Application: session.Application(m.Address, "apply")})
		if failed != nil {
			return halt, errors.Join(err, failed)
		}
		defer session.Close(ctx, another)
		conn = another
	}
	return halt, errors.Join(err, ledger.SetHalt(ctx, conn, m.ID, halt))
}

// RecordTime is how long it may take to record what must be recorded also after a cancel.
const RecordTime = 30 * time.Second
