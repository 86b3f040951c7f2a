package planner

import (
	"fmt"
	"slices"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/planner/statement"
)

// describe says what is known of a statement before it runs.
func (k *checking) describe(s *statement.Statement) DDLStatement {
	d := DDLStatement{Text: s.Text, Locks: []DDLLock{}, Rewrite: k.rewrite(s)}
	for _, t := range s.Tables {
		l := DDLLock{Mode: t.Lock, Table: t.String()}
		if r := k.source.table(t); r != nil {
			for _, x := range k.source.family(r) {
				l.Bytes += x.Bytes
			}
		}
		d.Locks = append(d.Locks, l)
	}
	for _, name := range s.Drops {
		d.Drops = append(d.Drops, name.String())
	}
	d.Effects = append(d.Effects, s.Also...)
	if d.Rewrite == statement.Unknown {
		for _, doubt := range s.Doubts {
			d.Effects = append(d.Effects, "whether rows are rewritten: "+doubt)
		}
	}
	if s.Refused == "" {
		for _, x := range k.sides {
			if x.stage() != ddlApplied {
				d.Effects = append(d.Effects, k.membership(s, x)...)
				d.Effects = append(d.Effects, k.keys(s, x)...)
			}
		}
	}
	return d
}

// rewrite decides, by the columns that are there, what the grammar alone does not tell.
func (k *checking) rewrite(s *statement.Statement) string {
	if s.Rewrite != statement.Unknown || len(s.Doubts) > 0 || len(s.Types) == 0 {
		return s.Rewrite
	}
	answer := statement.No
	for _, change := range s.Types {
		is := statement.Unknown
		if r := k.source.byName[change.Table]; r != nil {
			if i := slices.IndexFunc(r.Columns, func(c catalog.Column) bool { return c.Name == change.Column }); i >= 0 {
				is = statement.Rewrites(r.Columns[i].Type, change.To)
			}
		}
		switch {
		case is == statement.Yes:
			return is
		case is == statement.Unknown:
			answer = is
		}
	}
	return answer
}

// family is a table with its partitions, or the tables that inherit from it.
func (r *relations) family(x *catalog.Relation) []*catalog.Relation {
	list := []*catalog.Relation{x}
	for i := range r.db.Relations {
		if child := &r.db.Relations[i]; x.OID != 0 && slices.Contains(child.Parents, x.OID) {
			list = append(list, r.family(child)...)
		}
	}
	return list
}

// membership says which tables come to a mirror, leave it, or are called otherwise.
func (k *checking) membership(s *statement.Statement, x *side) []string {
	var list []string
	for _, n := range s.Creates {
		if there := s.Unsure && !k.onSource() && k.source.byName[n] != nil; !there {
			list = append(list, k.joins(s, x, n)...)
		}
	}
	for _, n := range k.dropped(s) {
		if r := k.source.byName[n]; k.member(x, r) {
			list = append(list, fmt.Sprintf("%s leaves %s", n, x.decl.Address))
		}
	}
	for _, move := range renames(s) {
		for _, n := range sortedNames(k.source.names()) {
			if to, ok := move.apply(n); ok && k.member(x, k.source.byName[n]) {
				list = append(list, k.renamed(x, n, to))
			}
		}
	}
	for _, p := range s.Attaches {
		list = append(list, k.attached(s, x, p)...)
	}
	for _, p := range s.Detaches {
		list = append(list, k.detached(x, p)...)
	}
	return list
}

// attached says what becomes of a table that is there, and becomes a partition.
func (k *checking) attached(s *statement.Statement, x *side, p statement.Partition) []string {
	r, viaRoot := k.source.byName[p.Child], x.decl.Stream.PublishViaPartitionRoot
	switch {
	case r == nil || slices.Contains(s.Creates, p.Child) || !k.rooted(x.decl, k.source.byName[p.Parent]):
	case viaRoot && k.member(x, r):
		return []string{fmt.Sprintf("%s is followed by %s with its root", p.Child, x.decl.Address)}
	case !viaRoot && !k.member(x, r) && r.Kind == catalog.Table:
		return []string{fmt.Sprintf("%s is selected by %s with its root from then on: the next apply adds it, with its rows", p.Child, x.decl.Address)}
	}
	return nil
}

// detached says what becomes of a table that is no partition any more.
func (k *checking) detached(x *side, p statement.Partition) []string {
	r := k.source.byName[p.Child]
	byRoot := x.decl.Stream.PublishViaPartitionRoot && k.rooted(x.decl, k.source.byName[p.Parent])
	switch {
	case r == nil || !byRoot && !k.member(x, r):
	case selects(x.decl, p.Child) && byRoot:
		return []string{fmt.Sprintf("%s joins %s by itself", p.Child, x.decl.Address)}
	case selects(x.decl, p.Child):
	case byRoot:
		return []string{k.leaves(x, p.Child, fmt.Sprintf("%s is no partition any more, and the tables of %s do not select it: it is not followed any more", p.Child, x.decl.Address))}
	default:
		return []string{k.leaves(x, p.Child, fmt.Sprintf("%s is no partition any more, and the tables of %s do not select it: the next apply takes it out", p.Child, x.decl.Address))}
	}
	return nil
}

// rooted reports whether a mirror follows the partitions of a table: itself, or one that it
// is a partition of, is selected.
func (k *checking) rooted(decl *config.Mirror, r *catalog.Relation) bool {
	for r != nil {
		if k.follows(decl, r) || selects(decl, statement.Name{Schema: r.Schema, Name: r.Name}) {
			return true
		}
		if !r.IsPartition || len(r.Parents) == 0 {
			return false
		}
		r = k.source.byOID(r.Parents[0])
	}
	return false
}

// member reports whether a mirror follows a table, or will when it is made.
func (k *checking) member(x *side, r *catalog.Relation) bool {
	return r != nil && (r.Kind == catalog.Table || r.Kind == catalog.Partitioned) && k.follows(x.decl, r)
}

// dropped are the tables that a statement drops, with their partitions, those of a schema
// that goes included.
func (k *checking) dropped(s *statement.Statement) (list []statement.Name) {
	gone := map[*catalog.Relation]bool{}
	for _, n := range s.Drops {
		if r := k.source.byName[n]; r != nil {
			for _, part := range k.source.family(r) {
				gone[part] = true
			}
		}
	}
	for _, n := range sortedNames(k.source.names()) {
		if gone[k.source.byName[n]] || slices.ContainsFunc(s.Schemas, func(x statement.Schema) bool { return x.To == "" && x.From == n.Schema }) {
			list = append(list, n)
		}
	}
	return list
}

// joins says what becomes of a new table.
func (k *checking) joins(s *statement.Statement, x *side, n statement.Name) []string {
	part := k.joinsRoot(s, x.decl, n)
	switch {
	case !part && !selects(x.decl, n):
		return []string{k.leaves(x, n, fmt.Sprintf("%s is made on both sides, and %s does not follow it: its tables do not select it", n, x.decl.Address))}
	case part && x.decl.Stream.PublishViaPartitionRoot:
		return []string{fmt.Sprintf("%s is followed by %s with its root", n, x.decl.Address)}
	case len(x.decl.Stream.Publications) > 0:
		k.found("command", codeNotPublished, Refusal, fmt.Sprintf("%s would not be in publication %s, which is not of the mirror's making: %s would not follow it", n, x.decl.Stream.Publications[0], x.decl.Address),
			fmt.Sprintf("Create the table by hand, add it with ALTER PUBLICATION %s ADD TABLE, and apply: the mirror then copies it.", shown("", x.decl.Stream.Publications[0])), n.String())
	}
	return []string{fmt.Sprintf("%s joins %s, with its inserts alone if it has no key", n, x.decl.Address)}
}

// joinsRoot reports whether a new table is a partition of one that a mirror follows.
func (k *checking) joinsRoot(s *statement.Statement, decl *config.Mirror, n statement.Name) bool {
	return slices.ContainsFunc(s.Attaches, func(p statement.Partition) bool {
		return p.Child == n && k.rooted(decl, k.source.byName[p.Parent])
	})
}

// renamed says what becomes of a table that gets another name.
func (k *checking) renamed(x *side, from, to statement.Name) string {
	r := k.source.byName[from]
	if selects(x.decl, to) || r.IsPartition && len(r.Parents) > 0 && k.followsOID(x, r.Parents[0]) {
		return fmt.Sprintf("%s is followed on as %s by %s", from, to, x.decl.Address)
	}
	return k.leaves(x, to, fmt.Sprintf("%s becomes %s, which the tables of %s do not select: the next apply takes it out", from, to, x.decl.Address))
}

func (k *checking) followsOID(x *side, oid uint32) bool {
	r := k.source.byOID(oid)
	return r != nil && (k.follows(x.decl, r) || selects(x.decl, statement.Name{Schema: r.Schema, Name: r.Name}))
}

// leaves is an effect that is a finding as well: rows stay behind.
func (k *checking) leaves(x *side, n statement.Name, text string) string {
	k.found("command", codeNotSelectedLater, Warning, text, fmt.Sprintf("If its rows are to arrive on the target, have tables of %s select %s, in the same change.", x.decl.Address, n), n.String())
	return text
}

func sortedNames(list []statement.Name) []statement.Name {
	slices.SortFunc(list, func(a, b statement.Name) int { return compareNames(a, b) })
	return list
}
