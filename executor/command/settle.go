package command

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog"
)

// settleSides brings what is recorded of the mirrors in line with what the command has
// made of their tables, so that the next plan finds nothing to do. It may be repeated.
func (d *commanding) settleSides(ctx context.Context) error {
	db, err := catalog.Read(ctx, d.server.Control, catalog.ReadOptions{})
	if err != nil {
		return err
	}
	for _, s := range d.sides {
		if err := s.settle(ctx, db); err != nil {
			return fmt.Errorf("%s: %w", s.address, err)
		}
		for _, text := range s.notes {
			d.note(text)
		}
	}
	return nil
}

// settle does it for one mirror.
func (s *side) settle(ctx context.Context, db *catalog.Database) error {
	members, err := ledger.Members(ctx, s.conn, s.id)
	if err != nil {
		return err
	}
	there := map[uint32]bool{}
	for i := range db.Relations {
		there[db.Relations[i].OID] = true
	}
	if s.plan.RanOnSource && s.carrier == nil {
		if err := s.withdrawn(ctx, members, there); err != nil {
			return err
		}
	}
	var gone []uint32
	for _, m := range members {
		if m.State == ledger.Removed && !there[m.Source] {
			gone = append(gone, m.Source)
		}
	}
	if len(gone) > 0 {
		if err := ledger.DropMembers(ctx, s.conn, s.id, gone...); err != nil {
			return err
		}
	}
	was, err := ledger.ReadStream(ctx, s.conn, s.id)
	if err != nil || was == nil {
		return err
	}
	settings := was.Settings
	s.rename(&settings, members)
	if s.decl.Schema.Copy {
		settings.Binary = planner.Binary(planner.Followed(s.decl, s.cfg.State.Lineage, s.rec, db), db)
	}
	if reflect.DeepEqual(settings, was.Settings) {
		return nil
	}
	halt := was.Halt
	if err := ledger.SetStream(ctx, s.conn, s.id, settings, was.Timeline); err != nil || halt == nil {
		return err
	}
	return ledger.SetHalt(ctx, s.conn, s.id, halt)
}

// rename has the settings that name tables follow those that the command renamed.
func (s *side) rename(settings *planner.Stream, now []ledger.Member) {
	source, target := map[[2]string][2]string{}, map[[2]string][2]string{}
	for _, was := range s.members {
		i := slices.IndexFunc(now, func(m ledger.Member) bool { return m.Source == was.Source })
		if i >= 0 {
			source[[2]string{was.Schema, was.Name}] = [2]string{now[i].Schema, now[i].Name}
			target[[2]string{was.TargetSchema, was.TargetName}] = [2]string{now[i].TargetSchema, now[i].TargetName}
		}
	}
	settings.Identities = slices.Clone(settings.Identities)
	for i := range settings.Identities {
		id := &settings.Identities[i]
		if is, ok := source[[2]string{id.Schema, id.Name}]; ok {
			id.Schema, id.Name = is[0], is[1]
		}
	}
	quoted := map[string]string{}
	for was, is := range target {
		quoted[pgname.Qualified(was[0], was[1])] = pgname.Qualified(is[0], is[1])
	}
	settings.Silenced = slices.Clone(settings.Silenced)
	for i := range settings.Silenced {
		t := &settings.Silenced[i]
		t.Table = cmp.Or(quoted[t.Table], t.Table)
	}
	settings.DisableTriggers = slices.Clone(settings.DisableTriggers)
	for i, name := range settings.DisableTriggers {
		settings.DisableTriggers[i] = cmp.Or(quoted[name], name)
	}
	slices.Sort(settings.DisableTriggers)
}
