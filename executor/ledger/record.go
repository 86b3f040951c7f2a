package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
)

// Object is one thing that was made on the target from an archive entry.
type Object struct {
	// Key tells it from every other object of the mirror, in every archive.
	Key string

	// Section is "pre" for what exists before the rows, "post" for the rest.
	Section string

	// Checksum of the definition.
	Checksum string

	// Drop undoes it; "" where it goes with another object.
	Drop string
}

// RecordObjects returns the statement that records objects, for the transaction
// that makes them.
func RecordObjects(mirror string, objects ...Object) string {
	var b strings.Builder
	b.WriteString("insert into bascule.object (mirror, key, section, checksum, drop_sql) values ")
	for i, o := range objects {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%s, %s, %s, %s, %s)", pgname.Literal(mirror), pgname.Literal(o.Key),
			pgname.Literal(o.Section), pgname.Literal(o.Checksum), pgname.Literal(o.Drop))
	}
	return b.String()
}

// Objects returns what was recorded, oldest first.
func Objects(ctx context.Context, conn *pgx.Conn, mirror string) ([]Object, error) {
	rows, err := conn.Query(ctx, readObjects, mirror)
	if err != nil {
		return nil, fmt.Errorf("ledger: read objects: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (o Object, err error) {
		err = row.Scan(&o.Key, &o.Section, &o.Checksum, &o.Drop)
		return o, err
	})
}

// ForgetObject returns the statement that deletes an object's record, for the
// transaction that drops it.
func ForgetObject(mirror, key string) string {
	return fmt.Sprintf("delete from bascule.object where mirror = %s and key = %s", pgname.Literal(mirror), pgname.Literal(key))
}

// Relation is one table that the mirror fills.
type Relation struct {
	Schema, Name string // on the target, while it is filled
	Bytes        int64  // on the source's disk
	Estimate     float64
	Chunks       int
}

// SetRelations records the tables of an attempt, replacing those of the one before.
func SetRelations(ctx context.Context, conn *pgx.Conn, mirror string, objects int, rels []Relation) error {
	schemas, names, bytes, estimates, chunks := columnsOf(rels)
	return wrap("set tables", pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, sql := range []string{dropChunks, dropRelations} {
			if _, err := tx.Exec(ctx, sql, mirror); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, addRelations, mirror, schemas, names, bytes, estimates, chunks); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, startCopying, mirror, objects)
		return err
	}))
}

// columnsOf turns rows into arrays.
func columnsOf(rels []Relation) (schemas, names []string, bytes []int64, estimates []float64, chunks []int32) {
	for _, r := range rels {
		schemas, names = append(schemas, r.Schema), append(names, r.Name)
		bytes, estimates, chunks = append(bytes, r.Bytes), append(estimates, r.Estimate), append(chunks, int32(r.Chunks))
	}
	return notNil(schemas), notNil(names), bytes, estimates, chunks
}

// Filled reports whether an attempt got as far as filling tables.
func Filled(ctx context.Context, conn *pgx.Conn, mirror string) (bool, error) {
	var n int
	err := conn.QueryRow(ctx, countRelations, mirror).Scan(&n)
	return n > 0, wrap("count tables", err)
}

// Emptied records that every table of the mirror is empty again, and that no
// object of section "post" is there.
func Emptied(mirror string) string {
	m := pgname.Literal(mirror)
	return "delete from bascule.chunk where mirror = " + m + "; delete from bascule.relation where mirror = " + m
}

// Chunk is a finished part of a table.
type Chunk struct {
	Schema, Name string
	Part         int
	Rows, Bytes  int64
}

// RecordChunks returns the statement that records finished parts, for the
// transaction that wrote them.
func RecordChunks(mirror string, chunks ...Chunk) string {
	var b strings.Builder
	b.WriteString("insert into bascule.chunk (mirror, schema, name, part, rows, bytes) values ")
	for i, c := range chunks {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%s, %s, %s, %d, %d, %d)", pgname.Literal(mirror), pgname.Literal(c.Schema), pgname.Literal(c.Name), c.Part, c.Rows, c.Bytes)
	}
	return b.String()
}

// Recorded reports whether an error says that the parts are recorded already. Their
// rows are then there too, from the transaction that recorded them; those of the
// transaction that failed are not.
func Recorded(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "23505" && server.SchemaName == "bascule" && server.ConstraintName == "chunk_pkey"
}

// FailRelation records why a table's copy stopped.
func FailRelation(ctx context.Context, conn *pgx.Conn, mirror, schema, name, text string) error {
	_, err := conn.Exec(ctx, failRelation, mirror, schema, name, text)
	return wrap("record failure", err)
}

// SumRelations moves the chunks' row counts to their tables, once all are copied.
func SumRelations(ctx context.Context, conn *pgx.Conn, mirror string) error {
	_, err := conn.Exec(ctx, sumRelations, mirror)
	return wrap("sum tables", err)
}

const readObjects = `
	select key, section, checksum, drop_sql from bascule.object where mirror = $1 order by seq`

const dropRelations = `delete from bascule.relation where mirror = $1`

const addRelations = `
	insert into bascule.relation (mirror, schema, name, bytes, estimate, chunks)
	select $1, * from unnest($2::text[], $3::text[], $4::bigint[], $5::float8[], $6::integer[])`

const startCopying = `
	update bascule.mirror set phase = 'copying', objects_total = $2, updated = pg_catalog.now() where id = $1`

const countRelations = `select pg_catalog.count(*) from bascule.relation where mirror = $1`

const failRelation = `
	update bascule.relation set error = $4 where mirror = $1 and schema = $2 and name = $3`

const sumRelations = `
	update bascule.relation r
	set rows = coalesce((select pg_catalog.sum(c.rows) from bascule.chunk c
		where c.mirror = r.mirror and c.schema = r.schema and c.name = r.name), 0)
	where r.mirror = $1`
