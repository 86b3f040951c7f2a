package pglogical

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/planner/session"
)

// Try finds out whether the extension can be had on both sides, and whether the target's
// server connects to the source and to itself. All is rolled back.
//
// The connections are tried by CREATE SUBSCRIPTION of the server itself: pglogical's own
// function fails with the same SQLSTATE whatever the reason, and cannot be tried before
// the extension is committed on the source.
func (e *Engine) Try(ctx context.Context) error {
	for _, side := range []struct {
		name string
		conn *pgx.Conn
	}{{"source", e.source}, {"target", e.target}} {
		if err := e.tryExtension(ctx, side.conn); err != nil {
			return fmt.Errorf("try pglogical on the %s: %w", side.name, err)
		}
	}
	for _, to := range []struct {
		name string
		dsn  config.Secret
	}{{"the source", e.provider}, {"itself", e.subscriber}} {
		err := e.tryConnection(ctx, to.name, to.dsn)
		if session.Code(err) == "42501" {
			e.note(fmt.Sprintf("whether the target's server reaches %s cannot be tried: that takes a superuser there", to.name))
			continue
		}
		if err != nil {
			return &TryError{From: "the target's server", To: to.name, Err: err}
		}
	}
	return nil
}

// tryExtension creates it where it is missing, and calls a function of it, which takes
// the library that the server has loaded at its start.
func (e *Engine) tryExtension(ctx context.Context, conn *pgx.Conn) error {
	return rolledBack(ctx, conn, func(tx pgx.Tx) error {
		if err := ensureExtension(ctx, tx); err != nil {
			return err
		}
		node, err := localNode(ctx, tx)
		if err == nil && node == "" {
			_, err = tx.Exec(ctx, createNode, e.targetNode(), "dbname=bascule")
		}
		return err
	})
}

// tryConnection has the target's server connect.
func (e *Engine) tryConnection(ctx context.Context, to string, dsn config.Secret) error {
	return e.masked(session.Reach{Info: dsn, Endpoint: to}.Try(ctx, e.target))
}

// errBack ends a transaction that is not to be committed.
var errBack = errors.New("rolled back")

func rolledBack(ctx context.Context, conn *pgx.Conn, do func(tx pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		return errBack
	})
	if errors.Is(err, errBack) {
		return nil
	}
	return err
}
