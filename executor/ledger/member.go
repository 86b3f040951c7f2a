package ledger

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"bascule/planner"
	"bascule/planner/catalog"
)

// States of a member.
const (
	Copying  = "copying"   // its changes are not the main stream's: they are in the copy, or in a stream beside it
	Waiting  = "waiting"   // the main stream made it, empty, and copies its rows as soon as it can
	Followed = "streaming" // changes of transactions that Point does not cover are applied
	Removed  = "removed"   // what still arrives of it is passed over
)

// Member is a table that the mirror follows.
type Member struct {
	Source       uint32 // oid on the source
	Schema, Name string // on the source
	TargetSchema string
	TargetName   string

	// Follow is planner.FollowAll or FollowInserts. Key are the columns by which its
	// rows are found; with none, all are compared. Dropped are not carried.
	Follow  string
	Key     []string
	Dropped []string

	State string

	// Point is the table's own consistency point; 0 until it is copied. Parts are set
	// where ranges of its key have points of their own, of which Point is the last.
	Point catalog.LSN
	Parts []Part `json:"-"`

	// Columns are those that the source published when it was last looked at, nil before
	// that: by them a column that the source dropped is told from one that only the
	// target ever had. PutMembers keeps what is recorded where they are nil.
	Columns []Column `json:",omitempty"`
}

// MemberOf is what a table of the plan becomes a member as: it is yet to be copied.
func MemberOf(t *planner.Table) Member {
	schema, name := t.FinalName()
	return Member{Source: t.OID, Schema: t.Schema, Name: t.Name, TargetSchema: schema, TargetName: name,
		Follow: t.Follow, Key: t.Key, Dropped: t.Dropped, State: Copying}
}

// PointOf returns the point of the row with this key, of a table with Parts.
func (m *Member) PointOf(key int64) catalog.LSN {
	for _, p := range m.Parts {
		if p.Holds(key) {
			return p.Point
		}
	}
	return m.Point
}

// PutMembers records members, replacing those with the same source oid, and begins
// a new generation.
func PutMembers(ctx context.Context, conn *pgx.Conn, mirror string, members ...Member) error {
	return wrap("put members", pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		return putMembers(ctx, tx, mirror, members)
	}))
}

func putMembers(ctx context.Context, tx pgx.Tx, mirror string, members []Member) error {
	batch := &pgx.Batch{}
	for _, m := range members {
		point, columns, err := m.optional()
		if err != nil {
			return err
		}
		batch.Queue(putMember, mirror, m.Source, m.Schema, m.Name, m.TargetSchema, m.TargetName, m.Follow,
			notNil(m.Key), notNil(m.Dropped), m.State, point, columns)
	}
	batch.Queue(nextGeneration, mirror)
	return tx.SendBatch(ctx, batch).Close()
}

// optional are the fields that may be null in the table, as text.
func (m *Member) optional() (point, columns *string, err error) {
	if m.Point != 0 {
		text := m.Point.String()
		point = &text
	}
	if m.Columns == nil {
		return point, nil, nil
	}
	list, err := json.Marshal(m.Columns)
	text := string(list)
	return point, &text, err
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// DropMembers forgets members by source oid, and begins a new generation.
func DropMembers(ctx context.Context, conn *pgx.Conn, mirror string, sources ...uint32) error {
	_, err := conn.Exec(ctx, dropMembers, mirror, sources)
	return wrap("drop members", err)
}

// Members returns the mirror's, by name.
func Members(ctx context.Context, conn *pgx.Conn, mirror string) ([]Member, error) {
	rows, err := conn.Query(ctx, readMembers, mirror)
	if err != nil {
		return nil, wrap("read members", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m Member, err error) {
		err = row.Scan(&m.Source, &m.Schema, &m.Name, &m.TargetSchema, &m.TargetName, &m.Follow, &m.Key, &m.Dropped, &m.State, &m.Point, &m.Columns)
		return m, err
	})
	if err != nil {
		return nil, wrap("read members", err)
	}
	parts, err := Parts(ctx, conn, mirror)
	for i := range list {
		list[i].Parts = parts[list[i].Source]
	}
	return list, err
}

// Column is one of a member's, as the source published it.
type Column struct {
	Name     string `json:"name"`
	Number   int    `json:"number,omitempty"` // attnum on the source; 0: not known
	Type     uint32 `json:"type"`             // oid on the source
	Modifier int32  `json:"modifier"`

	// Target is the type of the target's column at that time, as format_type says it; ""
	// where there was none. Same: it was the source's.
	Target string `json:"target,omitempty"`
	Same   bool   `json:"same,omitempty"`
}

// SetColumns records what the source publishes of members, by oid on the source. The
// generation stays.
func SetColumns(ctx context.Context, conn *pgx.Conn, mirror string, columns map[uint32][]Column) error {
	sources, texts := make([]uint32, 0, len(columns)), make([]string, 0, len(columns))
	for source, list := range columns {
		text, err := json.Marshal(list)
		if err != nil {
			return err
		}
		sources, texts = append(sources, source), append(texts, string(text))
	}
	_, err := conn.Exec(ctx, setColumns, mirror, sources, texts)
	return wrap("set columns", err)
}

const putMember = `
	insert into bascule.member as m (mirror, source, schema, name, target_schema, target_name, follow, key, dropped, state, point, columns)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::text::pg_lsn, $12::text::jsonb)
	on conflict (mirror, source) do update set schema = excluded.schema, name = excluded.name,
		target_schema = excluded.target_schema, target_name = excluded.target_name, follow = excluded.follow,
		key = excluded.key, dropped = excluded.dropped, state = excluded.state, point = excluded.point,
		columns = coalesce(excluded.columns, m.columns)`

const dropMembers = `
	with gone as (delete from bascule.member where mirror = $1 and source = any ($2::oid[]))
	update bascule.stream set generation = generation + 1 where mirror = $1`

const readMembers = `
	select source, schema, name, target_schema, target_name, follow, key, dropped, state, point::text, columns
	from bascule.member
	where mirror = $1
	order by schema, name`

const setColumns = `
	update bascule.member m
	set columns = v.columns::jsonb
	from unnest($2::oid[], $3::text[]) v(source, columns)
	where m.mirror = $1 and m.source = v.source`
