package view_test

import (
	"testing"

	"bascule/cmd/view"
	"bascule/planner"
)

// following is creation as a continuous mirror.
func following() planner.Change {
	c := creation()
	c.Mirror.Stream = &planner.Stream{Slot: "bascule_app_9d7f0c6e", OwnSlot: true, Publication: "bascule_app_9d7f0c6e", Inserts: "bascule_app_9d7f0c6ei", OwnPublications: true, InitialCopy: true}
	for i, follow := range []string{planner.FollowInserts, planner.FollowAll, planner.FollowNone, planner.FollowNone} {
		c.Mirror.Tables[i].Follow = follow
	}
	c.Mirror.Tables[0].Notes[0].Text = "no primary key, inserts only"
	c.Mirror.Tables[3].Notes = []planner.Note{{Text: "copied once, not followed", Code: "B156"}}
	c.Steps = append(c.Steps,
		planner.Step{ID: "identity public.events", Kind: "identity", Peer: "peer.prod", Summary: "set the replica identity of public.events, until the mirror goes, from default to full"},
		planner.Step{ID: "publications", Kind: "publication", Peer: "peer.prod", Summary: "publish the tables"},
		planner.Step{ID: "slot", Kind: "slot", Peer: "peer.prod", Summary: "create replication slot"},
		planner.Step{ID: "stream", Kind: "stream", Peer: "peer.next", Summary: "stream"})
	return c
}

func TestPlanOfStreams(t *testing.T) {
	attached := following()
	attached.Mirror.Stream = &planner.Stream{Slot: "reader", Publication: "p", Inserts: "q", Paused: true}
	attached.Mirror.Objects, attached.Mirror.LeftOut, attached.Mirror.Extensions = nil, nil, nil

	handed := following()
	handed.Mirror.Stream.Engine, handed.Mirror.Stream.Subscription = planner.EngineSubscription, "bascule_app_9d7f0c6e"

	changed := following()
	changed.Action = planner.Update
	changed.Attributes = []planner.Attribute{{Name: "exclude", New: "public.events"}, {Name: "stream.max_delay", Old: "100ms", New: "1s"}}
	for i, work := range []string{planner.WorkAdd, planner.WorkRemove, "", planner.WorkAgain} {
		changed.Mirror.Tables[i].Work = work
	}

	halted := following()
	halted.Action, halted.Reason = planner.Update, "it is halted: duplicate key value violates unique constraint \"orders_pkey\"; apply tries again"
	halted.Mirror.Bytes, halted.Mirror.Rows = 0, 0
	halted.Steps = halted.Steps[:1]

	removed := planner.Change{Address: "mirror.app", Action: planner.Remove, Reason: "it is no longer in the configuration; its tables and their rows stay",
		Mirror: &planner.Mirror{Source: "peer.prod", Target: "peer.next", Stream: following().Mirror.Stream},
		Steps: []planner.Step{
			{ID: "drop slot", Kind: "cleanup", Peer: "peer.prod", Summary: "drop replication slot bascule_app_9d7f0c6e, and with it the WAL that it holds"},
			{ID: "drop publications", Kind: "cleanup", Peer: "peer.prod", Summary: "drop its publications"},
			{ID: "ledger", Kind: "cleanup", Peer: "peer.next", Summary: "drop schema bascule, whose last mirror this is"},
			{ID: "forget", Kind: "state", Summary: "leave the state file"},
		}}
	for _, c := range []struct {
		name   string
		change planner.Change
	}{
		{"create", following()}, {"attach", attached}, {"engine", handed}, {"change", changed}, {"halted", halted}, {"remove", removed},
	} {
		s, out, _ := screen(view.Config{})
		if err := s.Plan(view.PlanReport{Plan: &planner.Plan{Peers: peers(), Changes: []planner.Change{c.change}}, Sources: sources(t)}); err != nil {
			t.Fatal(err)
		}
		golden(t, "plan-stream-"+c.name, out.String())
	}
}
