package pglogical

import (
	"context"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"

	"bascule/executor/slot"
	"bascule/planner/catalog"
)

// Found is what one mirror has of pglogical in a database besides a subscription: as a
// source its node, or sets in a node that was there before, and the slot that is read; as
// a target its node.
type Found struct {
	// Name that the mirror's subscription has, or had.
	Name string

	// Node of the database, "" where that is not the mirror's.
	Node string

	// Source: the mirror is, or was, sent from here. Slots are what it is read by; Active:
	// somebody does.
	Source bool
	Slots  []string
	Active bool
}

// ofTarget ends the name of a node that is made on a target.
var ofTarget = regexp.MustCompile(`_target(__[0-9a-f]{10})?$`)

// List returns what mirrors, of whatever state, have in the database of conn; nothing
// where the extension is missing, or its tables may not be read.
func List(ctx context.Context, conn *pgx.Conn) ([]Found, error) {
	p, err := catalog.ReadPglogical(ctx, conn)
	if err != nil || p == nil || !p.Readable {
		return nil, err
	}
	var list []Found
	switch {
	case !slot.Named(p.Node):
	case ofTarget.MatchString(p.Node):
		list = append(list, Found{Name: ofTarget.ReplaceAllString(p.Node, "$1"), Node: p.Node})
	default:
		list = append(list, Found{Name: p.Node, Node: p.Node, Source: true})
	}
	for _, s := range p.Sets {
		if slot.Named(s.Name) && s.Name != p.Node && !ofSet.MatchString(s.Name) {
			list = append(list, Found{Name: s.Name, Source: true})
		}
	}
	for i := range list {
		if f := &list[i]; f.Source {
			if err := f.readSlots(ctx, conn, p.Node); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// ofSet ends the names of a mirror's sets, but for the first of them, which is named like
// the subscription.
var ofSet = regexp.MustCompile(`_(inserts|joined)(__[0-9a-f]{10})?$`)

func (f *Found) readSlots(ctx context.Context, conn *pgx.Conn, node string) error {
	rows, err := conn.Query(ctx, selectSlotsOf, node, f.Name)
	if err != nil {
		return fmt.Errorf("read the slots of %s: %w", f.Name, err)
	}
	var name string
	var active bool
	_, err = pgx.ForEachRow(rows, []any{&name, &active}, func() error {
		f.Slots, f.Active = append(f.Slots, name), f.Active || active
		return nil
	})
	return err
}

// A slot's name has the target's database in it, which the source does not know.
const selectSlotsOf = `
	select s.slot_name::text, s.active
	from (select pg_catalog.substr(pglogical.pglogical_gen_slot_name('', $1, $2)::text, 5) tail) named
	join pg_catalog.pg_replication_slots s on pg_catalog.right(s.slot_name::text, pg_catalog.length(tail)) = tail
	where s.plugin = 'pglogical_output' and s.database = pg_catalog.current_database()
	order by s.slot_name`
