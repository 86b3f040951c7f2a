package planner

import (
	"fmt"
	"slices"

	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// ownEngine is the word for Bascule's own stream.
const ownEngine = "stream"

// engineWord is the engine as a configuration names it.
func (s *Stream) engineWord() string {
	if s.Engine == "" {
		return ownEngine
	}
	return s.Engine
}

// engine decides what moves rows between two applies.
func (d *draft) engine(s *Stream) {
	if d.decl.Engine == ownEngine {
		return
	}
	s.Engine, s.Subscription = d.decl.Engine, s.Slot
}

// engineChanged says who goes on with the rows of a mirror whose engine is changed, and
// what is copied for that; "" where the engine stays.
func (d *draft) engineChanged() string {
	if d.before == nil || d.before.engineWord() == d.out.Stream.engineWord() {
		return ""
	}
	from, to := d.before.carrier(), d.out.Stream.carrier()
	return from + " hands over to " + to + ", which goes on from the same position: nothing is copied again for it"
}

// carrier is what moves the rows, for people.
func (s *Stream) carrier() string {
	switch s.Engine {
	case EnginePglogical:
		return "pglogical"
	case EngineSubscription:
		return "the target's subscription"
	}
	return "Bascule's stream"
}

// unhanded says why a mirror that its servers are to move is not moved by them, or "".
func (d *draft) unhanded() string {
	b := d.before
	if b == nil || b.Engine == "" || b.Paused || d.ledger.Stream.Halt != nil {
		return ""
	}
	now := d.in.Live[d.decl.Target.Address].Engines[d.ledger.ID]
	switch {
	case !d.ledger.Stream.Handed:
		return "its servers do not move its rows: an apply was interrupted; it is handed over to them"
	case now != nil && now.There && !now.Enabled:
		return "subscription " + now.Subscription + " is disabled, by somebody or by an apply that was interrupted; apply streams from where it stands, and hands over again"
	case now != nil && now.There && !now.Working:
		return "the worker of subscription " + now.Subscription + " is down; apply streams from where it stands, which says what is in the way if something still is, and hands over again"
	case now != nil && now.There && now.Slot != b.Slot && d.leftSlot(b.Slot):
		return "replication slot " + b.Slot + " was left by an apply that was interrupted, and holds WAL for nobody; it is dropped"
	}
	return ""
}

// leftSlot reports whether the source has this slot.
func (d *draft) leftSlot(name string) bool {
	return slices.ContainsFunc(d.in.Live[d.decl.Source.Address].Slots, func(s catalog.Slot) bool { return s.Name == name })
}

// liveSlot is the slot on the source that the mirror cannot live without; "" where its
// servers' engine has it, and is gone.
func (d *draft) liveSlot() string {
	now := d.in.Live[d.decl.Target.Address].Engines[d.ledger.ID]
	switch {
	case !d.ledger.Stream.Handed || now == nil, now.There && now.Slot == "": // which is set when it is started
		return d.out.Stream.Slot
	}
	return now.Slot
}

// engineSteps hand the mirror to the engine of its servers.
func (d *draft) engineSteps() []Step {
	s := d.out.Stream
	if s.Engine == "" || s.Paused {
		return nil
	}
	reached := fmt.Sprintf("<%s as %s reaches it>", d.out.Source, d.out.Target)
	step := Step{ID: "hand over", Kind: "stream", Peer: d.out.Target}
	name := pgname.Literal(s.Subscription)
	switch s.Engine {
	case EngineSubscription:
		quoted := pgname.Quote(s.Subscription)
		step.Summary = "hand over to subscription " + s.Subscription + ", which goes on from where the stream stands; what it connects with is stored in the server's catalogue, the password with it"
		step.SQL = []string{
			fmt.Sprintf("create subscription %s connection '%s' publication %s, %s with (enabled = false, create_slot = false, copy_data = false, slot_name = %s, binary = %t)",
				quoted, reached, pgname.Quote(s.Publication), pgname.Quote(s.Inserts), name, s.Binary),
			"select pg_catalog.pg_replication_origin_advance('pg_<its oid>', <position>)",
			"alter subscription " + quoted + " enable"}
	case EnginePglogical:
		step.Summary = "hand over to pglogical's subscription " + s.Subscription + ", which goes on from where the stream stands; what it connects with is stored in the target's catalogue, the password with it"
		step.SQL = []string{
			fmt.Sprintf("select pglogical.create_subscription(%s, '%s', replication_sets := '{}', synchronize_structure := false, synchronize_data := false, forward_origins := '{}')", name, reached),
			fmt.Sprintf("select pglogical.alter_subscription_add_replication_set(%s, <each>)", name),
			"select pg_catalog.pg_replication_origin_advance(<its origin>, <position>)",
			fmt.Sprintf("select pglogical.alter_subscription_enable(%s, true)", name)}
		return []Step{{ID: "prepare", Kind: "stream", Peer: d.out.Source, Summary: "make pglogical's node and replication sets, with a trigger for TRUNCATE on each table; its worker makes a slot of its own, and ours is dropped",
			SQL: []string{"create extension if not exists pglogical", fmt.Sprintf("select pglogical.create_node(%s, <database>)", name),
				"select pglogical.replication_set_add_table(<default, or default_insert_only without a key>, <each table>)"}}, step}
	}
	return []Step{step}
}

// takeSteps take the mirror back from the engine of its servers.
func (d *draft) takeSteps() []Step {
	b := d.before
	if b == nil || b.Engine == "" {
		return nil
	}
	steps := []Step{{ID: "take over", Kind: "stream", Peer: d.out.Target,
		Summary: "stop the servers' " + b.Engine + " engine, and stream from where it stands; nothing is copied again for it"}}
	if b.Engine != d.out.Stream.Engine {
		steps = append(steps, engineCleanup(b, d.out.Target)...)
	}
	return steps
}

// engineCleanup takes the servers' engine away.
func engineCleanup(s *Stream, target string) []Step {
	if s == nil || s.Engine == "" {
		return nil
	}
	step := Step{ID: "drop subscription", Kind: "cleanup", Peer: target, Summary: "drop subscription " + s.Subscription}
	switch s.Engine {
	case EngineSubscription:
		step.SQL = subscriptionSQL(s)
	case EnginePglogical:
		step.Summary = "drop pglogical's subscription " + s.Subscription + ", and the nodes and the extension where they were made for it"
		step.SQL = subscriptionSQL(s)[:1]
	}
	return []Step{step}
}
