package slot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog"
)

// What the two publications of a mirror publish.
const (
	everything  = "insert, update, delete, truncate"
	insertsOnly = "insert, truncate"
)

// EnsurePublications makes the mirror's two publications where they are missing,
// and makes their lists those of the members, in one transaction. Members that are
// removed are in neither. A publication that is there is never made anew: what a
// slot holds of it could then no longer be decoded.
//
// Publications that the configuration names are left as they are; whether they hold
// the members is for Check. A member that is gone from the source is a
// *MissingError.
func EnsurePublications(ctx context.Context, conn *pgx.Conn, s planner.Stream, members []ledger.Member) error {
	return change(ctx, conn, s, members, true)
}

// AddTables adds members to the publication that follows them, and takes them out of
// the other. What was running when it returns may have written rows that are never
// streamed: see WaitOut.
func AddTables(ctx context.Context, conn *pgx.Conn, s planner.Stream, members ...ledger.Member) error {
	return change(ctx, conn, s, members, false)
}

// DropTables takes tables out of the mirror's publications.
func DropTables(ctx context.Context, conn *pgx.Conn, s planner.Stream, members ...ledger.Member) error {
	gone := slices.Clone(members)
	for i := range gone {
		gone[i].State = ledger.Removed
	}
	return change(ctx, conn, s, gone, false)
}

// DropPublications drops the mirror's publications, where they are its own. What is
// not there is fine. A name that is none of ours is a *ForeignError.
func DropPublications(ctx context.Context, conn *pgx.Conn, s planner.Stream) error {
	if !s.OwnPublications {
		return nil
	}
	for _, name := range publications(s) {
		if !Named(name) {
			return &ForeignError{Kind: "publication", Name: name}
		}
		if err := alter(ctx, conn, "drop publication "+name, nil, "drop publication if exists "+pgname.Quote(name)); err != nil {
			return err
		}
	}
	return nil
}

// publications are the names of those that the stream reads.
func publications(s planner.Stream) []string {
	if s.Inserts == "" {
		return []string{s.Publication}
	}
	return []string{s.Publication, s.Inserts}
}

// MissingError reports a table that a mirror follows and the source does not have.
type MissingError struct{ Table string }

func (e *MissingError) Error() string {
	return "table " + e.Table + " is not on the source any more: it was dropped, or made anew"
}

// Hint says what the operator can do about it.
func (e *MissingError) Hint() string {
	return "plan again: the plan goes by the tables that are there"
}

// change makes publications hold these members. Whole: and no other table.
func change(ctx context.Context, conn *pgx.Conn, s planner.Stream, members []ledger.Member, whole bool) error {
	if !s.OwnPublications {
		return nil
	}
	_, there, err := catalog.ReadSlots(ctx, conn)
	if err != nil {
		return err
	}
	sqls, err := changes(ctx, conn, s, members, whole, there)
	if err != nil || len(sqls) == 0 {
		return err
	}
	return alter(ctx, conn, "change the publications of the mirror", sources(members), sqls...)
}

// changes are the statements that make publications, of which those are there, hold
// these members.
func changes(ctx context.Context, conn queryer, s planner.Stream, members []ledger.Member, whole bool, there []catalog.Publication) ([]string, error) {
	names, err := tableNames(ctx, conn, members)
	if err != nil {
		return nil, err
	}
	var sqls []string
	for _, l := range lists(s, members) {
		l.names, l.whole, l.viaRoot, l.log = names, whole, s.ViaRoot, s.Log
		more, err := l.statements(there)
		if err != nil {
			return nil, err
		}
		sqls = append(sqls, more...)
	}
	return sqls, nil
}

// queryer is a session, or a transaction of one.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// list is what one publication is to hold.
type list struct {
	publication, publish string
	viaRoot, whole       bool
	log                  string // the schema of a log of DDL, which is published and no member
	in                   []uint32
	wanted, out          map[uint32]bool
	names                map[uint32]string
}

func lists(s planner.Stream, members []ledger.Member) []list {
	all := list{publication: s.Publication, publish: everything, wanted: map[uint32]bool{}, out: map[uint32]bool{}}
	inserts := list{publication: s.Inserts, publish: insertsOnly, wanted: map[uint32]bool{}, out: map[uint32]bool{}}
	for _, m := range members {
		here, there := &all, &inserts
		if m.Follow == planner.FollowInserts {
			here, there = there, here
		}
		there.out[m.Source] = true
		if m.State == ledger.Removed {
			here.out[m.Source] = true
			continue
		}
		here.in = append(here.in, m.Source)
		here.wanted[m.Source] = true
	}
	return []list{all, inserts}
}

// statements are what makes the publication so.
func (l *list) statements(there []catalog.Publication) ([]string, error) {
	name := pgname.Quote(l.publication)
	i := slices.IndexFunc(there, func(p catalog.Publication) bool { return p.Name == l.publication })
	listed := map[uint32]bool{}
	var sqls []string
	switch {
	case i < 0:
		sqls = append(sqls, fmt.Sprintf(createPublication, name, pgname.Literal(l.publish), l.viaRoot))
	case there[i].AllTables:
		return nil, fmt.Errorf("publication %s was made anew FOR ALL TABLES by somebody else: drop it", l.publication)
	default:
		if !l.configured(&there[i]) {
			sqls = append(sqls, fmt.Sprintf(setPublication, name, pgname.Literal(l.publish), l.viaRoot))
		}
		for _, t := range there[i].Tables {
			listed[t.OID] = t.Listed
			if t.Listed && t.Schema != l.log && (l.out[t.OID] || l.whole && !l.wanted[t.OID]) {
				sqls = append(sqls, fmt.Sprintf(dropTable, name, pgname.Qualified(t.Schema, t.Name)))
			}
		}
	}
	var add []string
	for _, oid := range l.in {
		if !listed[oid] {
			add = append(add, l.names[oid])
		}
	}
	if len(add) > 0 {
		sqls = append(sqls, fmt.Sprintf(addTables, name, strings.Join(add, ", only ")))
	}
	return sqls, nil
}

func (l *list) configured(p *catalog.Publication) bool {
	changes := l.publish == everything
	return p.ViaRoot == l.viaRoot && p.Insert && p.Truncate && p.Update == changes && p.Delete == changes
}

// tableNames are the names that the members have now, quoted, by oid.
func tableNames(ctx context.Context, conn queryer, members []ledger.Member) (map[uint32]string, error) {
	rows, err := conn.Query(ctx, selectTables, sources(members))
	if err != nil {
		return nil, fmt.Errorf("find the tables of the mirror: %w", err)
	}
	names := map[uint32]string{}
	var oid uint32
	var schema, name string
	if _, err := pgx.ForEachRow(rows, []any{&oid, &schema, &name}, func() error {
		names[oid] = pgname.Qualified(schema, name)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("find the tables of the mirror: %w", err)
	}
	for _, m := range members {
		if names[m.Source] == "" && m.State != ledger.Removed {
			return nil, &MissingError{Table: pgname.Shown(m.Schema, m.Name)}
		}
	}
	return names, nil
}

func sources(members []ledger.Member) []uint32 {
	oids := make([]uint32, len(members))
	for i, m := range members {
		oids[i] = m.Source
	}
	return oids
}

const (
	createPublication = `create publication %s with (publish = %s, publish_via_partition_root = %t)`

	setPublication = `alter publication %s set (publish = %s, publish_via_partition_root = %t)`

	addTables = `alter publication %s add table only %s`

	dropTable = `alter publication %s drop table only %s`

	selectTables = `
		select c.oid, n.nspname::text, c.relname::text
		from pg_catalog.pg_class c
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where c.oid = any ($1::oid[])
		order by c.oid`
)
