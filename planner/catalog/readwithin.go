package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ReadWithin is Read inside a transaction that is open, and sees what that
// transaction has changed. It takes no locks but those of a look into the catalogues,
// and its lock_timeout is the transaction's.
//
// Where the transaction is not REPEATABLE READ, DDL of others that commits meanwhile
// may be seen in part.
func ReadWithin(ctx context.Context, tx pgx.Tx) (*Database, error) {
	r := newReader()
	var err error
	if r.db.Identity, r.db.Version, err = ReadIdentity(ctx, tx.Conn()); err != nil {
		return nil, err
	}
	if err := r.ask(ctx, tx, &pgx.Batch{}); err != nil {
		return nil, err
	}
	r.assemble()
	return r.db, nil
}

// PublicationsWithin returns the publications of the database as an open transaction
// sees them, by name.
func PublicationsWithin(ctx context.Context, tx pgx.Tx) ([]Publication, error) {
	var r slotReader
	batch := &pgx.Batch{}
	for _, q := range r.publicationQuestions() {
		q.queue(batch)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("read the publications: %w", err)
	}
	return r.publications, nil
}
