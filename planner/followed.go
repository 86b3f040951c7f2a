package planner

import (
	"slices"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/state"
)

// Followed lists the tables that a mirror follows of a source as it is now, by name:
// those that its declaration selects and whose Follow is all or inserts, each with its
// Key, Dropped, Kind and names on the target.
//
// rec is the mirror's record, or nil; lineage is the state's. source may be read in a
// transaction that has changed definitions and not ended. Unlike a plan, it says what
// can be followed at once: a replica identity that a table block asks for counts where
// the table has it. What named publications send is not known here, so of theirs a
// table that is followed by its inserts alone stays so.
func Followed(decl *config.Mirror, lineage string, rec *catalog.LedgerMirror, source *catalog.Database) []Table {
	m := &maker{plan: &Plan{}, in: Input{Config: &config.Config{}, State: &state.File{Lineage: lineage},
		Live: map[string]*Live{decl.Source.Address: {Database: source}}}}
	d := &draft{maker: m, decl: decl, source: source, ledger: rec, running: running(rec), before: recordedStream(rec),
		byOID: relationsByOID(source), out: &Mirror{Tables: []Table{}}}
	d.choose()
	d.leave()
	d.tables()
	f := newFollowing(d)
	f.asIs()
	f.decide()
	inserts := d.insertsOnly()
	for i := range d.out.Tables {
		if t := &d.out.Tables[i]; inserts[t.OID] && t.Follow == FollowAll {
			t.Follow, t.Key = FollowInserts, nil
		}
	}
	return slices.DeleteFunc(d.out.Tables, func(t Table) bool { return t.Follow == FollowNone })
}

// asIs lets table blocks ask for no replica identity but the one that the table has.
func (f *following) asIs() {
	for oid, b := range f.blocks {
		if b.ReplicaIdentity != "" && b.ReplicaIdentity != f.identityNow(f.byOID[oid]) {
			bare := *b
			bare.ReplicaIdentity = ""
			f.blocks[oid] = &bare
		}
	}
}

// insertsOnly are the members, by oid, whose named publication sends no other changes.
func (d *draft) insertsOnly() map[uint32]bool {
	set := map[uint32]bool{}
	if d.ledger == nil || len(d.decl.Stream.Publications) == 0 {
		return set
	}
	for _, m := range d.ledger.Members {
		set[m.Source] = m.Follow == FollowInserts && m.State != catalog.MemberRemoved
	}
	return set
}

func relationsByOID(db *catalog.Database) map[uint32]*catalog.Relation {
	byOID := make(map[uint32]*catalog.Relation, len(db.Relations))
	for i := range db.Relations {
		byOID[db.Relations[i].OID] = &db.Relations[i]
	}
	return byOID
}
