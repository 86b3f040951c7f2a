package stream

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/stream/ddllog"
	"bascule/executor/stream/pgoutput"
	"bascule/executor/stream/walsender"
	"bascule/planner/catalog"
	"bascule/planner/sourcelog"
)

// DDL that nobody declared arrives as rows of the source's log, each where its command
// stands among the rows of its transaction. Whether the transaction is that of a ddl
// block, which the ledger has, is known at its end only, and it has to be applied with
// commands in its middle. So its entries are gathered first, and nothing of it is applied.
// If it has rows, too, the link ends at its end, and it is received once more. It is
// applied by itself, when all before it is committed: row by row, with each command where
// its entry stands, in one transaction that also moves the position and the members. Then
// the link ends, and the next one sees members and tables as they have become.
//
// What cannot be applied is known before the first row: the mirror then stands right
// before the transaction.

// DDL says how commands are followed that were run on the source and not declared. The
// zero value: they are not.
type DDL struct {
	// Log is the schema on the source that has the log of them. Halt: each of them halts
	// the stream, rather than run on the target.
	Log  string
	Halt bool

	// Owners: commands run as the role that ran them on the source, and those that change
	// an owner run at all. Privileges: those that change privileges run. Some: tables are
	// left out of the mirror, and what depends on them.
	Owners, Privileges, Some bool

	// LockTimeout is how long one try of a command waits for a lock. Default 3 s.
	LockTimeout time.Duration
}

const defaultLockTimeout = 3 * time.Second

// surprise is a transaction of the source that has entries in the log which concern the
// mirror, or rows that fit behind a block only.
type surprise struct {
	final   catalog.LSN
	entries []*ddllog.Entry
	rows    bool // it has changes of rows, or what was sent of it cannot be taken back

	last map[uint32]touched // entries that are about tables, by oid
}

// errSurprise ends a link that came to a transaction to be applied by itself.
var errSurprise = errors.New("a transaction is to be applied by itself")

// rules are what the mirror follows of the log.
func (r *receiver) rules() ddllog.Rules {
	d := r.link.s.cfg.DDL
	return ddllog.Rules{Halt: d.Halt, Owners: d.Owners, Privileges: d.Privileges, Some: d.Some,
		Known: func(oid uint32) bool {
			state, known := r.members.known[oid]
			return known && state != ledger.Removed || r.found != nil && r.found.touches(oid)
		},
		Coming: func(oid uint32) bool { return r.members.known[oid] == ledger.Copying },
	}
}

// touches reports whether one of the entries is about a table.
func (s *surprise) touches(oid uint32) bool {
	for _, e := range s.entries {
		if slices.ContainsFunc(e.Tables, func(t ddllog.Touched) bool { return t.OID == oid }) {
			return true
		}
	}
	return false
}

// there reports whether a table of the target is the mirror's, and no member.
func (r *receiver) there(life context.Context, schema, name string) (there bool, err error) {
	conn, err := r.aside(life)
	if err == nil {
		err = conn.QueryRow(life, isOurs, r.link.s.cfg.Mirror, schema, name).Scan(&there)
	}
	return there, err
}

var logNames = regexp.MustCompile(catalog.LogPattern)

// outside reports whether a schema has no member, is not on the target, and is not made
// by the open transaction.
func (r *receiver) outside(life context.Context, schema string) (bool, error) {
	if r.members.schemas[schema] || r.found != nil && r.found.makes(schema) {
		return false, nil
	}
	conn, err := r.aside(life)
	if err != nil {
		return false, err
	}
	there := false
	err = conn.QueryRow(life, schemaThere, schema).Scan(&there)
	return !there, err
}

// makes reports whether one of the entries is about a schema, or a table in it.
func (s *surprise) makes(schema string) bool {
	return slices.ContainsFunc(s.entries, func(e *ddllog.Entry) bool {
		return slices.ContainsFunc(e.Tables, func(t ddllog.Touched) bool { return t.Schema == schema }) ||
			slices.ContainsFunc(e.Objects, func(o ddllog.Object) bool {
				return o.Type == "schema" && o.Identity == pgname.Shown("", schema)
			})
	})
}

// isLog reports whether a table that is no member is the log. One that the mirror had
// is of no interest, and no table of anybody else's.
func (r *receiver) isLog(rel *relation) bool {
	_, known := r.members.known[rel.OID]
	return !known && rel.Name == sourcelog.Table && (rel.Schema == r.link.s.cfg.DDL.Log || logNames.MatchString(rel.Schema))
}

// logged takes in a change of the log. What is deleted there is done with.
func (r *receiver) logged(life context.Context, rel *relation, m walsender.Message) error {
	if m.Data[0] != pgoutput.TypeInsert || rel.Schema != r.link.s.cfg.DDL.Log {
		return nil
	}
	var row pgoutput.Row
	if err := pgoutput.ParseRow(m.Data, &row); err != nil {
		return err
	}
	names := make([]string, len(rel.Columns))
	for i, c := range rel.Columns {
		names[i] = c.Name
	}
	e, err := ddllog.Read(names, row.New)
	if err != nil {
		return err
	}
	e.Log = rel.OID
	if r.steps != nil {
		return r.steps.reached(life, e.ID)
	}
	r.client.Add(e)
	r.touch(e)
	rules := r.rules()
	rules.There = func(schema, name string) (bool, error) { return r.there(life, schema, name) }
	rules.Foreign = func(schema string) (bool, error) { return r.outside(life, schema) }
	concerns, err := rules.Concerns(e)
	if err != nil {
		return err
	}
	if !concerns {
		r.passOver(life, e, rules.Note(e))
		return nil
	}
	if r.link.s.cfg.Name != ledger.Main {
		return &OvertakenError{Address: e.Title()}
	}
	return r.gather(life, e)
}

// glimpse takes in a change of a transaction that is not applied now.
func (r *receiver) glimpse(life context.Context, oid uint32, m walsender.Message) error {
	rel, described := r.relations[oid]
	if described && r.isLog(rel) {
		return r.logged(life, rel, m)
	}
	_, ours := r.members.applied[oid]
	r.kept, r.found.rows = r.kept || ours, true
	return nil
}

// gather keeps an entry until the transaction's end. Nothing of the transaction is
// applied from here on; what was sent of it already goes with the link.
func (r *receiver) gather(life context.Context, e *ddllog.Entry) error {
	if r.found != nil {
		r.found.entries = append(r.found.entries, e)
		return nil
	}
	if err := r.apart(life); err != nil {
		return err
	}
	r.found.entries = append(r.found.entries, e)
	return nil
}

// apart has the open transaction received to its end, and nothing more of it applied.
func (r *receiver) apart(life context.Context) error {
	if r.touched == nil {
		r.touched = map[uint32]touched{}
	}
	r.found = &surprise{final: r.final, rows: r.kept || r.partial, last: r.touched}
	if r.partial {
		return nil
	}
	if err := r.ship(life); err != nil {
		return err
	}
	if b := r.open; b != nil {
		r.open = nil
		b.empty()
		r.link.free <- b // there is room for all
	}
	return r.drain(life)
}

// surprised ends the link at the end of a transaction that is to be applied by itself. One
// without rows is applied at once.
func (r *receiver) surprised(life context.Context, c pgoutput.Commit) error {
	s, found := r.link.s, r.found
	if len(found.entries) > 0 {
		s.log.InfoContext(life, "DDL that nobody declared", "lsn", r.final, "commands", len(found.entries), "first", found.entries[0].Title())
	}
	if found.rows {
		s.surprise = found
		return errSurprise
	}
	steps, err := r.prepare(life, found)
	if err != nil {
		return err
	}
	r.found, r.steps, s.steps = nil, steps, steps
	for _, e := range found.entries {
		if err := steps.reached(life, e.ID); err != nil {
			return err
		}
	}
	return r.stepped(life, c)
}

// expected begins with a transaction by itself, if it is the one that surprised an
// earlier link.
func (r *receiver) expected(life context.Context) error {
	s := r.link.s
	switch {
	case s.surprise == nil || r.final < s.surprise.final:
	case r.final > s.surprise.final:
		s.surprise = nil
	case !r.skip:
		steps, err := r.prepare(life, s.surprise)
		r.steps, s.steps = steps, steps
		return err
	}
	return nil
}

// passOver tells an operator of what is not done, once of each.
func (r *receiver) passOver(ctx context.Context, e *ddllog.Entry, note string) {
	r.link.s.log.DebugContext(ctx, "DDL passed over", "ddl", e.Title(), "lsn", r.final)
	if note != "" {
		r.tell(ctx, note)
	}
}

// tell notes something for an operator, once.
func (r *receiver) tell(ctx context.Context, text string) {
	s := r.link.s
	if s.ignored[text] {
		return
	}
	s.ignored[text] = true
	s.log.InfoContext(ctx, "noted", "text", text, "lsn", r.final)
	s.cfg.Sink.Event(progress.Noted{Mirror: s.cfg.Label, Text: text})
}

const schemaThere = `select exists (select from pg_catalog.pg_namespace where nspname = $1)`

// isOurs looks for a table among those that the mirror has filled, and over and under
// them.
const isOurs = `
	select exists (
		select
		from pg_catalog.pg_class c
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		cross join (
			select r.schema, r.name from bascule.relation r where r.mirror = $1
			union
			select m.target_schema, m.target_name from bascule.member m where m.mirror = $1 and m.state <> 'removed') f
		join pg_catalog.pg_namespace o on o.nspname = f.schema
		join pg_catalog.pg_class k on k.relnamespace = o.oid and k.relname = f.name
		where n.nspname = $2 and c.relname = $3 and c.relkind in ('r', 'p')
			and (k.oid = c.oid or k.oid in (select a.relid from pg_catalog.pg_partition_ancestors(c.oid) a)
				or c.oid in (select a.relid from pg_catalog.pg_partition_ancestors(k.oid) a)))`
