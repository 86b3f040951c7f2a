package planner

import (
	"slices"
	"strings"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/planner/statement"
)

// relations is what a peer has, by name, as the commands before have left it.
type relations struct {
	db     *catalog.Database
	byName map[statement.Name]*catalog.Relation

	// made are relations that commands before have made and that are no tables.
	made map[statement.Name]bool

	// dim: a command before made things that are in no list here, or cannot be looked into.
	dim, opaque bool
}

func newRelations(db *catalog.Database) *relations {
	r := &relations{db: db, made: map[statement.Name]bool{}, byName: make(map[statement.Name]*catalog.Relation, len(db.Relations))}
	for i := range db.Relations {
		x := &db.Relations[i]
		r.byName[statement.Name{Schema: x.Schema, Name: x.Name}] = x
	}
	return r
}

// has reports whether what a statement names is there, or may be.
func (r *relations) has(t statement.Table) bool {
	switch {
	case r.byName[nameOf(t)] != nil, r.made[nameOf(t)], r.opaque:
		return true
	case r.dim && (t.Kind != "table" || t.Lock == "ACCESS SHARE"): // a view under another name is read as a table is
		return true
	}
	return slices.ContainsFunc(r.db.Indexes, func(x catalog.Index) bool { return t.Kind == "index" && x.Schema == t.Schema && x.Name == t.Name })
}

// table is the relation that a statement names: of an index, its table. Nil when it is
// not there.
func (r *relations) table(t statement.Table) *catalog.Relation {
	if x := r.byName[nameOf(t)]; x != nil {
		return x
	}
	for i := range r.db.Indexes {
		x := &r.db.Indexes[i]
		if t.Kind == "index" && x.Schema == t.Schema && x.Name == t.Name {
			return r.byOID(x.Table)
		}
	}
	return nil
}

func (r *relations) byOID(oid uint32) *catalog.Relation {
	i := slices.IndexFunc(r.db.Relations, func(x catalog.Relation) bool { return x.OID == oid })
	if i < 0 {
		return nil
	}
	return &r.db.Relations[i]
}

// after changes the names as the statement will.
func (r *relations) after(s *statement.Statement) {
	for _, d := range s.Drops {
		delete(r.byName, d)
	}
	for _, x := range renames(s) {
		for _, name := range r.names() {
			if to, ok := x.apply(name); ok {
				r.byName[to] = r.byName[name]
				delete(r.byName, name)
			}
		}
	}
	for _, d := range s.Schemas {
		for _, name := range r.names() {
			if d.To == "" && name.Schema == d.From {
				delete(r.byName, name)
			}
		}
	}
	for _, n := range s.Makes {
		r.made[n] = true
	}
	for _, n := range s.Creates {
		if s.Unsure && r.byName[n] != nil {
			continue
		}
		r.byName[n] = &catalog.Relation{Schema: n.Schema, Name: n.Name, Kind: catalog.Table, Persistence: 'p', IsOwner: true}
	}
	r.opaque = r.opaque || s.Opaque
	r.dim = true
}

func (r *relations) names() []statement.Name {
	list := make([]statement.Name, 0, len(r.byName))
	for name := range r.byName {
		list = append(list, name)
	}
	return list
}

// suggest returns the qualified names of what a name without a schema may mean.
func (r *relations) suggest(name string) []string {
	var list []string
	for n := range r.byName {
		if n.Name == name {
			list = append(list, n.String())
		}
	}
	for _, o := range r.db.Objects {
		base, function := cutArguments(o.Name)
		wanted, called := cutArguments(name)
		if o.Schema != "" && o.Table == 0 && base == wanted && function == called {
			list = append(list, shown(o.Schema, base))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func nameOf(t statement.Table) statement.Name { return statement.Name{Schema: t.Schema, Name: t.Name} }

// renaming is of a table, or of a schema with all that is in it.
type renaming struct{ from, to statement.Name }

// apply returns the new name of a table that is renamed.
func (x renaming) apply(n statement.Name) (statement.Name, bool) {
	switch {
	case x.from.Name == "" && n.Schema == x.from.Schema:
		return statement.Name{Schema: x.to.Schema, Name: n.Name}, true
	case x.from == n:
		return x.to, true
	}
	return n, false
}

func renames(s *statement.Statement) []renaming {
	var list []renaming
	for _, x := range s.Renames {
		list = append(list, renaming{x.From, x.To})
	}
	for _, x := range s.Schemas {
		if x.From != "" && x.To != "" {
			list = append(list, renaming{statement.Name{Schema: x.From}, statement.Name{Schema: x.To}})
		}
	}
	return list
}

// later is the name that a table has when all commands are through that are declared for
// the mirror and yet to run.
func (d *draft) later(schema, name string) (string, string) {
	n := statement.Name{Schema: schema, Name: name}
	for _, x := range d.renamings() {
		n, _ = x.apply(n)
	}
	return n.Schema, n.Name
}

func (d *draft) renamings() []renaming {
	if !d.foreseen {
		d.foreseen = true
		for _, s := range d.coming(d.decl) {
			d.ahead = append(d.ahead, renames(&s)...)
		}
	}
	return d.ahead
}

// arriving reports whether a command that is yet to run makes a table for which fits is
// true, or gives one such a name.
func (d *draft) arriving(fits func(schema, name string) bool) bool {
	return slices.ContainsFunc(d.coming(d.decl), func(s statement.Statement) bool {
		made := slices.ContainsFunc(s.Creates, func(n statement.Name) bool { return fits(n.Schema, n.Name) })
		return made || slices.ContainsFunc(s.Renames, func(x statement.Rename) bool { return fits(x.To.Schema, x.To.Name) })
	})
}

// selects reports whether a mirror's declaration selects a table by its name.
func selects(decl *config.Mirror, n statement.Name) bool {
	match := func(list []config.Pattern) bool {
		return slices.ContainsFunc(list, func(p config.Pattern) bool { return p.Match(n.Schema, n.Name) })
	}
	return (len(decl.Tables) == 0 || match(decl.Tables)) && !match(decl.Exclude)
}

// cutArguments takes the arguments off the name of a function.
func cutArguments(name string) (base string, function bool) {
	base, _, function = strings.Cut(name, "(")
	return base, function
}
