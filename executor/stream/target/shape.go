package target

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"bascule/executor/ledger"
)

// shape is what the target's catalogue says of a table.
type shape struct {
	OID         uint32      `json:"oid"`
	Partitioned bool        `json:"partitioned"`
	Array       uint32      `json:"array"`      // of its row type
	Row         uint32      `json:"row"`        // its row type
	Fires       bool        `json:"fires"`      // triggers, for this session
	Suppresses  bool        `json:"suppresses"` // one of them can prevent a change
	Rules       bool        `json:"rules"`
	Columns     []attribute `json:"columns"` // in attnum order, as in its row type
}

type attribute struct {
	Name          string `json:"name"`
	Type          uint32 `json:"type"`
	Shown         string `json:"shown"` // its type, with its modifier
	Array         uint32 `json:"array"`
	Base          uint32 `json:"base"`
	Receives      bool   `json:"receives"` // its type has a binary form
	Enum          bool   `json:"enum"`
	NotNull       bool   `json:"not_null"`
	Refuses       bool   `json:"refuses"` // a domain that is not null
	Always        bool   `json:"always"`
	Generated     bool   `json:"generated"`
	Ordered       bool   `json:"ordered"` // has a B-tree operator class of its own
	Deterministic bool   `json:"deterministic"`

	// Equal is the operator that compares two values: "=", but where that is none of
	// pg_catalog's. Cast is what has to stand behind them for it.
	Equal string `json:"equal"`
	Cast  string `json:"cast"`
}

// Table reads what the target has for a relation. To be called again, with a new
// Relation, whenever the source sent one, and after DDL on the target; where nothing
// has changed it returns the same Table. The error is a *ShapeError when the rows do
// not fit. Inside a transaction that was begun by Send it sees what that has done.
func (s *Session) Table(ctx context.Context, rel Relation, m ledger.Member) (*Table, error) {
	rows, err := s.query(ctx, s.readShape, m.TargetSchema, m.TargetName)
	if err != nil {
		return nil, fmt.Errorf("table %s.%s: %w", m.TargetSchema, m.TargetName, err)
	}
	if len(rows) == 0 {
		return nil, &ShapeError{
			Schema: m.TargetSchema, Name: m.TargetName, Problem: "there is no such table on the target",
			Remedy: "create it there, or exclude it from the mirror",
		}
	}
	var sh shape
	if err := json.Unmarshal([]byte(rows[0]), &sh); err != nil {
		return nil, err
	}
	old := s.tables[rel.OID]
	if old != nil && reflect.DeepEqual(old.rel, rel) && reflect.DeepEqual(old.member, m) && reflect.DeepEqual(old.shape, sh) {
		return old, nil
	}
	t, err := newTable(rel, m, sh, s.cfg.Binary)
	if err != nil {
		return nil, err
	}
	if old != nil {
		t.ordered = old.ordered
	}
	if why := t.why(); why != "" {
		s.log.InfoContext(ctx, "table is applied row by row", "table", t.String(), "why", why)
	}
	s.tables[rel.OID] = t
	s.fires = s.fires || t.fires
	return t, nil
}

// shapeSQL: $1 schema, $2 name. Triggers of constraints count too: they fire in a
// session that is not in the replica role. The operators of an extension's type are
// where the extension is, and no search_path leads there. A domain over an enum has no
// operator, and unlike other domains is not taken for what it is over.
const shapeSQL = `
	select pg_catalog.json_build_object(
		'oid', c.oid::bigint,
		'partitioned', c.relkind = 'p',
		'array', coalesce((select t.typarray::bigint from pg_catalog.pg_type t where t.oid = c.reltype), 0),
		'row', c.reltype::bigint,
		'fires', g.fires,
		'suppresses', g.suppresses,
		'rules', exists (
			select from pg_catalog.pg_rewrite w
			where w.ev_class = c.oid
				and w.ev_enabled in ('A', case pg_catalog.current_setting('session_replication_role') when 'replica' then 'R' else 'O' end)),
		'columns', coalesce((
			select pg_catalog.json_agg(pg_catalog.json_build_object(
				'name', a.attname,
				'type', a.atttypid::bigint,
				'shown', pg_catalog.format_type(a.atttypid, a.atttypmod),
				'array', t.typarray::bigint,
				'base', b.oid::bigint,
				'receives', t.typreceive <> 0,
				'enum', b.typtype = 'e',
				'not_null', a.attnotnull,
				'refuses', b.refuses,
				'always', a.attidentity = 'a',
				'generated', a.attgenerated <> '',
				'ordered', exists (
					select from pg_catalog.pg_opclass o
					where o.opcmethod = 403 and o.opcdefault and o.opcintype = case b.oid when 1043 then 25 else b.oid end),
				'deterministic', coalesce((select l.collisdeterministic from pg_catalog.pg_collation l where l.oid = a.attcollation), true),
				'equal', coalesce((
					select pg_catalog.format('operator(%I.%s)', s.nspname, p.oprname)
					from pg_catalog.pg_opclass o
					join pg_catalog.pg_amop w on w.amopfamily = o.opcfamily and w.amoplefttype = o.opcintype and w.amoprighttype = o.opcintype
						and w.amopstrategy = 3
					join pg_catalog.pg_operator p on p.oid = w.amopopr
					join pg_catalog.pg_namespace s on s.oid = p.oprnamespace and s.nspname <> 'pg_catalog'
					where o.opcmethod = 403 and o.opcdefault and o.opcintype = b.oid), '='),
				'cast', case when b.typtype = 'e' and t.typtype = 'd' then '::' || pg_catalog.format_type(b.oid, null) else '' end
				) order by a.attnum)
			from pg_catalog.pg_attribute a
			join pg_catalog.pg_type t on t.oid = a.atttypid
			cross join lateral (
				with recursive d as (
					select t.oid, t.typbasetype, t.typtype, t.typnotnull
					union all
					select n.oid, n.typbasetype, n.typtype, n.typnotnull
					from d
					join pg_catalog.pg_type n on n.oid = d.typbasetype
					where d.typtype = 'd')
				select (pg_catalog.array_agg(d.oid) filter (where d.typtype <> 'd'))[1] as oid,
					(pg_catalog.array_agg(d.typtype) filter (where d.typtype <> 'd'))[1] as typtype,
					pg_catalog.bool_or(d.typnotnull and d.typtype = 'd') as refuses
				from d) b
			where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]'))::text
	from pg_catalog.pg_class c
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	cross join lateral (
		select pg_catalog.count(*) > 0 as fires,
			coalesce(pg_catalog.bool_or(g.tgtype & 3 = 3), false) as suppresses -- BEFORE, FOR EACH ROW
		from pg_catalog.pg_trigger g
		where g.tgrelid in (select c.oid union all select p.relid from pg_catalog.pg_partition_tree(c.oid) p)
			and g.tgenabled in ('A', case pg_catalog.current_setting('session_replication_role') when 'replica' then 'R' else 'O' end)) g
	where n.nspname = $1::text and c.relname = $2::text and c.relkind in ('r', 'p')`
