package slot

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/planner/catalog"
	"bascule/planner/session"
)

// Patience is how long a slot may be found in use before somebody else is taken to
// read it: a server notices after wal_sender_timeout, a minute by default, that a
// client is gone.
const Patience = 2 * time.Minute

// InUseError reports a slot that another session reads. It is transient.
type InUseError struct {
	Slot   string
	PID    int32
	Client string // "" where it is local or not to be known
}

func (e *InUseError) Error() string {
	text := fmt.Sprintf("replication slot %q is read by pid %d", e.Slot, e.PID)
	if e.Client != "" {
		text += " of client " + e.Client
	}
	return text
}

// Unwrap returns the server's own error for it, so that it is treated as that one.
func (e *InUseError) Unwrap() error {
	return &pgconn.PgError{Severity: "ERROR", Code: objectInUse, Message: e.Error()}
}

// Hint says what the operator can do about it.
func (e *InUseError) Hint() string {
	return "stop the process that reads it, or end its session with pg_terminate_backend"
}

const objectInUse = "55006"

// ForeignError reports that something was not dropped because its name is none that
// we give.
type ForeignError struct{ Kind, Name string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s %q does not carry a name of ours, and is not dropped", e.Kind, e.Name)
}

// Hint says what the operator can do about it.
func (e *ForeignError) Hint() string { return "if nobody needs it, drop it by hand" }

// Drop drops a slot; one that is not there is fine. A slot in use is waited for: the
// walsender of a client that died takes a while to notice. When patience is over the
// error is an *InUseError. A name that is none of ours is a *ForeignError.
func Drop(ctx context.Context, conn *pgx.Conn, name string, patience time.Duration) error {
	if !Named(name) {
		return &ForeignError{Kind: "replication slot", Name: name}
	}
	for deadline := time.Now().Add(patience); ; {
		_, err := conn.Exec(ctx, dropSlot, name)
		switch {
		case err == nil, session.Code(err) == "42704": // gone between the look and the drop
			return nil
		case session.Code(err) != objectInUse:
			return fmt.Errorf("drop replication slot %s: %w", name, err)
		}
		if time.Now().After(deadline) {
			return inUse(ctx, conn, name, err)
		}
		if err := session.Pause(ctx, poll); err != nil {
			return fmt.Errorf("drop replication slot %s: %w", name, err)
		}
	}
}

// inUse says who reads the slot.
func inUse(ctx context.Context, conn *pgx.Conn, name string, err error) error {
	slots, _, readErr := catalog.ReadSlots(ctx, conn)
	if readErr != nil {
		return fmt.Errorf("drop replication slot %s: %w", name, err)
	}
	for _, s := range slots {
		if s.Name == name && s.Active {
			return &InUseError{Slot: name, PID: s.PID, Client: s.Client}
		}
	}
	return fmt.Errorf("drop replication slot %s: %w", name, err)
}

const dropSlot = `
	select pg_catalog.pg_drop_replication_slot(slot_name)
	from pg_catalog.pg_replication_slots
	where slot_name = $1`
