package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog"
)

// Main is the name of the stream that a mirror lives by. A table that is copied
// into a running mirror catches up over another, beside it.
const Main = ""

// Position is how far a stream is applied.
type Position struct {
	// Epoch tells its holder from every one before: a batch is applied only under the
	// epoch that its process took.
	Epoch int64

	// LSN: all transactions that it covers are on the target, and no other.
	LSN catalog.LSN

	// Committed is when, by the source's clock, the last applied transaction was.
	Committed time.Time

	// Counts since the mirror began: transactions, changes of rows, and changes that
	// found no row.
	Transactions, Changes, Missing int64
}

// StartPosition records where a stream begins. A position that is there is replaced,
// and its epoch goes up.
func StartPosition(ctx context.Context, conn *pgx.Conn, mirror, name string, lsn catalog.LSN) error {
	_, err := conn.Exec(ctx, startPosition, mirror, name, lsn.String())
	return wrap("start position", err)
}

// TakeBack records that the servers' own engine has stopped at lsn: from there on the
// mirror is streamed again. Its counts stay, and so does a position that is further.
func TakeBack(ctx context.Context, conn *pgx.Conn, mirror string, lsn catalog.LSN) error {
	return wrap("take back", pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, movePosition, mirror, Main, lsn.String()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, setHanded, mirror, false)
		return err
	}))
}

// TakePosition makes the caller the position's only writer and returns it; nil when
// there is none. Who held it before can commit nothing more: the statement waits
// for a batch that is about to, and every later one fails.
func TakePosition(ctx context.Context, conn *pgx.Conn, mirror, name string) (*Position, error) {
	var p Position
	var committed *time.Time
	err := conn.QueryRow(ctx, takePosition, mirror, name).Scan(&p.Epoch, &p.LSN, &committed, &p.Transactions, &p.Changes, &p.Missing)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if committed != nil {
		p.Committed = *committed
	}
	return &p, wrap("take position", err)
}

// Epoch returns the position's epoch, 0 when there is none. While it is the caller's
// own, nobody took the position since.
func Epoch(ctx context.Context, conn *pgx.Conn, mirror, name string) (int64, error) {
	var epoch int64
	err := conn.QueryRow(ctx, readEpoch, mirror, name).Scan(&epoch)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return epoch, wrap("read epoch", err)
}

// DropPosition forgets a stream beside the main one.
func DropPosition(ctx context.Context, conn *pgx.Conn, mirror, name string) error {
	_, err := conn.Exec(ctx, dropPosition, mirror, name)
	return wrap("drop position", err)
}

// AdvanceSQL is the statement by which a batch claims the position and moves it, in
// the batch's own transaction. Parameters: mirror, name, epoch, the LSN before, the
// LSN after (both as text), the commit time of the last transaction as text (null:
// unchanged), and what to add to the counts: transactions, changes, missing. When
// the epoch or the LSN before is not the row's, it fails with ClaimLost
// (division_by_zero), and so does all that was sent behind it.
const AdvanceSQL = `
	with moved as (
		update bascule.position
		set lsn = $5::text::pg_lsn, committed = coalesce($6::text::timestamptz, committed), transactions = transactions + $7::bigint,
			changes = changes + $8::bigint, missing = missing + $9::bigint, updated = pg_catalog.now()
		where mirror = $1::text and name = $2::text and epoch = $3::bigint and lsn = $4::text::pg_lsn
		returning 1)
	select 1 / (select pg_catalog.count(*) from moved)`

// ClaimLost is the SQLSTATE of a batch whose position is another's.
const ClaimLost = "22012"

const startPosition = `
	insert into bascule.position as p (mirror, name, epoch, lsn)
	values ($1, $2, 1, $3::text::pg_lsn)
	on conflict (mirror, name) do update set epoch = p.epoch + 1, lsn = excluded.lsn, committed = null,
		transactions = 0, changes = 0, missing = 0, updated = pg_catalog.now()`

const movePosition = `
	update bascule.position
	set epoch = epoch + 1, lsn = greatest(lsn, $3::text::pg_lsn), updated = pg_catalog.now()
	where mirror = $1 and name = $2`

const takePosition = `
	update bascule.position
	set epoch = epoch + 1
	where mirror = $1 and name = $2
	returning epoch, lsn::text, committed, transactions, changes, missing`

const readEpoch = `select epoch from bascule.position where mirror = $1 and name = $2`

const dropPosition = `delete from bascule.position where mirror = $1 and name = $2`
