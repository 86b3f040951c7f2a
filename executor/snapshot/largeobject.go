package snapshot

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/planner/session"
)

// LargeObject is one large object and what is said of it.
type LargeObject struct {
	OID     uint32
	Owner   string
	Comment string

	// Grants are privileges, as grantee, privilege and whether it may be granted on.
	Grants []string
}

// ListLargeObjects reads which large objects the snapshot has.
func ListLargeObjects(ctx context.Context, conn *pgx.Conn) ([]LargeObject, error) {
	rows, err := conn.Query(ctx, listLargeObjects)
	if err != nil {
		return nil, fmt.Errorf("list large objects: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (o LargeObject, err error) {
		err = row.Scan(&o.OID, &o.Owner, &o.Comment, &o.Grants)
		return o, err
	})
	if err != nil {
		return nil, fmt.Errorf("list large objects: %w", err)
	}
	return list, nil
}

// LargeObjectOptions say what of large objects is carried besides their bytes.
type LargeObjectOptions struct {
	Mirror                       string
	Owners, Privileges, Comments bool
}

// pieceSize is how much of a large object is in memory at once.
const pieceSize = 4 << 20

// CopyLargeObjects copies large objects, with their oids, in one transaction that
// also records them.
func CopyLargeObjects(ctx context.Context, w *Worker, list []LargeObject, opts LargeObjectOptions) error {
	src, err := w.Source(ctx)
	if err != nil {
		return err
	}
	dst, err := w.Target(ctx)
	if err != nil {
		return err
	}
	if err := session.Exec(ctx, dst, "begin"); err != nil {
		return err
	}
	for _, o := range list {
		if err := copyLargeObject(ctx, src, dst, o.OID); err != nil {
			// The transaction goes with the connection: nothing of it stays.
			dst.Close(context.WithoutCancel(ctx))
			return fmt.Errorf("large object %d: %w", o.OID, err)
		}
	}
	var sqls []string
	var records []ledger.Object
	for _, o := range list {
		sqls = append(sqls, o.remarks(opts)...)
		records = append(records, ledger.Object{Key: fmt.Sprintf("LARGE OBJECT %d", o.OID), Section: "post",
			Drop: fmt.Sprintf("select pg_catalog.lo_unlink(%d)", o.OID)})
	}
	sqls = append(sqls, ledger.RecordObjects(opts.Mirror, records...), "commit")
	return session.Exec(ctx, dst, strings.Join(sqls, "; "))
}

func copyLargeObject(ctx context.Context, src, dst *pgconn.PgConn, oid uint32) error {
	number := []byte(strconv.FormatUint(uint64(oid), 10))
	for at := 0; ; at += pieceSize {
		offset := []byte(strconv.Itoa(at))
		read := src.ExecParams(ctx, readPiece, [][]byte{number, offset, []byte(strconv.Itoa(pieceSize))}, nil, nil, []int16{1}).Read()
		if read.Err != nil {
			return read.Err
		}
		piece := read.Rows[0][0]
		sql, params, formats := createObject, [][]byte{number, piece}, []int16{0, 1}
		if at > 0 {
			if len(piece) == 0 {
				return nil
			}
			sql, params, formats = writePiece, [][]byte{number, offset, piece}, []int16{0, 0, 1}
		}
		if err := dst.ExecParams(ctx, sql, params, nil, formats, nil).Read().Err; err != nil {
			return err
		}
		if len(piece) < pieceSize {
			return nil
		}
	}
}

// remarks are the statements that set owner, comment and privileges.
func (o *LargeObject) remarks(opts LargeObjectOptions) []string {
	on := fmt.Sprintf("large object %d", o.OID)
	var sqls []string
	if opts.Owners {
		sqls = append(sqls, "alter "+on+" owner to "+pgname.Quote(o.Owner))
	}
	if opts.Comments && o.Comment != "" {
		sqls = append(sqls, "comment on "+on+" is "+pgname.Literal(o.Comment))
	}
	if !opts.Privileges || len(o.Grants) == 0 {
		return sqls
	}
	sqls = append(sqls, "revoke all on "+on+" from public, current_user")
	for i := 0; i+2 < len(o.Grants); i += 3 {
		grantee := o.Grants[i]
		if grantee != "public" {
			grantee = pgname.Quote(grantee)
		}
		sql := "grant " + o.Grants[i+1] + " on " + on + " to " + grantee
		if o.Grants[i+2] == "true" {
			sql += " with grant option"
		}
		sqls = append(sqls, sql)
	}
	return sqls
}

const listLargeObjects = `
	select m.oid, pg_catalog.pg_get_userbyid(m.lomowner), coalesce(pg_catalog.obj_description(m.oid, 'pg_largeobject'), ''),
		array(select x from pg_catalog.aclexplode(m.lomacl) a,
			lateral pg_catalog.unnest(array[
				case when a.grantee = 0 then 'public' else pg_catalog.pg_get_userbyid(a.grantee)::text end,
				a.privilege_type, a.is_grantable::text]) with ordinality u (x, n)
			where m.lomacl is not null
			order by a.grantee, a.privilege_type, n)::text[]
	from pg_catalog.pg_largeobject_metadata m
	order by m.oid`

const readPiece = `select pg_catalog.lo_get($1::oid, $2::bigint, $3::integer)`

const createObject = `select pg_catalog.lo_from_bytea($1::oid, $2::bytea)`

const writePiece = `select pg_catalog.lo_put($1::oid, $2::bigint, $3::bytea)`
