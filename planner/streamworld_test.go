package planner_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/state"
)

// slotName is that of mirror.app.
const slotName = "bascule_app_9d7f0c6e"

// newStream is newWorld with a mirror that streams, on a server that lets it.
func newStream(body string) *world {
	w := newWorld(body)
	w.hcl = strings.Replace(w.hcl, "  continuous = false\n", "", 1)
	for name, value := range map[string]string{"wal_level": "logical", "max_replication_slots": "10", "max_wal_senders": "10", "max_slot_wal_keep_size": "-1"} {
		w.src.Params[name] = value
	}
	return w
}

// streaming has the mirror applied, and streaming, with its tables as members.
func (w *world) streaming(t testing.TB) {
	t.Helper()
	in := w.input(t)
	for _, c := range planner.Make(in).Changes {
		if c.Mirror == nil {
			continue
		}
		w.state.Resources = append(w.state.Resources, &state.Resource{Address: c.Address, Status: state.Ready, Mirror: c.Mirror.State()})
		settings, _ := json.Marshal(c.Mirror.Stream)
		led := catalog.LedgerMirror{ID: c.Mirror.ID, Address: c.Address, Lineage: lineage, Digest: c.Mirror.Digest,
			Phase: catalog.PhaseStreaming, Finished: time.Unix(1, 0), Stream: &catalog.LedgerStream{Settings: string(settings)}}
		for _, table := range c.Mirror.Tables {
			w.arrived(c.Mirror, &led, table)
		}
		l := w.live[c.Mirror.Target].Ledger
		l.Format, l.Mirrors = 2, append(l.Mirrors, led)
		w.live[c.Mirror.Source].Slots = append(w.live[c.Mirror.Source].Slots, catalog.Slot{Name: c.Mirror.Stream.Slot, Plugin: "pgoutput", Database: "app", WALStatus: "reserved", Held: 3 << 30})
	}
	for _, p := range in.Config.Peers {
		id := w.live[p.Address].Database.Identity
		w.state.Resources = append(w.state.Resources, &state.Resource{Address: p.Address, Status: state.Ready,
			Peer: &state.Peer{Endpoint: w.live[p.Address].Endpoint, SystemIdentifier: id.SystemIdentifier, DatabaseOID: id.OID}})
	}
}

// handed has the mirror that streams be with the engine of its servers, which works.
func (w *world) handed(engine string) {
	if engine == "stream" {
		return
	}
	led := w.ledger()
	led.Stream.Handed = true
	w.live["peer.b"].Engines = map[string]*catalog.EngineNow{led.ID: {Engine: engine, Subscription: slotName, There: true, Enabled: true, Working: true, Slot: slotName}}
}

// arrived puts a table on the target, and among the members.
func (w *world) arrived(m *planner.Mirror, led *catalog.LedgerMirror, t planner.Table) {
	schema, name := t.FinalName()
	source := find(w.src, t.OID)
	r := table(w.live[m.Target].Database, t.OID+50000, schema, name, "x")
	r.Kind, r.HasRows, r.Columns = source.Kind, true, append([]catalog.Column{}, source.Columns...)
	r.Columns = withoutColumns(r.Columns, t.Dropped)
	if t.Follow != planner.FollowNone {
		led.Members = append(led.Members, catalog.LedgerMember{Source: t.OID, Schema: t.Schema, Name: t.Name, TargetSchema: schema, TargetName: name,
			Follow: t.Follow, Key: t.Key, Dropped: t.Dropped, State: catalog.MemberFollowed, Point: 1})
	}
}

func withoutColumns(list []catalog.Column, names []string) []catalog.Column {
	var kept []catalog.Column
	for _, c := range list {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+c.Name+" ") {
			kept = append(kept, c)
		}
	}
	return kept
}

// keyless adds a table without any key.
func keyless(db *catalog.Database, oid uint32, schema, name string, columns ...string) *catalog.Relation {
	r := relation(db, oid, schema, name, catalog.Table, columns...)
	r.Pages, r.Rows, r.Bytes, r.ReplicaIdentity = 10, 100, 81920, 'd'
	return r
}

// index adds a unique index over a table's columns by number.
func index(db *catalog.Database, oid, of uint32, name string, columns ...int) *catalog.Index {
	db.Indexes = append(db.Indexes, catalog.Index{OID: oid, Table: of, Schema: find(db, of).Schema, Name: name, Unique: true, Valid: true, Immediate: true, Columns: columns})
	depends(db, 'a', pgClass, oid, pgClass, of, columns[0])
	return &db.Indexes[len(db.Indexes)-1]
}
