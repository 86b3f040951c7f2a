package verify

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// reading is one query to be run on both sides: what of, and the SQL on each.
type reading struct {
	kind, name     string
	source, target string
}

// batch is how many readings go to the server at once.
const batch = 50

// compareData compares rows, sequence values, large objects.
func (s *scope) compareData(ctx context.Context, r *Report, source, target *side) error {
	has, there, err := rows(ctx, source, target, selectReadable)
	if err != nil {
		return err
	}
	readings := s.readings(has, there)
	ours, theirs, err := s.readAll(ctx, source, target, readings)
	if err != nil {
		return err
	}
	for i, x := range readings {
		if x.kind == "rows" {
			n, _ := strconv.ParseInt(ours[i][0], 10, 64)
			r.Rows += n
			r.Tables++
		}
		if slices.Equal(ours[i], theirs[i]) {
			continue
		}
		if x.kind == "materialized view rows" {
			fresh, err := target.isFresh(ctx, s.named(x.name), theirs[i])
			if err != nil {
				return err
			}
			if fresh {
				r.Notes = append(r.Notes, "materialized view "+x.name+" was stale on the source and is not on the target")
				continue
			}
		}
		r.add(x.kind, x.name, x.detail(ours[i], theirs[i]))
	}
	if s.opts.Only || s.opts.CountRows {
		return nil
	}
	return s.compareLargeObjects(ctx, r, source, target)
}

// readings are what there is on both sides; what is missing on one was said already
// by its definition.
func (s *scope) readings(source, target [][]string) []reading {
	there := make(map[string]bool)
	for _, row := range target {
		there[row[0]+" "+row[1]] = true
	}
	var out []reading
	for _, row := range source {
		kind, name := row[0], row[1]
		oid, _ := strconv.ParseUint(row[2], 10, 32)
		owner, _ := strconv.ParseUint(row[3], 10, 32)
		f := &fact{kind: kind, name: name, object: Object{classRelation, uint32(oid)}, table: uint32(owner)}
		if !s.expected(f) || !there[kind+" "+s.named(name)] {
			continue
		}
		if kind == "sequence value" {
			out = append(out, reading{kind, name, readSequence + name, readSequence + s.named(name)})
			continue
		}
		t := s.byOID[uint32(oid)]
		if t == nil {
			t = &Table{}
		}
		columns := slices.DeleteFunc(strings.Split(row[4], "\x1f"), func(c string) bool { return c == "" || slices.Contains(t.ExcludeColumns, c) })
		hash := rowHash(columns, row[5] == "t")
		if s.opts.CountRows {
			hash = "''"
		}
		where := ""
		if t.Where != "" {
			where = " where (" + t.Where + "\n)"
		}
		out = append(out, reading{kind, name, countRows(hash, name) + where, countRows(hash, s.named(name))})
	}
	return out
}

func countRows(hash, table string) string {
	return "select pg_catalog.count(*), " + hash + " from only " + table + " as r"
}

// rowHash is a sum of hashes, one a row. Columns come in the order of their names,
// for that of an inheriting child is another after a reload. Where values may be
// huge each is hashed alone: a row as text has to fit in a gigabyte.
func rowHash(columns []string, huge bool) string {
	items := slices.Clone(columns)
	slices.Sort(items)
	for i, c := range items {
		items[i] = "r." + pgname.Quote(c)
		if huge {
			items[i] = "pg_catalog.hashtextextended(row(" + items[i] + ")::text, 0)"
		}
	}
	return "coalesce(pg_catalog.sum(pg_catalog.hashtextextended(row(" + strings.Join(items, ", ") + ")::text, 0)::numeric), 0)"
}

// detail says how two results differ.
func (x reading) detail(ours, theirs []string) string {
	switch {
	case x.kind == "sequence value":
		return fmt.Sprintf("last_value %s, is_called %s on the source; %s, %s on the target", ours[0], ours[1], theirs[0], theirs[1])
	case ours[0] != theirs[0]:
		return fmt.Sprintf("%s on the source, %s on the target", ours[0], theirs[0])
	}
	return ours[0] + " on both, with other content"
}

// readAll runs the readings on both sides, batch by batch.
func (s *scope) readAll(ctx context.Context, source, target *side, readings []reading) (ours, theirs [][]string, err error) {
	err = both(ctx, source, target, func(x *side, ctx context.Context) error {
		for part := range slices.Chunk(readings, batch) {
			got, err := x.read(ctx, part)
			if err != nil {
				return err
			}
			if x == source {
				ours = append(ours, got...)
			} else {
				theirs = append(theirs, got...)
			}
		}
		return nil
	})
	return ours, theirs, err
}

// read runs readings in one round trip, each giving one row.
func (x *side) read(ctx context.Context, readings []reading) ([][]string, error) {
	var sql strings.Builder
	for _, r := range readings {
		q := r.target
		if x.role == "source" {
			q = r.source
		}
		sql.WriteString(q + ";\n")
	}
	var out [][]string
	results := x.conn.PgConn().Exec(ctx, sql.String())
	for results.NextResult() {
		result := results.ResultReader().Read()
		if result.Err == nil && len(result.Rows) == 1 {
			out = append(out, texts((*pgconn.Result)(result))[0])
		}
	}
	if err := results.Close(); err != nil {
		if len(out) < len(readings) {
			err = fmt.Errorf("%s of %s: %w", readings[len(out)].kind, readings[len(out)].name, err)
		}
		return nil, err
	}
	return out, nil
}

// isFresh reports whether a materialised view has what its query gives now.
func (x *side) isFresh(ctx context.Context, name string, have []string) (bool, error) {
	about, err := x.query(ctx, describeMatView+pgname.Literal(name)+"::pg_catalog.regclass")
	if err != nil {
		return false, err
	}
	columns := strings.Split(about[0][0], "\x1f")
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = pgname.Quote(c)
	}
	query := strings.TrimRight(strings.TrimSpace(about[0][1]), ";")
	for _, huge := range []bool{false, true} {
		now, err := x.query(ctx, "select pg_catalog.count(*), "+rowHash(columns, huge)+" from ("+query+"\n) as r ("+strings.Join(quoted, ", ")+")")
		if err != nil {
			return false, err
		}
		if slices.Equal(now[0], have) {
			return true, nil
		}
	}
	return false, nil
}

const (
	// selectReadable lists what has rows or a value of its own: kind, name, oid, the
	// table that it belongs to, columns joined by \x1f, whether values may be huge.
	selectReadable = `
	select case c.relkind when 'r' then 'rows' when 'm' then 'materialized view rows' else 'sequence value' end, c.oid::pg_catalog.regclass::text, c.oid,
		case when c.relkind = 'S' then coalesce((
			select d.refobjid from pg_catalog.pg_depend d
			where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid
			and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.deptype in ('a', 'i')), 0) else c.oid end,
		(select pg_catalog.string_agg(a.attname, e'\x1f' order by a.attname) from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
		c.reltoastrelid <> 0 and pg_catalog.pg_relation_size(c.reltoastrelid) > 67108864
	from pg_catalog.pg_class c
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where (c.relkind in ('r', 'S') or c.relkind = 'm' and c.relispopulated)
	and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'bascule') and n.nspname !~ '` + catalog.LogPattern + `'
	and (exists (select from pg_catalog.pg_extension e where c.oid = any (e.extconfig)) or not exists (
		select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'))
	order by 1, 2`

	readSequence = `select last_value, is_called from `

	describeMatView = `
	select (select pg_catalog.string_agg(a.attname, e'\x1f' order by a.attnum) from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
		pg_catalog.pg_get_viewdef(c.oid)
	from pg_catalog.pg_class c where c.oid = `
)
