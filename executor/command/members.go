package command

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog"
)

// shift is what a command makes of the tables of one mirror.
type shift struct {
	// members that are new, or another than before.
	members []ledger.Member

	// made are the tables that it created and that are followed from then on, by oid.
	made []uint32

	notes []string // sentences for the operator
}

// seenTable is a table as other sessions see it while a command is not committed.
type seenTable struct {
	schema, name string
	above        []uint32 // the tables that it is a partition of
}

// seen asks another session which tables of db there are for it. What is not was made
// by the transaction that db was read in.
func (d *commanding) seen(ctx context.Context, db *catalog.Database) (map[uint32]seenTable, error) {
	var oids []uint32
	for i := range db.Relations {
		if r := &db.Relations[i]; r.Kind == catalog.Table || r.Kind == catalog.Partitioned {
			oids = append(oids, r.OID)
		}
	}
	rows, err := d.server.Control.Query(ctx, selectSeen, oids)
	if err != nil {
		return nil, fmt.Errorf("look which tables are new: %w", err)
	}
	seen := map[uint32]seenTable{}
	var oid uint32
	var t seenTable
	if _, err := pgx.ForEachRow(rows, []any{&oid, &t.schema, &t.name, &t.above}, func() error {
		t.above = slices.Clone(t.above)
		seen[oid] = t
		return nil
	}); err != nil {
		return nil, fmt.Errorf("look which tables are new: %w", err)
	}
	return seen, nil
}

// shifting compares the members of one mirror with a source.
type shifting struct {
	*side
	db     *catalog.Database
	byOID  map[uint32]*catalog.Relation
	before map[uint32]seenTable
	point  catalog.LSN // 0: nobody knows since when a table is there
	known  map[uint32]ledger.Member
	out    shift
}

// shift finds out what has become of the mirror's tables on a source, of which db is
// what a command has made and before what was there. A table that the command made
// joins at point. One that was there is not on the target: it stays out.
func (s *side) shift(db *catalog.Database, before map[uint32]seenTable, point catalog.LSN) (shift, error) {
	h := &shifting{side: s, db: db, byOID: map[uint32]*catalog.Relation{}, before: before, point: point, known: map[uint32]ledger.Member{}}
	for i := range db.Relations {
		h.byOID[db.Relations[i].OID] = &db.Relations[i]
	}
	for _, m := range s.members {
		if m.State != ledger.Removed {
			h.known[m.Source] = m
		}
	}
	selected := planner.Followed(s.decl, s.cfg.State.Lineage, s.rec, db)
	followed := map[uint32]bool{}
	for i := range selected {
		followed[selected[i].OID] = true
	}
	for _, t := range h.strays(followed) {
		followed[t.OID] = true
		selected = append(selected, t)
	}
	for i := range selected {
		h.table(&selected[i])
	}
	if err := h.attached(followed); err != nil {
		return shift{}, err
	}
	for _, m := range s.members {
		if _, ok := h.known[m.Source]; ok && !followed[m.Source] {
			m.State = ledger.Removed
			h.out.members = append(h.out.members, m)
		}
	}
	return h.out, nil
}

// strays are members that are there and that the declaration no longer selects, under
// the names that they have now. A partition whose root stands for it is none.
func (h *shifting) strays(followed map[uint32]bool) []planner.Table {
	decl := *h.decl
	decl.Tables, decl.Exclude = nil, nil
	stray := map[uint32]bool{}
	for oid := range h.known {
		r := h.byOID[oid]
		if r == nil || followed[oid] || h.settings.ViaRoot && anyOf(followed, h.above(oid)) {
			continue
		}
		stray[oid] = true
		decl.Tables = append(decl.Tables, config.Pattern{Text: pgname.Quote(r.Schema) + "." + pgname.Quote(r.Name)})
	}
	if len(stray) == 0 {
		return nil
	}
	return slices.DeleteFunc(planner.Followed(&decl, h.cfg.State.Lineage, h.rec, h.db), func(t planner.Table) bool { return !stray[t.OID] })
}

// above are the tables that a table is a partition of.
func (h *shifting) above(oid uint32) (list []uint32) {
	for r := h.byOID[oid]; r != nil && r.IsPartition && len(r.Parents) > 0; r = h.byOID[r.Parents[0]] {
		list = append(list, r.Parents[0])
	}
	return list
}

func anyOf[T any](set map[uint32]T, list []uint32) bool {
	return slices.ContainsFunc(list, func(oid uint32) bool { _, ok := set[oid]; return ok })
}

// table takes in one that is followed from now on.
func (h *shifting) table(t *planner.Table) {
	m := ledger.MemberOf(t)
	name := pgname.Shown(t.Schema, t.Name)
	was, known := h.known[t.OID]
	if known {
		h.keep(&m, was)
		if !sameMember(m, was) {
			h.out.members = append(h.out.members, m)
		}
		switch {
		case m.Follow == planner.FollowInserts && was.Follow == planner.FollowAll:
			h.note(planner.InsertsAlone(name))
		case m.Follow == planner.FollowAll && was.Follow == planner.FollowInserts:
			h.note(fmt.Sprintf("updates and deletes of %s are followed from now on; where it had some before, copy it again with -replace='%s'",
				name, planner.TableAddress(h.address, t.Schema, t.Name)))
		}
		return
	}
	m.State, m.Point = ledger.Followed, h.point
	m.TargetSchema, m.TargetName = t.Schema, t.Name // where the command makes it
	before, there := h.before[t.OID]
	switch {
	case h.point == 0 && h.recorded(t.OID):
		return
	case h.point == 0: // the target has what the command makes of it
		m.State = ledger.Copying
		h.note(fmt.Sprintf("the rows of %s are copied by the next plan", name))
	case !there:
		h.out.made = append(h.out.made, t.OID)
	case anyOf(h.known, before.above):
		// Its rows came as those of its root, up to this very place.
	case before.schema != t.Schema || before.name != t.Name || !slices.Equal(before.above, h.above(t.OID)):
		h.note(fmt.Sprintf("%s was there before, and is selected only now; the next plan adds it, with its rows", name))
		return
	default:
		return
	}
	h.out.members = append(h.out.members, m)
}

func (h *shifting) note(text string) { h.out.notes = append(h.out.notes, h.address+": "+text) }

// recorded reports whether a table that is no member has a record all the same: it was
// taken out, and its rows are still on the target.
func (h *shifting) recorded(oid uint32) bool {
	return slices.ContainsFunc(h.members, func(m ledger.Member) bool { return m.Source == oid })
}

// keep carries over what a command does not change of a member. The target's name
// follows the source's, where it was the same.
func (h *shifting) keep(m *ledger.Member, was ledger.Member) {
	m.State, m.Point, m.Parts, m.Columns = was.State, was.Point, was.Parts, was.Columns
	m.TargetSchema, m.TargetName = was.TargetSchema, was.TargetName
	if was.Schema == was.TargetSchema && was.Name == was.TargetName {
		m.TargetSchema, m.TargetName = m.Schema, m.Name
	}
}

func sameMember(a, b ledger.Member) bool {
	return a.Schema == b.Schema && a.Name == b.Name && a.TargetSchema == b.TargetSchema && a.TargetName == b.TargetName &&
		a.Follow == b.Follow && slices.Equal(a.Key, b.Key) && slices.Equal(a.Dropped, b.Dropped) && a.State == b.State
}

// attached refuses that a table which is not on the target becomes a partition of one
// whose name stands for its partitions: its rows would be looked for there.
func (h *shifting) attached(followed map[uint32]bool) error {
	if !h.settings.ViaRoot || h.point == 0 {
		return nil
	}
	for i := range h.db.Relations {
		r := &h.db.Relations[i]
		before, there := h.before[r.OID]
		above := h.above(r.OID)
		if !there || r.Kind != catalog.Table || !anyOf(followed, above) || anyOf(h.known, append(before.above, r.OID)) {
			continue
		}
		root := h.byOID[above[len(above)-1]]
		return &UnreadyError{Address: h.change.Address, Mirror: h.address, Table: pgname.Shown(r.Schema, r.Name), Root: pgname.Shown(root.Schema, root.Name)}
	}
	return nil
}

// UnreadyError reports a command that would make a table part of another which is
// mirrored, and is none itself. It was rolled back.
type UnreadyError struct{ Address, Mirror, Table, Root string }

func (e *UnreadyError) Error() string {
	return fmt.Sprintf("%s was rolled back on the source: %s, which is not in %s, would become a partition of %s", e.Address, e.Table, e.Mirror, e.Root)
}

// Hint says what the operator can do about it.
func (e *UnreadyError) Hint() string {
	return "add " + e.Table + " to the mirror's tables, and apply that first: it then has its rows on the target"
}

// The control session sees nothing of a transaction that is not committed.
const selectSeen = `
	select c.oid, n.nspname::text, c.relname::text,
		array(select a.relid::oid from pg_catalog.pg_partition_ancestors(c.oid::pg_catalog.regclass) a where a.relid <> c.oid)
	from pg_catalog.pg_class c
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where c.oid = any ($1::oid[])
	order by c.oid`
