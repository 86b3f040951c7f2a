package slot

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/planner"
	"bascule/planner/catalog"
)

// Found is a slot or a publication with our prefix: one of the two is set.
type Found struct {
	Slot        *catalog.Slot
	Publication *catalog.Publication

	// Mirror is the address that it was made for, "" where that is none of the given
	// ones. Lineage is the mark in its name, "" where there is none.
	Mirror  string
	Lineage string

	// Orphan: it carries our lineage, and no mirror has it, nor does anybody use it.
	Orphan bool
}

// Name of the slot or publication.
func (f *Found) Name() string {
	if f.Slot != nil {
		return f.Slot.Name
	}
	return f.Publication.Name
}

// List returns what has our prefix on the server and in the database of conn: slots,
// then publications, by name. Addresses are the mirrors that exist in this lineage.
func List(ctx context.Context, conn *pgx.Conn, lineage string, addresses []string) ([]Found, error) {
	slots, publications, err := catalog.ReadSlots(ctx, conn)
	if err != nil {
		return nil, err
	}
	var list []Found
	used := map[string]bool{} // publications that a reader may be at, by what their names begin with
	for i := range slots {
		s := &slots[i]
		if !strings.HasPrefix(s.Name, Prefix) {
			continue
		}
		f := found(s.Name, lineage, addresses)
		f.Slot = s
		f.Orphan = f.Orphan && !s.Active && !s.Temporary && !s.Synced
		used[stem(s.Name)] = used[stem(s.Name)] || s.Active
		list = append(list, f)
	}
	for i := range publications {
		p := &publications[i]
		if !strings.HasPrefix(p.Name, Prefix) {
			continue
		}
		f := found(p.Name, lineage, addresses)
		f.Publication = p
		f.Orphan = f.Orphan && !used[stem(p.Name)]
		list = append(list, f)
	}
	return list, nil
}

func found(name, lineage string, addresses []string) Found {
	f := Found{Lineage: Lineage(name), Mirror: Whose(name, lineage, addresses)}
	f.Orphan = f.Mirror == "" && f.Lineage == lineage[:min(8, len(lineage))]
	return f
}

// stem is what the names of a mirror's slots and publications have in common.
func stem(name string) string {
	if m := marked.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return name
}

// Prune drops an orphan. A slot that somebody has begun to read since is an
// *InUseError, and stays.
func Prune(ctx context.Context, conn *pgx.Conn, f Found) error {
	switch {
	case !f.Orphan:
		return fmt.Errorf("%q is no orphan, and stays", f.Name())
	case f.Slot != nil:
		return Drop(ctx, conn, f.Slot.Name, 0)
	}
	return DropPublications(ctx, conn, planner.Stream{Publication: f.Publication.Name, OwnPublications: true})
}
