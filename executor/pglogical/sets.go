package pglogical

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/planner"
)

// Sets are the replication sets of a mirror.
type Sets struct {
	All     string // of tables whose every change is sent
	Inserts string // of tables of which only INSERT and TRUNCATE are
}

// of returns the set that a table belongs to.
func (s Sets) of(follow string) string {
	if follow == planner.FollowAll {
		return s.All
	}
	return s.Inserts
}

// names returns both.
func (s Sets) names() []string { return []string{s.All, s.Inserts} }

// sets are those of the mirror on a node: see the package.
func (e *Engine) sets(node string) Sets {
	all, inserts := planner.PglogicalSets(node, e.subscription())
	return Sets{All: all, Inserts: inserts}
}

// Sets returns the mirror's on the source.
func (e *Engine) Sets(ctx context.Context, q queryer) (Sets, error) {
	node, err := localNode(ctx, q)
	if err != nil {
		return Sets{}, fmt.Errorf("read the source's node: %w", err)
	}
	return e.sets(node), nil
}

// entry is a table of one of our sets, as it is or as it is to be.
type entry struct {
	oid     uint32
	name    string // quoted
	shown   string
	set     string
	columns []string // nil for all
}

func (x entry) same(y entry) bool {
	return x.set == y.set && (x.columns == nil) == (y.columns == nil) && slices.Equal(x.columns, y.columns)
}

// wanted are the entries of these members.
func (e *Engine) wanted(ctx context.Context, q queryer, sets Sets, members []ledger.Member) (map[uint32]entry, error) {
	list := map[uint32]entry{}
	var narrowed []uint32
	for _, m := range members {
		list[m.Source] = entry{oid: m.Source, name: pgname.Qualified(m.Schema, m.Name), shown: pgname.Shown(m.Schema, m.Name), set: sets.of(m.Follow)}
		if len(m.Dropped) > 0 {
			narrowed = append(narrowed, m.Source)
		}
	}
	if len(narrowed) == 0 {
		return list, nil
	}
	columns, err := columnsOf(ctx, q, narrowed)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if len(m.Dropped) > 0 {
			x := list[m.Source]
			x.columns = slices.DeleteFunc(columns[m.Source], func(c string) bool { return slices.Contains(m.Dropped, c) })
			list[m.Source] = x
		}
	}
	return list, nil
}

// columnsOf returns the names of tables' columns, in the order that pglogical keeps them
// in: the one that they were given in.
func columnsOf(ctx context.Context, q queryer, tables []uint32) (map[uint32][]string, error) {
	rows, err := q.Query(ctx, selectSent, tables)
	if err != nil {
		return nil, fmt.Errorf("read columns: %w", err)
	}
	all := map[uint32][]string{}
	var oid uint32
	var column string
	_, err = pgx.ForEachRow(rows, []any{&oid, &column}, func() error {
		all[oid] = append(all[oid], column)
		return nil
	})
	return all, err
}

// entries are what the mirror's sets have.
func entries(ctx context.Context, q queryer, sets Sets) (map[uint32]entry, error) {
	rows, err := q.Query(ctx, selectEntries, sets.names())
	if err != nil {
		return nil, fmt.Errorf("read replication sets: %w", err)
	}
	list := map[uint32]entry{}
	for rows.Next() {
		var x entry
		var schema, name string
		if err := rows.Scan(&x.oid, &schema, &name, &x.set, &x.columns); err != nil {
			return nil, err
		}
		x.name, x.shown = pgname.Qualified(schema, name), pgname.Shown(schema, name)
		list[x.oid] = x
	}
	return list, rows.Err()
}

// differ returns what is in the sets and should not be, or not so, and what is to join.
func differ(now, wanted map[uint32]entry) (leave, join []entry) {
	for oid, x := range now {
		if w, ok := wanted[oid]; !ok || !x.same(w) {
			leave = append(leave, x)
		}
	}
	for oid, w := range wanted {
		if x, ok := now[oid]; !ok || !x.same(w) {
			join = append(join, w)
		}
	}
	byOID := func(a, b entry) int { return int(int64(a.oid) - int64(b.oid)) }
	slices.SortFunc(leave, byOID)
	slices.SortFunc(join, byOID)
	return leave, join
}

// JoinSet puts a table into its set within an open transaction: what is written to it
// from then on is sent, and what was written before is not. A table that is in another
// of the mirror's sets leaves that.
func (e *Engine) JoinSet(ctx context.Context, tx pgx.Tx, m ledger.Member) error {
	sets, err := e.Sets(ctx, tx)
	if err != nil {
		return err
	}
	now, err := entries(ctx, tx, sets)
	if err != nil {
		return err
	}
	wanted, err := e.wanted(ctx, tx, sets, []ledger.Member{m})
	if err != nil {
		return err
	}
	if x, there := now[m.Source]; there {
		if x.same(wanted[m.Source]) {
			return nil
		}
		if err := leave(ctx, tx, x); err != nil {
			return err
		}
	}
	return join(ctx, tx, wanted[m.Source])
}

// LeaveSet takes a table out of the mirror's sets within an open transaction, which is
// what lets it be dropped there. A table that is in none is fine.
func (e *Engine) LeaveSet(ctx context.Context, tx pgx.Tx, table uint32) error {
	sets, err := e.Sets(ctx, tx)
	if err != nil {
		return err
	}
	now, err := entries(ctx, tx, sets)
	if err != nil {
		return err
	}
	if x, there := now[table]; there {
		return leave(ctx, tx, x)
	}
	return nil
}

func join(ctx context.Context, tx pgx.Tx, x entry) error {
	if _, err := tx.Exec(ctx, addTable, x.set, x.oid, x.columns); err != nil {
		return fmt.Errorf("add %s to replication set %s: %w", x.shown, x.set, err)
	}
	return nil
}

func leave(ctx context.Context, tx pgx.Tx, x entry) error {
	if _, err := tx.Exec(ctx, removeTable, x.set, x.oid); err != nil {
		return fmt.Errorf("remove %s from replication set %s: %w", x.shown, x.set, err)
	}
	return nil
}

const (
	selectSent = `
		select attrelid, attname::text
		from pg_catalog.pg_attribute
		where attrelid = any ($1::oid[]) and attnum > 0 and not attisdropped
		order by attrelid, attnum`

	selectEntries = `
		select t.set_reloid::oid, n.nspname::text, c.relname::text, s.set_name::text, t.set_att_list
		from pglogical.replication_set_table t
		join pglogical.replication_set s on s.set_id = t.set_id
		join pglogical.local_node l on l.node_id = s.set_nodeid
		join pg_catalog.pg_class c on c.oid = t.set_reloid
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where s.set_name = any ($1::text[])
		order by t.set_reloid, s.set_name`

	addTable = `
		select pglogical.replication_set_add_table(set_name := $1, relation := $2::oid::regclass, synchronize_data := false, columns := $3::text[])`

	removeTable = `select pglogical.replication_set_remove_table($1, $2::oid::regclass)`
)
