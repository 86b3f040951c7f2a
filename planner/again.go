package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/config"
)

// tableMark is what stands between a mirror's address and the name of its table.
const tableMark = `.table["`

// TableAddress is the address of one table of a mirror: mirror.app.table["public.orders"].
func TableAddress(mirror, schema, name string) string {
	return mirror + tableMark + strings.ReplaceAll(shown(schema, name), `"`, `\"`) + `"]`
}

// cutTable takes the address of a table apart. ok is false where it is a mirror's.
func cutTable(address string) (mirror, table string, ok bool) {
	mirror, rest, ok := strings.Cut(address, tableMark)
	rest, closed := strings.CutSuffix(rest, `"]`)
	return mirror, strings.ReplaceAll(rest, `\"`, `"`), ok && closed
}

// replaces reports whether the mirror is to be made anew.
func (m *maker) replaces(address string) bool {
	return slices.ContainsFunc(m.in.Replaces, func(a string) bool {
		_, _, table := cutTable(a)
		return !table && names([]string{a}, address)
	})
}

// checkReplaces checks that what is to be copied again is declared. Tables are
// looked for when their mirror is drafted.
func (m *maker) checkReplaces() {
	var known []string
	for _, decl := range m.in.Config.Mirrors {
		known = append(known, decl.Address)
		block, _, _ := strings.Cut(decl.Address, "[")
		known = append(known, block)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	for _, a := range m.in.Replaces {
		mirror, table, ok := cutTable(a)
		if !ok {
			mirror = a
		}
		if !slices.Contains(known, mirror) {
			near := nearest(mirror, known)
			for i := range near {
				if ok {
					near[i] += tableMark + table + `"]`
				}
			}
			m.find(Finding{Code: codeNoAddress, Severity: Refusal, Summary: mirror + " is not declared",
				Detail: meant(near, "Correct the address given with -replace: a mirror's, or mirror.NAME.table[\"schema.table\"].")})
		}
	}
}

// again returns the tables of the mirror that are to be copied again, by oid on the
// source: partitions where their root is named.
func (d *draft) again() map[uint32]bool {
	wanted := map[uint32]bool{}
	for _, a := range d.in.Replaces {
		mirror, text, ok := cutTable(a)
		if !ok || !names([]string{mirror}, d.decl.Address) {
			continue
		}
		schema, name, err := config.ParseTable(text)
		i := slices.IndexFunc(d.out.Tables, func(t Table) bool { return t.Schema == schema && t.Name == name })
		if err != nil || i < 0 {
			d.find(Finding{Code: codeNoTable, Severity: Refusal, Address: d.decl.Address, Summary: fmt.Sprintf("the mirror has no table %s", text),
				Detail: meant(d.suggestOwn(text), "Correct the address given with -replace.")})
			continue
		}
		wanted[d.out.Tables[i].OID] = true
	}
	if len(wanted) > 0 && d.locked {
		d.find(at(protected(d.decl.Address, "copied again in part"), d.decl.RangeOf("protect")))
	}
	for grown := true; grown; {
		grown = false
		for _, t := range d.out.Tables {
			if len(t.PartitionOf) > 0 && wanted[t.PartitionOf[0]] && !wanted[t.OID] {
				wanted[t.OID], grown = true, true
			}
		}
	}
	return wanted
}

// suggestOwn returns the names of the mirror's tables most like a word, as addresses.
func (d *draft) suggestOwn(text string) []string {
	var tables []string
	for _, t := range d.out.Tables {
		tables = append(tables, shown(t.Schema, t.Name))
	}
	near := nearest(text, tables)
	for i := range near {
		near[i] = d.decl.Address + tableMark + near[i] + `"]`
	}
	return near
}

// checkAgainOnce refuses to copy one table of a mirror that does not stream: it has
// one point, that of its snapshot.
func (m *maker) checkAgainOnce(decl *config.Mirror) {
	for _, a := range m.in.Replaces {
		mirror, _, ok := cutTable(a)
		if ok && !decl.Continuous && names([]string{mirror}, decl.Address) {
			m.find(Finding{Code: codeNotAgain, Severity: Refusal, Address: decl.Address, Summary: a + ": the mirror does not stream, so its tables are copied together or not at all",
				Detail: fmt.Sprintf("Copy the whole mirror again with -replace='%s'.", decl.Address)})
		}
	}
}
