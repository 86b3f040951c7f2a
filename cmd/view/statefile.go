package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bascule/config/pgname"
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

// Forgotten shows what has left the state, and what it leaves behind.
func (s *Screen) Forgotten(r *state.Resource) error {
	if s.json {
		return s.Document(r)
	}
	text := fmt.Sprintf("%s is forgotten. Nothing on a database was changed; what it has on %s stays there.\n", r.Address, r.Mirror.Target)
	if on := r.Mirror.OnSource; !on.Empty() {
		var has []string
		if on.Slot != "" {
			has = append(has, "replication slot "+on.Slot+", and the WAL that it keeps")
		}
		if names := strings.Trim(strings.Join(on.Publications, ", "), ", "); names != "" {
			has = append(has, "publications "+names)
		}
		if on.Log != "" {
			has = append(has, "schema "+on.Log)
		}
		for _, x := range on.Identities {
			has = append(has, fmt.Sprintf("replica identity %s of %s, which was %s", x.Is, pgname.Shown(x.Schema, x.Name), x.Was))
		}
		text += fmt.Sprintf("It was not removed from %s, which still has: %s. bascule slots -prune drops what nobody uses.\n", r.Mirror.Source, strings.Join(has, "; "))
	}
	return s.Text(text)
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
