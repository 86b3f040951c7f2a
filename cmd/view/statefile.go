package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bascule/state"
)

// State shows the whole state.
func (s *Screen) State(f *state.File, path string) error {
	if s.json {
		return s.Document(f)
	}
	var b strings.Builder
	if f.Serial == 0 {
		fmt.Fprintf(&b, "There is no state yet: %s is written by the first apply.\n", path)
		return s.Text(b.String())
	}
	fmt.Fprintf(&b, "State %s, serial %d, lineage %s, written by bascule %s\n", path, f.Serial, f.Lineage, f.Version)
	for _, r := range f.Resources {
		b.WriteString("\n")
		resourceText(&b, r)
	}
	if len(f.Journal) > 0 {
		b.WriteString("\nJournal of an apply that has not ended:\n")
		var g grid
		for _, j := range f.Journal {
			g.add("  "+j.At.UTC().Format(time.RFC3339), j.Address, j.Step, j.Status, j.Error)
		}
		for _, l := range g.lines("  ") {
			fmt.Fprintln(&b, l)
		}
	}
	return s.Text(b.String())
}

// Resource shows one resource of the state.
func (s *Screen) Resource(r *state.Resource) error {
	if s.json {
		return s.Document(r)
	}
	var b strings.Builder
	resourceText(&b, r)
	return s.Text(b.String())
}

// Addresses shows the addresses of the state.
func (s *Screen) Addresses(f *state.File) error {
	list := []string{}
	for _, r := range f.Resources {
		list = append(list, r.Address)
	}
	if s.json {
		return s.Document(list)
	}
	if len(list) == 0 {
		return nil
	}
	return s.Text(strings.Join(list, "\n") + "\n")
}

// resourceText renders a resource the way its block is written.
func resourceText(b *strings.Builder, r *state.Resource) {
	fmt.Fprintf(b, "# %s, %s since %s\n%s {\n", r.Address, r.Status, r.Updated.UTC().Format(time.RFC3339), block(r.Address))
	var g grid
	if p := r.Peer; p != nil {
		g.add("endpoint", p.Endpoint)
		g.add("system_identifier", p.SystemIdentifier)
		g.add("database_oid", fmt.Sprint(p.DatabaseOID))
	}
	if m := r.Mirror; m != nil {
		g.add("source", m.Source)
		g.add("target", m.Target)
		g.add("continuous", fmt.Sprint(m.Continuous))
		for _, name := range slices.Sorted(maps.Keys(m.Settings)) {
			if value := m.Settings[name]; value != "" && name != "source" && name != "target" && name != "continuous" {
				g.add(name, value)
			}
		}
	}
	if d := r.DDL; d != nil {
		g.add("source", d.Source)
		g.add("mirrors", strings.Join(d.Mirrors, ", "))
		g.add("checksum", "sha256:"+d.Checksum)
		if !d.Applied.IsZero() {
			g.add("lsn", d.LSN)
			g.add("applied", d.Applied.UTC().Format(time.RFC3339))
		}
	}
	for _, l := range g.lines(" = ") {
		fmt.Fprintf(b, "  %s\n", l)
	}
	b.WriteString("}\n")
}
