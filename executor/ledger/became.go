package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
)

// Became returns the statements that record what members have become by a command, for
// the transaction that ran it: the records of their tables follow, and a new generation
// begins.
func Became(mirror string, members []Member) ([]string, error) {
	if len(members) == 0 {
		return nil, nil
	}
	type member struct {
		Source       uint32   `json:"source"`
		Schema       string   `json:"schema"`
		Name         string   `json:"name"`
		TargetSchema string   `json:"target_schema"`
		TargetName   string   `json:"target_name"`
		Follow       string   `json:"follow"`
		Key          []string `json:"key"`
		Dropped      []string `json:"dropped"`
		State        string   `json:"state"`
		Point        *string  `json:"point"`
		Columns      []Column `json:"columns"`
	}
	list := make([]member, len(members))
	for i, m := range members {
		point, _, err := m.optional()
		if err != nil {
			return nil, err
		}
		list[i] = member{Source: m.Source, Schema: m.Schema, Name: m.Name, TargetSchema: m.TargetSchema, TargetName: m.TargetName,
			Follow: m.Follow, Key: notNil(m.Key), Dropped: notNil(m.Dropped), State: m.State, Point: point, Columns: m.Columns}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	id, rows := pgname.Literal(mirror), fmt.Sprintf(membersAre, pgname.Literal(string(text)))
	return []string{
		fmt.Sprintf(parkRelations, id, rows),
		fmt.Sprintf(unparkRelations, id, rows),
		fmt.Sprintf(forgetParked, id),
		fmt.Sprintf(becomeMembers, id, rows),
		fmt.Sprintf(becomeGeneration, id),
	}, nil
}

// AppliedCommands are the commands of ddl blocks that the target has had.
func AppliedCommands(ctx context.Context, conn *pgx.Conn, mirror string) ([]string, error) {
	rows, err := conn.Query(ctx, appliedCommands, mirror)
	if err != nil {
		return nil, wrap("read applied commands", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return list, wrap("read applied commands", err)
}

// Alone returns how far a statement is that runs by itself at a place of the stream, as
// SetAlone recorded it; "" where none was begun.
func Alone(ctx context.Context, conn *pgx.Conn, mirror string) (done string, err error) {
	err = conn.QueryRow(ctx, readAlone, mirror).Scan(&done)
	return done, wrap("read statement", err)
}

// SetAlone records how far a statement is that runs by itself. As a batch does, it claims
// the mirror's main position under the epoch that the caller took: when that is another's
// by now, nothing is recorded, and the error is the server's ClaimLost.
func SetAlone(ctx context.Context, conn *pgx.Conn, mirror string, epoch int64, done string) error {
	_, err := conn.Exec(ctx, setAlone, mirror, Main, epoch, done)
	return wrap("set statement", err)
}

// ForgetAlone returns the statement that forgets what SetAlone recorded, for the
// transaction that moves the position past it.
func ForgetAlone(mirror string) string {
	return "update bascule.stream set alone = '' where mirror = " + pgname.Literal(mirror)
}

// membersAre is a table of members.
const membersAre = `pg_catalog.jsonb_to_recordset(%s::pg_catalog.jsonb) x(source oid, schema text, name text, target_schema text, target_name text,
		follow text, key pg_catalog.jsonb, dropped pg_catalog.jsonb, state text, point text, columns pg_catalog.jsonb)`

// Names may have changed places, so all records leave theirs before they take another.
// No schema is named by the empty string.
const parkRelations = `
	update bascule.relation r
	set schema = '', name = m.source::text
	from bascule.member m, %[2]s
	where m.mirror = %[1]s and m.source = x.source
		and r.mirror = %[1]s and r.schema = m.target_schema and r.name = m.target_name`

const unparkRelations = `
	insert into bascule.relation (mirror, schema, name, bytes, estimate, chunks, rows)
	select %[1]s, x.target_schema, x.target_name, coalesce(p.bytes, 0), coalesce(p.estimate, 0), coalesce(p.chunks, 0), coalesce(p.rows, 0)
	from %[2]s
	left join bascule.relation p on p.mirror = %[1]s and p.schema = '' and p.name = x.source::text
	where x.state <> 'removed' or pg_catalog.to_regclass(pg_catalog.format('%%I.%%I', x.target_schema, x.target_name)) is not null
	on conflict do nothing`

const forgetParked = `delete from bascule.relation where mirror = %s and schema = ''`

const becomeMembers = `
	insert into bascule.member as m (mirror, source, schema, name, target_schema, target_name, follow, key, dropped, state, point, columns)
	select %[1]s, x.source, x.schema, x.name, x.target_schema, x.target_name, x.follow,
		array(select pg_catalog.jsonb_array_elements_text(x.key)), array(select pg_catalog.jsonb_array_elements_text(x.dropped)),
		x.state, x.point::pg_lsn, case pg_catalog.jsonb_typeof(x.columns) when 'array' then x.columns end
	from %[2]s
	on conflict (mirror, source) do update set schema = excluded.schema, name = excluded.name,
		target_schema = excluded.target_schema, target_name = excluded.target_name, follow = excluded.follow,
		key = excluded.key, dropped = excluded.dropped, state = excluded.state, point = excluded.point,
		columns = coalesce(excluded.columns, m.columns)`

const becomeGeneration = `update bascule.stream set generation = generation + 1 where mirror = %s`

const appliedCommands = `select command from bascule.ddl where mirror = $1 and applied is not null order by id`

const readAlone = `select coalesce(pg_catalog.max(alone), '') from bascule.stream where mirror = $1`

// Who takes the position waits for the lock, and who has it when it was taken finds
// another epoch.
const setAlone = `
	with mine as (
		select p.mirror from bascule.position p where p.mirror = $1 and p.name = $2 and p.epoch = $3 for share),
	noted as (
		update bascule.stream s set alone = $4 from mine where s.mirror = mine.mirror
		returning 1)
	select 1 / (select pg_catalog.count(*) from noted)`
