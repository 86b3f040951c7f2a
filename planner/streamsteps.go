package planner

import (
	"fmt"
	"strings"

	"bascule/config/pgname"
)

// What the publications of a mirror send.
const (
	publishAll     = "insert, update, delete, truncate"
	publishInserts = "insert, truncate"
)

// sourceSteps are what is made on the source before anything is copied.
func (d *draft) sourceSteps() []Step {
	s, source := d.out.Stream, d.out.Source
	var steps []Step
	add := func(x Step) { steps = append(steps, x) }
	for _, x := range s.Identities {
		if d.running && d.set(x.Schema, x.Name) != nil && *d.set(x.Schema, x.Name) == x {
			continue
		}
		add(Step{ID: "identity " + shown(x.Schema, x.Name), Kind: "identity", Peer: source,
			Summary: fmt.Sprintf("set the replica identity of %s, until the mirror goes, from %s to %s", shown(x.Schema, x.Name), x.Was, x.Is), SQL: []string{x.SQL()}})
	}
	for _, x := range d.putBack() {
		add(Step{ID: "identity " + shown(x.Schema, x.Name), Kind: "identity", Peer: source,
			Summary: fmt.Sprintf("put the replica identity of %s back to %s", shown(x.Schema, x.Name), x.Was), SQL: []string{x.Back()}})
	}
	if d.running {
		return append(steps, d.logSteps()...)
	}
	if s.OwnPublications {
		add(Step{ID: "publications", Kind: "publication", Peer: source, Summary: "publish the tables: all changes of those with a key, inserts of the others",
			SQL: []string{d.publication(s.Publication, FollowAll, publishAll), d.publication(s.Inserts, FollowInserts, publishInserts)}})
	}
	steps = append(steps, d.logSteps()...)
	if s.OwnSlot {
		add(Step{ID: "slot", Kind: "slot", Peer: source, Summary: "create replication slot " + s.Slot + ", from which on no change is lost", SQL: []string{d.createSlot(s.Slot)}})
	}
	return steps
}

// putBack are the replica identities that the mirror changed and no longer asks for.
func (d *draft) putBack() []ReplicaIdentity {
	if d.before == nil {
		return nil
	}
	var list []ReplicaIdentity
	for _, was := range d.before.Identities {
		kept := false
		for _, is := range d.out.Stream.Identities {
			kept = kept || is.Schema == was.Schema && is.Name == was.Name
		}
		if !kept {
			list = append(list, was)
		}
	}
	return list
}

// publication creates one with the tables that are followed in this way.
func (d *draft) publication(name, follow, publish string) string {
	var tables []string
	for _, t := range d.out.Tables {
		if t.Follow == follow {
			tables = append(tables, "only "+t.SourceName())
		}
	}
	sql := "create publication " + pgname.Quote(name)
	if len(tables) > 0 {
		sql += " for table " + strings.Join(tables, ", ")
	}
	return fmt.Sprintf("%s with (publish = '%s', publish_via_partition_root = %t)", sql, publish, d.out.Stream.ViaRoot)
}

// createSlot is the command of the replication protocol.
func (d *draft) createSlot(name string) string {
	options := "NOEXPORT_SNAPSHOT"
	if d.source.Version.Major() >= 15 {
		options = "(SNAPSHOT 'nothing')"
	}
	if d.out.Stream.Failover {
		options = "(SNAPSHOT 'nothing', FAILOVER)"
	}
	return "CREATE_REPLICATION_SLOT " + pgname.Quote(name) + " LOGICAL pgoutput " + options
}

// snapshotStep takes the snapshot of a copy.
func (d *draft) snapshotStep(tables int) Step {
	locked := "lock " + plural(tables, "table", "tables") + " against changes of shape"
	if d.out.Stream == nil {
		return Step{ID: "snapshot", Kind: "copy", Peer: d.out.Source, Summary: locked + " and export a snapshot",
			SQL: []string{"begin isolation level repeatable read, read only", "lock table only <each> in access share mode", "select pg_catalog.pg_export_snapshot()"}}
	}
	command := "CREATE_REPLICATION_SLOT <name> TEMPORARY LOGICAL pgoutput "
	if d.source.Version.Major() >= 15 {
		command += "(SNAPSHOT 'export')"
	} else {
		command += "EXPORT_SNAPSHOT"
	}
	return Step{ID: "snapshot", Kind: "copy", Peer: d.out.Source, Summary: locked + ", and take the snapshot of a temporary slot, which is a point of the stream",
		SQL: []string{command, "begin isolation level repeatable read, read only", "set transaction snapshot <of the slot>", "lock table only <each> in access share mode"}}
}

// streamSteps are what is done once rows and keys are there.
func (d *draft) streamSteps() []Step {
	s := d.out.Stream
	var steps []Step
	if len(s.DisableTriggers) > 0 {
		var sql []string
		for _, name := range s.DisableTriggers {
			sql = append(sql, "alter table only "+name+" disable trigger user")
		}
		steps = append(steps, Step{ID: "triggers", Kind: "stream", Peer: d.out.Target, Summary: "switch off triggers, which would act on changes a second time, while the mirror lives", SQL: sql})
	}
	if s.Paused {
		return append(steps, Step{ID: "stream", Kind: "stream", Peer: d.out.Target, Summary: "stream nothing: the mirror is paused"})
	}
	summary := "stream until the target has caught up; `bascule run` keeps it streaming"
	if s.Engine != "" {
		summary = "stream until the target has caught up"
	}
	steps = append(steps, Step{ID: "stream", Kind: "stream", Peer: d.out.Target, Summary: summary, SQL: []string{s.startCommand()}})
	return append(steps, d.engineSteps()...)
}

// startCommand is how the stream begins.
func (s *Stream) startCommand() string {
	names := pgname.Quote(s.Publication)
	if s.Inserts != "" {
		names += "," + pgname.Quote(s.Inserts)
	}
	options := "proto_version '1', publication_names " + pgname.Literal(names) + ", messages 'true'"
	if s.Binary {
		options += ", binary 'true'"
	}
	return "START_REPLICATION SLOT " + pgname.Quote(s.Slot) + " LOGICAL 0/0 (" + options + ")"
}

// changeSteps are those of a change to a mirror that streams.
func (d *draft) changeSteps() []Step {
	s, source, target := d.out.Stream, d.out.Source, d.out.Target
	take := "take the mirror over from `bascule run`, and record the settings"
	if d.before != nil && d.before.Engine != "" {
		take = "record the settings"
	}
	steps := []Step{{ID: "intent", Kind: "state", Summary: "record in the state file what is about to change"},
		{ID: "ledger", Kind: "ledger", Peer: target, Summary: take}}
	add := func(x Step) { steps = append(steps, x) }
	steps = append(steps, d.takeSteps()...)
	steps = append(steps, d.sourceSteps()...)
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		if name := shown(t.Schema, t.Name); t.Work == WorkRemove && t.Follow != FollowNone {
			step := Step{ID: "leave " + name, Kind: "publication", Peer: source, Summary: "follow " + name + " no longer; its rows stay on the target"}
			if s.OwnPublications && d.byOID[t.OID] != nil {
				step.SQL = []string{"alter publication " + pgname.Quote(s.publicationOf(t)) + " drop table only " + t.SourceName()}
			}
			add(step)
		}
	}
	steps = append(steps, d.joinSteps()...)
	steps = append(steps, d.streamSteps()...)
	add(Step{ID: "finish", Kind: "ledger", Peer: target, Summary: "record that the mirror is as declared"})
	return append(steps, Step{ID: "done", Kind: "state", Summary: "record the mirror in the state file"})
}

// publicationOf is the one that a table is in.
func (s *Stream) publicationOf(t *Table) string {
	if t.Follow == FollowInserts {
		return s.Inserts
	}
	return s.Publication
}

// joinSteps copy tables into a mirror that goes on streaming.
func (d *draft) joinSteps() []Step {
	s := d.out.Stream
	var joining, creating int
	var publish, copies []Step
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		if t.Work != WorkAdd && t.Work != WorkAgain {
			continue
		}
		joining++
		if t.Work == WorkAdd && d.out.Options.SchemaCopy {
			creating++
		}
		name := shown(t.Schema, t.Name)
		if t.Follow != FollowNone && s.OwnPublications && t.Work == WorkAdd {
			publish = append(publish, Step{ID: "join " + name, Kind: "publication", Peer: d.out.Source, Summary: "publish " + name + "; until it is handed over the stream passes it over",
				SQL: []string{"alter publication " + pgname.Quote(s.publicationOf(t)) + " add table only " + t.SourceName()}})
		}
		if x, ok := d.copyStep(t); ok {
			copies = append(copies, x)
		}
	}
	if joining == 0 {
		return nil
	}
	steps := append(publish, Step{ID: "wait out", Kind: "copy", Peer: d.out.Source, Summary: "wait until every transaction that runs then has ended: what they wrote before is not streamed"}, d.snapshotStep(joining))
	if creating > 0 {
		steps = append(steps, Step{ID: "dump", Kind: "schema", Peer: d.out.Source, Summary: "read the definitions", Command: DumpCommand},
			Step{ID: "schema", Kind: "schema", Peer: d.out.Target, Summary: "create " + plural(creating, "table", "tables")})
	}
	steps = append(steps, copies...)
	steps = append(steps, d.moveSteps()...)
	return append(steps, Step{ID: "hand over", Kind: "stream", Peer: d.out.Target, Summary: "let " + plural(joining, "table", "tables") + " catch up over the temporary slot, and hand over to the stream, which goes on meanwhile"})
}
