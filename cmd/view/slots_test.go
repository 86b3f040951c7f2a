package view_test

import (
	"testing"

	"bascule/cmd/view"
)

func TestSlots(t *testing.T) {
	safe := int64(3 << 30)
	ours := view.MadeBy{Mirror: "mirror.app", Lineage: "9d7f0c6e", Ours: true}
	orphan := view.MadeBy{Lineage: "9d7f0c6e", Ours: true, Orphan: true}
	dropped := orphan
	dropped.Dropped = true
	r := view.SlotsReport{Peers: []view.SlotsPeer{
		{Address: "peer.prod", Endpoint: "db1:5432/app",
			Slots: []view.SlotEntry{
				{Name: "bascule_app_9d7f0c6e", Owner: ours, Active: true, PID: 4711, Client: "10.0.0.5", Held: 12 << 20, WALStatus: "reserved"},
				{Name: "bascule_old_9d7f0c6e", Owner: orphan, Held: 41 << 30, WALStatus: "extended", Safe: &safe},
				{Name: "bascule_older_9d7f0c6e", Owner: dropped, WALStatus: "lost", Invalidation: "wal_removed"},
				{Name: "bascule_x_9d7f0c6e_copy", Owner: view.MadeBy{Lineage: "9d7f0c6e", Ours: true}, Active: true, PID: 1, Temporary: true, WALStatus: "reserved"},
				{Name: "bascule_app_00000000", Owner: view.MadeBy{Lineage: "00000000"}, Synced: true, WALStatus: "reserved"},
				{Name: "bascule_mine"},
			},
			Publications: []view.PublicationEntry{{Name: "bascule_app_9d7f0c6e", Owner: ours, Tables: 12}, {Name: "bascule_old_9d7f0c6e", Owner: orphan, Tables: 1}}},
		{Address: "peer.next", Endpoint: "db2:5432/app", Subscriptions: []view.SubscriptionEntry{
			{Name: "bascule_app_9d7f0c6e", Owner: ours, Engine: "subscription", Enabled: true, Working: true},
			{Name: "bascule_old_9d7f0c6e", Owner: orphan, Engine: "subscription"},
			{Name: "bascule_old_9d7f0c6e", Owner: view.MadeBy{Lineage: "9d7f0c6e", Ours: true}, Engine: "pglogical", Enabled: true},
		}, Logs: []view.LogEntry{{Schema: "bascule_older_9d7f0c6e", Owner: dropped}}},
		{Address: "peer.empty", Endpoint: "db4:5432/app"},
		{Address: "peer.gone", Endpoint: "db3:5432/app", Unreachable: "connect to db3:5432/app: no answer within 15s"},
	}}
	s, stdout, _ := screen(view.Config{})
	if err := s.Slots(r); err != nil {
		t.Fatal(err)
	}
	golden(t, "slots", stdout.String())
}
