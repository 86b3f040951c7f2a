package stream

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/executor/stream/ddllog"
)

// schemas finds the schemas of names that commands lack: for a block, should one be
// needed. What the target has not yet, the entries name.
func (t *stepping) schemas(life context.Context) (ddllog.Schemas, error) {
	where := ddllog.Schemas{}
	bare := ddllog.Bare(t.list)
	if len(bare) == 0 {
		return where, nil
	}
	for _, x := range t.list {
		for _, o := range x.Objects {
			name, _ := strings.CutPrefix(o.Identity, pgname.Shown("", o.Schema)+".")
			if head, _, function := strings.Cut(name, "("); function {
				name = head + "()"
			}
			where.Find(x.Path(), name, o.Schema)
		}
	}
	conn, err := t.aside(life)
	if err != nil {
		return nil, err
	}
	asked := map[string]bool{}
	for i := range t.list {
		path := t.list[i].Path()
		if asked[path] {
			continue
		}
		asked[path] = true
		rows, err := conn.Query(life, selectSchemas, path, bare)
		if err != nil {
			return nil, err
		}
		var name, schema string
		if _, err = pgx.ForEachRow(rows, []any{&name, &schema}, func() error {
			where.Find(path, name, schema)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return where, nil
}

// selectSchemas looks names up by another search_path, as selectLacking does. No type is
// parsed: of a table that is called none or values, that would be an error.
const selectSchemas = `
	select s.name, s.schema
	from (
		select b.name, case
			when p.path is null then null
			when b.name like '%()' then (
				select n.nspname
				from pg_catalog.unnest(pg_catalog.current_schemas(false)) with ordinality c(schema, place)
				join pg_catalog.pg_namespace n on n.nspname = c.schema
				join pg_catalog.pg_proc f on f.pronamespace = n.oid
				where f.proname = (pg_catalog.parse_ident(pg_catalog.left(b.name, -2)))[1]
				order by c.place
				limit 1)
			else coalesce(
				(select n.nspname from pg_catalog.pg_class k join pg_catalog.pg_namespace n on n.oid = k.relnamespace where k.oid = pg_catalog.to_regclass(b.name)),
				(select n.nspname
					from pg_catalog.unnest(pg_catalog.current_schemas(true)) with ordinality c(schema, place)
					join pg_catalog.pg_namespace n on n.nspname = c.schema
					join pg_catalog.pg_type k on k.typnamespace = n.oid
					where k.typname = (pg_catalog.parse_ident(b.name))[1]
					order by c.place
					limit 1))
			end as schema
		from (select pg_catalog.set_config('search_path', $1, true) offset 0) p(path)
		cross join pg_catalog.unnest($2::text[]) b(name)) s
	where s.schema is not null
	order by s.name`
