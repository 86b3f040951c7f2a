package command

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/executor/stream"
	"bascule/planner"
	"bascule/planner/session"
)

// Forget forgets a block that was applied, in the ledgers of its targets and in
// the state. It runs nothing.
func Forget(ctx context.Context, cfg Config, c *planner.Change) error {
	id := planner.DDLID(c.Address, c.DDL.Checksum)
	for _, m := range c.DDL.Mirrors {
		if err := forgetOn(ctx, cfg, c, m, id); err != nil {
			return fmt.Errorf("%s: %w", m.Address, err)
		}
	}
	return cfg.Journal.Settle(ctx, c.Address, nil)
}

// forgetOn forgets it on one target. A peer that is declared no longer is left alone.
func forgetOn(ctx context.Context, cfg Config, c *planner.Change, m planner.DDLMirror, id string) error {
	peer := cfg.Peers[m.Target]
	if peer == nil {
		return nil
	}
	conn, err := session.Open(ctx, peer, session.Options{Application: session.Application(c.Address, "ddl")})
	if err != nil {
		return err
	}
	defer session.Close(ctx, conn)
	there, err := commandsThere(ctx, conn)
	if err != nil || !there {
		return err
	}
	row, err := ledger.FindDDL(ctx, conn, m.ID, id)
	switch {
	case err != nil || row == nil:
		return err
	case row.XID != "" && row.Applied.IsZero():
		return &HalfwayError{Address: c.Address, Mirror: m.Address}
	}
	if passed, err := passedBy(ctx, conn, m.ID, row); err != nil || !passed {
		return cmp.Or[error](err, &AheadError{Address: c.Address, Mirror: m.Address})
	}
	return ledger.ForgetDDL(ctx, conn, m.ID, id)
}

// passedBy reports whether a mirror's stream has passed what an applied block stands for.
// Until then the block's record is all that keeps it from running twice.
func passedBy(ctx context.Context, conn *pgx.Conn, mirror string, row *ledger.DDL) (bool, error) {
	if !stream.FromLog(row.Command) {
		return true, nil
	}
	rec, err := ledger.Find(ctx, conn, mirror)
	if err != nil {
		return false, err
	}
	return rec == nil || rec.Position == nil || rec.Position.LSN >= row.LSN, nil
}

// commandsThere reports whether a target has a ledger that keeps commands.
func commandsThere(ctx context.Context, conn *pgx.Conn) (there bool, err error) {
	err = conn.QueryRow(ctx, commandTable).Scan(&there)
	return there, err
}

// HalfwayError reports a block that cannot be forgotten: it may have run on the source,
// and is not on a target.
type HalfwayError struct{ Address, Mirror string }

func (e *HalfwayError) Error() string {
	return fmt.Sprintf("%s cannot be forgotten: it was begun on the source, and is not on the target of %s", e.Address, e.Mirror)
}

// Hint says what the operator can do about it.
func (e *HalfwayError) Hint() string {
	return "put the block back, and apply: that brings it to its end; it can be removed then"
}

// AheadError reports a block that cannot be forgotten yet: it ran on a target ahead of the
// stream, which would halt at the same command once more.
type AheadError struct{ Address, Mirror string }

func (e *AheadError) Error() string {
	return fmt.Sprintf("%s cannot be forgotten yet: it is on the target of %s, and the stream has yet to come past its place on the source", e.Address, e.Mirror)
}

// Hint says what the operator can do about it.
func (e *AheadError) Hint() string {
	return "put the block back, stream the mirror past it (bascule run), and remove it then"
}

const commandTable = `select pg_catalog.to_regclass('bascule.ddl') is not null`
