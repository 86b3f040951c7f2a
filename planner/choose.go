package planner

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"bascule/config"
	"bascule/planner/catalog"
)

// choose decides which tables are carried: those that tables matches and exclude
// does not, with all partitions of the ones chosen. Every pattern must match. A table that
// a ddl block is about to rename is chosen by either name, so that it stays what it is.
func (d *draft) choose() {
	d.selected = map[uint32]bool{}
	excluded := map[uint32]bool{}
	used := map[*config.Pattern]bool{}
	matches := func(list []config.Pattern, schema, name string) bool {
		hit := false
		for i := range list {
			if list[i].Match(schema, name) {
				used[&list[i]], hit = true, true
			}
		}
		return hit
	}
	for i := range d.source.Relations {
		r := &d.source.Relations[i]
		if !isTable(r) {
			continue
		}
		if r.Extension != "" {
			d.selected[r.OID] = r.ConfigTable
			continue
		}
		in := matches(d.decl.Tables, r.Schema, r.Name) || len(d.decl.Tables) == 0
		excluded[r.OID] = matches(d.decl.Exclude, r.Schema, r.Name)
		if schema, name := d.later(r.Schema, r.Name); schema != r.Schema || name != r.Name {
			in = matches(d.decl.Tables, schema, name) || in
			excluded[r.OID] = matches(d.decl.Exclude, schema, name)
		}
		d.selected[r.OID] = in && !excluded[r.OID]
	}
	d.choosePartitions(excluded)
	d.checkPatterns("tables", d.decl.Tables, used)
	d.checkPatterns("exclude", d.decl.Exclude, used)
	d.checkBlocks()
}

// choosePartitions takes partitions where their root goes, down to the leaves.
func (d *draft) choosePartitions(excluded map[uint32]bool) {
	for changed := true; changed; {
		changed = false
		for i := range d.source.Relations {
			r := &d.source.Relations[i]
			if !r.IsPartition || len(r.Parents) == 0 || d.selected[r.OID] || excluded[r.OID] {
				continue
			}
			if d.selected[r.Parents[0]] {
				d.selected[r.OID], changed = true, true
			}
		}
	}
}

func isTable(r *catalog.Relation) bool {
	return r.Kind == catalog.Table || r.Kind == catalog.Partitioned || r.Kind == catalog.Foreign
}

func (d *draft) checkPatterns(attribute string, list []config.Pattern, used map[*config.Pattern]bool) {
	for i := range list {
		if used[&list[i]] {
			continue
		}
		f := matchesNothing(d.decl.Address, attribute, list[i].Text, d.suggest(list[i].Text))
		if d.arriving(list[i].Match) {
			f.Severity, f.Detail = Notice, "A ddl block is about to make one."
		}
		d.find(at(f, list[i].Range))
	}
}

// suggest returns the table names most like a pattern, at most three.
func (d *draft) suggest(pattern string) []string {
	var tables []string
	for i := range d.source.Relations {
		if r := &d.source.Relations[i]; isTable(r) && r.Extension == "" {
			tables = append(tables, shown(r.Schema, r.Name))
		}
	}
	return nearest(pattern, tables)
}

// nearest returns the names most like a word, at most three.
func nearest(word string, all []string) []string {
	type near struct {
		name     string
		distance int
	}
	var list []near
	most := max(2, len(word[strings.LastIndexByte(word, '.')+1:])/3) // schemas are much alike
	for _, name := range all {
		if n := levenshtein.Distance(word, name, nil); n <= most {
			list = append(list, near{name, n})
		}
	}
	slices.SortFunc(list, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	var found []string
	for _, n := range list[:min(3, len(list))] {
		found = append(found, n.name)
	}
	return found
}

// checkBlocks checks that table blocks speak of tables and columns that are there.
func (d *draft) checkBlocks() {
	found := d.blocks()
	named := map[*config.TableBlock]*catalog.Relation{}
	for oid, b := range found {
		named[b] = d.byOID[oid]
	}
	for _, b := range d.decl.Blocks {
		r := named[b]
		if r == nil || !isTable(r) {
			f := noSuchTable(d.decl.Address, shown(b.Schema, b.Name), d.suggest(shown(b.Schema, b.Name)))
			if r == nil && d.arriving(func(schema, name string) bool { return schema == b.Schema && name == b.Name }) {
				f.Severity, f.Detail = Notice, "A ddl block is about to make it."
			}
			d.find(at(f, b.Range))
			continue
		}
		if !d.selected[r.OID] {
			d.find(at(blockNotSelected(d.decl.Address, shown(b.Schema, b.Name)), b.Range))
		}
		for _, name := range b.ExcludeColumns {
			if !slices.ContainsFunc(r.Columns, func(c catalog.Column) bool { return c.Name == name }) {
				d.find(at(noSuchColumn(d.decl.Address, shown(b.Schema, b.Name), name), b.Range))
			}
		}
	}
}
