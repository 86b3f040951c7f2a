package ledger

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"bascule/planner"
)

// Stream is what is recorded of how a mirror follows its source.
type Stream struct {
	// Generation goes up with each change of the settings or of the members.
	Generation int64

	// Phase is that of bascule.mirror. Complete: nothing is left to copy or to build.
	Phase    string
	Complete bool

	Settings planner.Stream

	// Timeline of the source on which the position is.
	Timeline int32

	// Halt is set while the mirror stands still for an error.
	Halt *Halt

	// Handed: the servers' own engine goes on from the position, or may; see SetHanded.
	Handed bool
}

// Halt is why a mirror stands still, and what its operator can do.
type Halt struct {
	// Code is the SQLSTATE, or a word of ours: missing_row, shape, undeclared, ddl, slot_lost,
	// target_restored, slot_changed, engine_lost.
	Code string `json:"code"`

	// LSN of the commit of the transaction that could not be applied, Table and Key of
	// its row, where there is one.
	LSN   string `json:"lsn,omitempty"`
	Table string `json:"table,omitempty"`
	Key   string `json:"key,omitempty"`

	Text   string `json:"text"`
	Remedy string `json:"remedy"`

	// Terminal: trying again cannot help; tables have to be copied again.
	Terminal bool `json:"terminal,omitempty"`
}

// SetStream records the settings of a mirror's stream; what it means is taken up by
// whoever holds the mirror, at the next generation. A halt is cleared.
func SetStream(ctx context.Context, conn *pgx.Conn, mirror string, s planner.Stream, timeline int32) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, setStream, mirror, string(text), timeline)
	return wrap("set stream", err)
}

// ReadStream returns what is recorded, or nil.
func ReadStream(ctx context.Context, conn *pgx.Conn, mirror string) (*Stream, error) {
	var s Stream
	var settings string
	var halt *string
	err := conn.QueryRow(ctx, readStream, mirror).Scan(&s.Generation, &s.Phase, &s.Complete, &settings, &s.Timeline, &halt, &s.Handed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(settings), &s.Settings)
	}
	if err == nil && halt != nil {
		s.Halt = new(Halt)
		err = json.Unmarshal([]byte(*halt), s.Halt)
	}
	return &s, wrap("read stream", err)
}

// SetTimeline records the source's timeline after a promotion.
func SetTimeline(ctx context.Context, conn *pgx.Conn, mirror string, timeline int32) error {
	_, err := conn.Exec(ctx, setTimeline, mirror, timeline)
	return wrap("set timeline", err)
}

// SetHalt records why the mirror stands still, nil that it goes on.
func SetHalt(ctx context.Context, conn *pgx.Conn, mirror string, h *Halt) error {
	var text *string
	if h != nil {
		b, err := json.Marshal(h)
		if err != nil {
			return err
		}
		s := string(b)
		text = &s
	}
	_, err := conn.Exec(ctx, setHalt, mirror, text)
	return wrap("set halt", err)
}

// SetHanded records whether the servers' own engine moves the mirror's rows. It is
// recorded before they begin, and taken back when they have ended and their position is
// recorded as the mirror's.
func SetHanded(ctx context.Context, conn *pgx.Conn, mirror string, handed bool) error {
	_, err := conn.Exec(ctx, setHanded, mirror, handed)
	return wrap("set handed", err)
}

// Streaming records that all rows and keys are there: from now on the mirror
// streams, while what is left to build is built beside it.
func Streaming(ctx context.Context, conn *pgx.Conn, mirror string) error {
	_, err := conn.Exec(ctx, startStreaming, mirror)
	return wrap("streaming", err)
}

// FinishStreaming records that nothing is left to build, and under which digest. The
// records of objects stay: a table that is added later finds what it needs in them.
func FinishStreaming(ctx context.Context, conn *pgx.Conn, mirror, digest string) error {
	return wrap("finish", pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, dropChunks, mirror); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, finishStreaming, mirror, digest)
		return err
	}))
}

// Continue records that work on a mirror that streams begins, and returns the number
// of the attempt. Its phase stays.
func Continue(ctx context.Context, conn *pgx.Conn, mirror string) (int, error) {
	var attempt int
	err := conn.QueryRow(ctx, continueMirror, mirror).Scan(&attempt)
	return attempt, wrap("continue", err)
}

// PutRelations records tables that are about to be copied, in place of what was
// recorded of them and of their parts. Objects is how many are built after the rows.
func PutRelations(ctx context.Context, conn *pgx.Conn, mirror string, objects int, rels []Relation) error {
	schemas, names, bytes, estimates, chunks := columnsOf(rels)
	return wrap("put tables", pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, forgetRelations, mirror, schemas, names); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, addRelations, mirror, schemas, names, bytes, estimates, chunks); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, copyMore, mirror, objects)
		return err
	}))
}

const setStream = `
	insert into bascule.stream as s (mirror, settings, timeline)
	values ($1, $2::text::jsonb, $3)
	on conflict (mirror) do update set settings = excluded.settings, timeline = excluded.timeline, halt = null,
		generation = s.generation + 1`

const readStream = `
	select s.generation, m.phase, m.finished is not null, s.settings::text, s.timeline, s.halt::text, s.handed
	from bascule.stream s
	join bascule.mirror m on m.id = s.mirror
	where s.mirror = $1`

const setTimeline = `update bascule.stream set timeline = $2 where mirror = $1`

const setHalt = `update bascule.stream set halt = $2::text::jsonb where mirror = $1`

const setHanded = `update bascule.stream set handed = $2, generation = generation + 1 where mirror = $1`

const nextGeneration = `update bascule.stream set generation = generation + 1 where mirror = $1`

const startStreaming = `
	update bascule.mirror
	set phase = 'streaming', error = '', updated = pg_catalog.now()
	where id = $1`

const finishStreaming = `
	update bascule.mirror
	set phase = 'streaming', digest = $2, error = '', finished = pg_catalog.now(), updated = pg_catalog.now()
	where id = $1`

const continueMirror = `
	update bascule.mirror
	set attempt = attempt + 1, error = '', updated = pg_catalog.now()
	where id = $1
	returning attempt`

const forgetRelations = `
	with old as (select * from unnest($2::text[], $3::text[]) o(schema, name)),
	parts as (
		delete from bascule.chunk c using old o where c.mirror = $1 and c.schema = o.schema and c.name = o.name)
	delete from bascule.relation r using old o where r.mirror = $1 and r.schema = o.schema and r.name = o.name`

const copyMore = `
	update bascule.mirror
	set phase = case phase when 'schema' then 'copying' else phase end, objects_total = $2, finished = null, updated = pg_catalog.now()
	where id = $1`
