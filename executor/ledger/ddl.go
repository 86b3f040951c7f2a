package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// DDL is a command that is run on a mirror's target when the stream comes to the
// message that carries its ID and Nonce.
type DDL struct {
	// ID is derived from address and checksum. Nonce is random: a message that does not
	// have it is somebody else's.
	ID, Nonce string

	Address, Checksum, Command string

	LockTimeout time.Duration

	// XID is the source's transaction that runs the command, as pg_current_xact_id says
	// it; "" before it was begun. Whether it was committed is the source's to say.
	XID string

	// Members are what the mirror's members have become by it; those that are not named
	// stay as they are.
	Members []Member

	// LSN is the position behind the source's commit, Applied when the target had it; 0
	// and zero until then.
	LSN     catalog.LSN
	Applied time.Time
}

// MessagePrefix is that of the logical message by which a source says that a command
// was run there, in the transaction that the message is part of.
const MessagePrefix = "bascule"

// Message is the content of that message. It carries no text to run: what it names is
// looked up here, and any role can send one.
func (d *DDL) Message() string { return d.ID + " " + d.Nonce }

// ParseMessage takes a message apart. False: it is none that Message makes.
func ParseMessage(content []byte) (id, nonce string, ok bool) {
	if len(content) != idSize+1+nonceSize || content[idSize] != ' ' {
		return "", "", false
	}
	id, nonce = string(content[:idSize]), string(content[idSize+1:])
	return id, nonce, hexadecimal(id) && hexadecimal(nonce)
}

func hexadecimal(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }

// Digits of an id and of a nonce.
const idSize, nonceSize = 16, 32

// PutDDL records a command, unless it is recorded, and returns what is.
func PutDDL(ctx context.Context, conn *pgx.Conn, mirror string, d DDL) (*DDL, error) {
	_, err := conn.Exec(ctx, putDDL, mirror, d.ID, d.Nonce, d.Address, d.Checksum, d.Command, d.LockTimeout.Milliseconds())
	if err != nil {
		return nil, wrap("put ddl", err)
	}
	return FindDDL(ctx, conn, mirror, d.ID)
}

// StartDDL records which transaction of the source runs the command, and what it makes
// of the mirror's members. It comes before that transaction commits.
func StartDDL(ctx context.Context, conn *pgx.Conn, mirror, id, xid string, members []Member) error {
	text, err := json.Marshal(members)
	if err != nil {
		return err
	}
	tag, err := conn.Exec(ctx, startDDL, mirror, id, xid, string(text))
	return wrap("start ddl", recorded(id, tag, err))
}

// FindDDL returns what is recorded under an id, or nil.
func FindDDL(ctx context.Context, conn *pgx.Conn, mirror, id string) (*DDL, error) {
	rows, err := conn.Query(ctx, findDDL, mirror, id)
	if err != nil {
		return nil, wrap("find ddl", err)
	}
	list, err := pgx.CollectRows(rows, scanDDL)
	if err != nil || len(list) == 0 {
		return nil, wrap("find ddl", err)
	}
	return &list[0], nil
}

// BegunDDL returns the commands that a transaction of the source was begun for, and that
// the target does not have, in the order in which they were recorded.
func BegunDDL(ctx context.Context, conn *pgx.Conn, mirror string) ([]DDL, error) {
	rows, err := conn.Query(ctx, begunDDL, mirror)
	if err != nil {
		return nil, wrap("read ddl", err)
	}
	list, err := pgx.CollectRows(rows, scanDDL)
	return list, wrap("read ddl", err)
}

// ApplyDDL records, in the transaction that ran the command on the target, that it did,
// and what it made of the members. lsn is the position behind the source's commit. A
// command that is applied already is an error: it is not to be run again.
func ApplyDDL(ctx context.Context, tx pgx.Tx, mirror string, d *DDL, lsn catalog.LSN) error {
	if err := followRelations(ctx, tx, mirror, d.Members); err != nil {
		return wrap("apply ddl", err)
	}
	if err := putMembers(ctx, tx, mirror, d.Members); err != nil {
		return wrap("apply ddl", err)
	}
	tag, err := tx.Exec(ctx, applyDDL, mirror, d.ID, lsn.String())
	return wrap("apply ddl", recorded(d.ID, tag, err))
}

// AppliedSQL returns the statement that records, in the transaction that ran a command on
// the target, that it did; what has become of members is recorded by Became. It fails where
// the command is applied already.
func AppliedSQL(mirror, id string, lsn catalog.LSN) string {
	return fmt.Sprintf(appliedSQL, pgname.Literal(mirror), pgname.Literal(id), pgname.Literal(lsn.String()))
}

// recorded turns an update that found no row into an error.
func recorded(id string, tag pgconn.CommandTag, err error) error {
	if err == nil && tag.RowsAffected() == 0 {
		return fmt.Errorf("command %s is not recorded, or is applied already", id)
	}
	return err
}

// ForgetDDL deletes the record of a command.
func ForgetDDL(ctx context.Context, conn *pgx.Conn, mirror, id string) error {
	_, err := conn.Exec(ctx, forgetDDL, mirror, id)
	return wrap("forget ddl", err)
}

func scanDDL(row pgx.CollectableRow) (DDL, error) {
	var d DDL
	var millis int64
	var members string
	var lsn *catalog.LSN
	var applied *time.Time
	if err := row.Scan(&d.ID, &d.Nonce, &d.Address, &d.Checksum, &d.Command, &millis, &d.XID, &members, &lsn, &applied); err != nil {
		return d, err
	}
	d.LockTimeout = time.Duration(millis) * time.Millisecond
	if lsn != nil {
		d.LSN = *lsn
	}
	if applied != nil {
		d.Applied = *applied
	}
	return d, json.Unmarshal([]byte(members), &d.Members)
}

const putDDL = `
	insert into bascule.ddl (mirror, id, nonce, address, checksum, command, lock_timeout)
	values ($1, $2, $3, $4, $5, $6, $7)
	on conflict (mirror, id) do update set lock_timeout = excluded.lock_timeout`

const startDDL = `
	update bascule.ddl set xid = $3, members = $4::text::jsonb
	where mirror = $1 and id = $2`

// selectDDL is what scanDDL reads.
const selectDDL = `
	select id, nonce, address, checksum, command, lock_timeout, xid, members::text, lsn::text, applied
	from bascule.ddl where mirror = $1`

const findDDL = selectDDL + ` and id = $2`

const begunDDL = selectDDL + ` and xid <> '' and applied is null
	order by seq`

const applyDDL = `
	update bascule.ddl set lsn = $3::text::pg_lsn, applied = pg_catalog.now()
	where mirror = $1 and id = $2 and applied is null`

const appliedSQL = `
	with w as (
		update bascule.ddl set lsn = %[3]s::pg_lsn, applied = pg_catalog.now()
		where mirror = %[1]s and id = %[2]s and applied is null
		returning 1)
	select 1 / pg_catalog.count(*) from w`

const forgetDDL = `delete from bascule.ddl where mirror = $1 and id = $2`
