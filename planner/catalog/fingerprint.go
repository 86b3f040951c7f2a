package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"github.com/jackc/pgx/v5"
)

// Fingerprint returns a text that changes with every definition of the database:
// DDL, comments, privileges, settings of the database. It does not change with rows
// and what comes of them (statistics, sizes, sequences' values, what VACUUM,
// TRUNCATE, REFRESH or REINDEX leave), with temporary objects, schema bascule, our
// own publications, or large objects. Within a transaction it is of the
// transaction's snapshot.
//
// Two fingerprints are comparable only when they are of the same database, server
// and program version. Passwords of user mappings and subscriptions are no part of
// it, not even as a hash.
func Fingerprint(ctx context.Context, conn *pgx.Conn) (string, error) {
	rows, err := conn.Query(ctx, selectFingerprint)
	if err != nil {
		return "", fmt.Errorf("read the fingerprint: %w", err)
	}
	defer rows.Close()
	f := newFingerprint()
	for rows.Next() {
		if err := f.add(rows); err != nil {
			return "", fmt.Errorf("read the fingerprint: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return "", fmt.Errorf("read the fingerprint: %w", err)
	}
	return f.String(), nil
}

func (r *reader) fingerprint() question {
	f := newFingerprint()
	return question{about: "the fingerprint", sql: selectFingerprint, row: func(rows pgx.Rows) error {
		if err := f.add(rows); err != nil {
			return err
		}
		r.db.Fingerprint = f.String()
		return nil
	}}
}

// fingerprint digests the sums that the server makes of each catalogue.
type fingerprint struct{ sum hash.Hash }

func newFingerprint() fingerprint { return fingerprint{sha256.New()} }

func (f fingerprint) add(rows pgx.Rows) error {
	var catalogue, sum string
	var n int64
	if err := rows.Scan(&catalogue, &n, &sum); err != nil {
		return err
	}
	fmt.Fprintf(f.sum, "%s %d %s\n", catalogue, n, sum)
	return nil
}

func (f fingerprint) String() string { return hex.EncodeToString(f.sum.Sum(nil)[:16]) }
