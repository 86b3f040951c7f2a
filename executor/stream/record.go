package stream

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/executor/ledger"
)

// record notes what the source has of members of which that is not recorded yet: by it
// later changes are seen, of tables too that nobody has written to since.
func (s *Stream) record(ctx context.Context, conn *pgx.Conn, repl *pgconn.PgConn, m members) error {
	var oids []string
	for oid, member := range m.applied {
		if member.Columns == nil {
			oids = append(oids, strconv.FormatUint(uint64(oid), 10))
		}
	}
	if len(oids) == 0 {
		return nil
	}
	all, err := readColumns(ctx, repl, oids)
	if err != nil {
		return fmt.Errorf("read the columns of the source: %w", err)
	}
	if err := s.readTypes(ctx, conn, m, all); err != nil {
		return fmt.Errorf("read the columns of the target: %w", err)
	}
	for oid, list := range all {
		member := m.applied[oid]
		member.Columns = list
		m.applied[oid] = member
	}
	return ledger.SetColumns(ctx, conn, s.cfg.Mirror, all)
}

// readColumns reads those of tables of the source, with the source's types for the
// target's.
func readColumns(ctx context.Context, repl *pgconn.PgConn, oids []string) (map[uint32][]ledger.Column, error) {
	results, err := repl.Exec(ctx, fmt.Sprintf(selectColumns, strings.Join(oids, ","))).ReadAll()
	if err != nil {
		return nil, err
	}
	all := make(map[uint32][]ledger.Column)
	for _, row := range results[0].Rows {
		var n [4]int64
		for i := range n {
			if n[i], err = strconv.ParseInt(string(row[i]), 10, 64); err != nil {
				return nil, err
			}
		}
		oid := uint32(n[0])
		all[oid] = append(all[oid], ledger.Column{Name: string(row[4]), Number: int(n[1]), Type: uint32(n[2]), Modifier: int32(n[3]), Target: string(row[5])})
	}
	return all, nil
}

// number finds the numbers of columns that came, or were renamed, since the table was
// recorded: by them one that is renamed is told from one that is dropped while another is
// added. The source may be ahead: a column that it has otherwise by now stays without.
func (s *Stream) number(ctx context.Context, oid uint32, list []ledger.Column) error {
	if s.cfg.Source == nil || !slices.ContainsFunc(list, func(c ledger.Column) bool { return c.Number == 0 }) {
		return nil
	}
	repl, err := s.cfg.Source(ctx)
	if err != nil {
		return err
	}
	defer repl.Close(context.WithoutCancel(ctx))
	all, err := readColumns(ctx, repl, []string{strconv.FormatUint(uint64(oid), 10)})
	if err != nil {
		return fmt.Errorf("read the columns of the source: %w", err)
	}
	for i := range list {
		for _, now := range all[oid] {
			if c := &list[i]; c.Number == 0 && c.Name == now.Name && c.Type == now.Type && c.Modifier == now.Modifier {
				c.Number = now.Number
			}
		}
	}
	return nil
}

// readTypes fills in of which types the columns are on the target.
func (s *Stream) readTypes(ctx context.Context, conn *pgx.Conn, m members, all map[uint32][]ledger.Column) error {
	var schemas, names []string
	for oid := range all {
		schemas, names = append(schemas, m.applied[oid].TargetSchema), append(names, m.applied[oid].TargetName)
	}
	rows, err := conn.Query(ctx, selectTypes, schemas, names)
	if err != nil {
		return err
	}
	types := make(map[[3]string]string)
	var key [3]string
	var shown string
	_, err = pgx.ForEachRow(rows, []any{&key[0], &key[1], &key[2], &shown}, func() error {
		types[key] = shown
		return nil
	})
	for oid, list := range all {
		for i := range list {
			here := types[[3]string{m.applied[oid].TargetSchema, m.applied[oid].TargetName, list[i].Name}]
			list[i].Target, list[i].Same = here, here == list[i].Target
		}
	}
	return err
}

// selectColumns: generated ones are not published.
const selectColumns = `
	select attrelid, attnum, atttypid, atttypmod, attname, pg_catalog.format_type(atttypid, atttypmod)
	from pg_catalog.pg_attribute
	where attrelid in (%s) and attnum > 0 and not attisdropped and attgenerated = ''
	order by attrelid, attnum`

const selectTypes = `
	select n.nspname::text, c.relname::text, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)
	from unnest($1::text[], $2::text[]) o(schema, name)
	join pg_catalog.pg_namespace n on n.nspname = o.schema
	join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = o.name
	join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
	order by n.nspname, c.relname, a.attnum`
