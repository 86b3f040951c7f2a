package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// ReadOptions say what Read reads besides definitions.
type ReadOptions struct {
	// Rows fills in Relation.HasRows, which takes a look into every table.
	Rows bool
}

// Read takes everything there is to know of the database that conn is connected
// to, in one READ ONLY, REPEATABLE READ transaction. conn must come from
// session.Open, be idle and outside a transaction.
//
// System schemas, schema bascule, logs of DDL and temporary objects are left out. Objects of
// extensions are read and marked.
//
// A table that another session alters is waited for, for half a minute: then the
// error is SQLSTATE 55P03.
func Read(ctx context.Context, conn *pgx.Conn, opts ReadOptions) (*Database, error) {
	r := newReader()
	var err error
	if r.db.Identity, r.db.Version, err = ReadIdentity(ctx, conn); err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("begin to read the catalogues: %w", err)
	}
	if err = r.readAll(ctx, tx); err == nil {
		err = r.loggedCommands(ctx, tx)
	}
	// Nothing was written, so how the transaction ends matters only for conn.
	if end := tx.Rollback(context.WithoutCancel(ctx)); err == nil && end != nil {
		err = fmt.Errorf("end the reading of the catalogues: %w", end)
	}
	if err != nil {
		return nil, err
	}
	r.assemble()
	if opts.Rows {
		if err := r.lookForRows(ctx, conn); err != nil {
			return nil, err
		}
	}
	return r.db, nil
}

// reader collects the answers to the questions of one Read.
type reader struct {
	db *Database

	// Positions in db.Relations and db.Indexes by oid.
	relations, indexes map[uint32]int

	types types
	owned map[string]int // large objects by owner

	// What is known of tables beyond Relation, for lookForRows.
	unseen map[uint32]bool // rows may be there, but cannot be looked for
	empty  map[uint32]bool // not one block
}

func newReader() *reader {
	return &reader{
		db:        &Database{Params: map[string]string{}, Available: map[string]AvailableExtension{}},
		relations: map[uint32]int{},
		indexes:   map[uint32]int{},
		types:     types{},
		owned:     map[string]int{},
		unseen:    map[uint32]bool{},
		empty:     map[uint32]bool{},
	}
}

// question is one query and what to do with each of its rows.
type question struct {
	about string
	sql   string
	args  []any
	row   func(rows pgx.Rows) error
}

// questions are all of Read's, in the order in which they are answered: relations
// and indexes come before what refers to them.
func (r *reader) questions() []question {
	major := r.db.Version.Major()
	all := []question{
		r.databaseFacts(), r.roleFacts(), r.memberships(), r.settings(), r.grants(), r.params(),
		r.roles(), r.tablespaces(), r.schemas(), r.extensions(), r.available(),
		r.relationFacts(), r.indexFacts(), r.parents(), r.typeFacts(), r.columns(),
		r.statisticsTargets(), r.constraints(), r.objects(), r.dependencies(),
		r.largeObjects(), r.largeObjectOwners(), r.temporary(), r.labels(), r.privilegeCount(), r.roleUses(),
		r.senders(), r.logs(), r.fingerprint(),
	}
	if major >= 14 {
		all = append(all, r.subscriptions(), r.walRate())
	}
	if major >= 15 {
		all = append(all, r.actualCollation(), r.replicaRole())
		all = append(all, r.subscribing()...)
	}
	return all
}

// readAll asks all questions in one round trip.
func (r *reader) readAll(ctx context.Context, tx pgx.Tx) error {
	batch := &pgx.Batch{}
	batch.Queue(setLockTimeout)
	return r.ask(ctx, tx, batch)
}

// ask asks them behind what the batch has already.
func (r *reader) ask(ctx context.Context, tx pgx.Tx, batch *pgx.Batch) error {
	for _, q := range r.questions() {
		q.queue(batch)
	}
	return tx.SendBatch(ctx, batch).Close()
}

// queue puts the question into a batch.
func (q question) queue(batch *pgx.Batch) {
	batch.Queue(q.sql, q.args...).Query(func(rows pgx.Rows) error {
		if err := q.each(rows); err != nil {
			return fmt.Errorf("read %s: %w", q.about, err)
		}
		return nil
	})
}

func (q question) each(rows pgx.Rows) error {
	for rows.Next() {
		if err := q.row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// relation returns a relation of this reading, or nil for one that is left out.
func (r *reader) relation(oid uint32) *Relation {
	if i, ok := r.relations[oid]; ok {
		return &r.db.Relations[i]
	}
	return nil
}

// letter scans a "char" column that is cast to text: "" is 0.
type letter struct{ to *rune }

// ScanText implements pgtype.TextScanner.
func (l letter) ScanText(text pgtype.Text) error {
	*l.to = 0
	for _, c := range text.String {
		*l.to = c
		break
	}
	return nil
}

const (
	// Sizes are not waited for, see locked, but the server itself may wait for a
	// table to write out the definition of an index.
	setLockTimeout = `select pg_catalog.set_config('lock_timeout', '30s', true)`

	// ownSchemas are those that are neither the system's nor ours.
	ownSchemas = `
		select oid, nspname from pg_catalog.pg_namespace
		where nspname !~ '^pg_' and nspname not in ('information_schema', 'bascule')
			and nspname !~ '` + LogPattern + `'`

	// members are the objects that extensions own.
	members = `
		select d.classid, d.objid, e.extname
		from pg_catalog.pg_depend d
		join pg_catalog.pg_extension e on e.oid = d.refobjid
		where d.deptype = 'e' and d.refclassid = 'pg_catalog.pg_extension'::regclass`

	// locked are relations that another session rewrites or alters, or waits to.
	// Asking for the size of one would wait for that session.
	locked = `
		select distinct relation
		from pg_catalog.pg_locks
		where locktype = 'relation' and mode = 'AccessExclusiveLock' and pid <> pg_catalog.pg_backend_pid()
			and database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())`
)
