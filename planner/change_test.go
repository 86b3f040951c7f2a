package planner_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/state"
)

// works writes a plan as brief does, and what is done to tables.
func works(p *planner.Plan) string {
	text := brief(p)
	for _, c := range p.Changes {
		if c.Mirror == nil || c.Action == planner.Remove {
			continue
		}
		for _, table := range c.Mirror.Tables {
			if table.Work != "" {
				text += fmt.Sprintf("; %s %s", table.Work, table.Name)
			}
		}
	}
	return text
}

func TestChange(t *testing.T) {
	// declared puts a line into the mirror's block after it was applied.
	declared := func(lines string) func(w *world) {
		return func(w *world) {
			w.streaming(t)
			w.hcl = strings.Replace(w.hcl, "target     = peer.b\n", "target     = peer.b\n"+lines+"\n", 1)
		}
	}
	for _, c := range []struct {
		rule, body string
		edit       func(w *world)
		want       string
	}{
		{"nothing", "", func(w *world) { w.streaming(t) }, "nothing"},
		{"nothing, of a mirror of two publications named", namedBody, func(w *world) {
			names(w)
			w.streaming(t)
		}, "nothing"},
		{"how it is copied", "", declared("copy { workers = 9 }"), "nothing"},
		{"how it is followed", "", declared("stream {\nmax_delay = \"1s\"\nmissing_row = \"skip\"\nddl = \"halt\"\n}"),
			"~ mirror.app (stream.ddl: declared -> halt) (stream.max_delay: 100ms -> 1s) (stream.missing_row: halt -> skip)"},
		{"paused", "", declared("paused = true"), "~ mirror.app (paused: false -> true); .B169"},
		{"protected", "", declared("protect = true"), "~ mirror.app (protect: false -> true)"},
		{"a new table", "", func(w *world) { w.streaming(t); table(w.src, 21000, "public", "news", "id") }, "~ mirror.app; add news"},
		{"a new table that the target has already", "", func(w *world) {
			w.streaming(t)
			table(w.src, 21000, "public", "news", "id")
			table(w.dst, 31000, "public", "news", "id").HasRows = true
		}, "~ mirror.app overwrites public.news; ?B134; add news"},
		{"a new keyless table", "", func(w *world) { w.streaming(t); keyless(w.src, 21000, "public", "news", "id") }, "~ mirror.app; ?B102; add news"},
		{"a new partition, and its root", "", func(w *world) { w.streaming(t); parted(w) }, "~ mirror.app; add m; add m_1; add m_2"},
		{"a table is excluded", "", declared("exclude = [\"public.lines\"]"), "~ mirror.app (exclude:  -> public.lines); remove lines"},
		{"a table is gone from the source", "", func(w *world) { w.streaming(t); dropped(w.src, 20200) }, "~ mirror.app; remove lines"},
		{"a table was dropped and made anew", "", func(w *world) {
			w.streaming(t)
			dropped(w.src, 20200)
			table(w.src, 21000, "public", "lines", "id", "order_id")
		}, "~ mirror.app; remove lines; again lines"},
		{"and of another shape", "", func(w *world) {
			w.streaming(t)
			dropped(w.src, 20200)
			table(w.src, 21000, "public", "lines", "id", "other")
		}, "~ mirror.app; remove lines; add lines"},
		{"a column is excluded", "", declared("table \"public.lines\" {\nexclude_columns = [\"order_id\"]\n}"),
			"~ mirror.app (table.public.lines.exclude_columns:  -> order_id); add lines"},
		{"a table goes elsewhere", "", declared("table \"public.lines\" {\ntarget = \"public.rows\"\n}"),
			"~ mirror.app (table.public.lines.target:  -> public.rows); add lines"},
		{"the key is another", "", func(w *world) {
			w.streaming(t)
			w.src.Indexes[0].Columns = []int{2}
			find(w.src, 20100).Columns[1].NotNull = true
		}, "~ mirror.app; again orders"},
		{"a table copied again", "", func(w *world) { w.streaming(t); w.replaces = []string{`mirror.app.table["public.orders"]`} }, "~ mirror.app; again orders"},
		{"no such table", "", func(w *world) { w.streaming(t); w.replaces = []string{`mirror.app.table["public.order"]`} }, "!B111"},
		{"no such mirror", "", func(w *world) { w.streaming(t); w.replaces = []string{`mirror.ap.table["public.orders"]`} }, "!B108"},
		{"a protected one is not", "protect = true", func(w *world) { w.streaming(t); w.replaces = []string{`mirror.app.table["public.orders"]`} }, "~ mirror.app; !B144; again orders"},
		{"a root's partitions", "", func(w *world) { parted(w); w.streaming(t); w.replaces = []string{`mirror.app.table["public.m"]`} }, "~ mirror.app; again m_1; again m_2"},
		{"everything", "", func(w *world) { w.streaming(t); w.replaces = []string{"mirror.app"} }, "-/+ mirror.app; .B156"},
		{"everything of what is protected", "protect = true", func(w *world) { w.streaming(t); w.replaces = []string{"mirror.app"} }, "-/+ mirror.app; !B144; .B156"},
		{"everything of one that copies once", "continuous = false", func(w *world) { w.applied(t); w.replaces = []string{"mirror.app"} }, "-/+ mirror.app"},
		{"what takes everything", "", declared("schema { owners = true }"), "-/+ mirror.app (schema.owners: false -> true); .B156"},
		{"partitions otherwise", "", declared("stream { publish_via_partition_root = true }"), "-/+ mirror.app (stream.publish_via_partition_root: false -> true); .B156"},
		{"another source", "", func(w *world) {
			w.streaming(t)
			w.hcl = strings.Replace(w.hcl, "source     = peer.a", "source     = peer.c", 1) + `peer "c" { host = "c.example" }`
			w.live["peer.c"] = &planner.Live{Endpoint: "c.example:5432/app", Database: w.src, Ledger: &catalog.Ledger{}, Dump: w.live["peer.a"].Dump}
		}, "-/+ mirror.app (source: peer.a -> peer.c); !B155; .B156; .B169"},
		{"no longer continuous", "", declared("continuous = false"), "-/+ mirror.app (continuous: true -> false)"},
		{"made anew without a copy", "initial_copy = false", func(w *world) {
			table(w.dst, 30100, "public", "orders", "id", "note")
			table(w.dst, 30200, "public", "lines", "id", "order_id")
			w.streaming(t)
			w.replaces = []string{"mirror.app"}
		}, "-/+ mirror.app; !B174; ?B172"},
		{"its records are gone", "", func(w *world) { w.streaming(t); w.live["peer.b"].Ledger.Mirrors = nil },
			"-/+ mirror.app overwrites public.lines, public.orders; .B156; ?B134"},
		{"halted", "", func(w *world) { w.streaming(t); w.ledger().Stream.Halt = &catalog.LedgerHalt{Text: "duplicate key"} }, "~ mirror.app"},
		{"halted for good", "", func(w *world) {
			w.streaming(t)
			w.ledger().Stream.Halt = &catalog.LedgerHalt{Text: "the slot is lost", Terminal: true}
		}, "!B173"},
		{"the slot is gone", "", func(w *world) { w.streaming(t); w.live["peer.a"].Slots = nil }, "!B173"},
		{"the slot is lost", "", func(w *world) { w.streaming(t); w.live["peer.a"].Slots[0].WALStatus = "lost" }, "!B173"},
		{"and everything is copied again", "", func(w *world) {
			w.streaming(t)
			w.live["peer.a"].Slots, w.replaces = nil, []string{"mirror.app"}
		}, "-/+ mirror.app; .B156; .B169"},
		{"its last change was interrupted", "", func(w *world) { w.streaming(t); w.ledger().Digest = "before" }, "~ mirror.app"},
		{"a table that was being added", "", func(w *world) { w.streaming(t); w.ledger().Members[0].State = catalog.MemberCopying }, "~ mirror.app; again lines"},
		{"a table that waits for its rows, and the log is gone", "", func(w *world) { w.streaming(t); w.ledger().Members[0].State = catalog.MemberWaiting }, "~ mirror.app; again lines"},
		{"the target lost a table", "", func(w *world) { w.streaming(t); dropped(w.dst, 70200) }, "~ mirror.app; add lines"},
		{"DDL on one side alone", "", func(w *world) {
			w.streaming(t)
			r := find(w.src, 20100)
			r.Columns = append(r.Columns, catalog.Column{Num: 3, Name: "extra", Type: "integer", Binary: true})
		}, "?B133"},
		{"what is left to build is built", "", func(w *world) {
			w.streaming(t)
			w.recorded("mirror.app").Status = state.Creating
			w.ledger().Finished = w.ledger().Started
		}, "+ mirror.app"},
		{"what is complete is adopted", "", func(w *world) { w.streaming(t); w.recorded("mirror.app").Status = state.Creating }, "~ mirror.app"},
		{"the state is lost", "", func(w *world) { w.streaming(t); w.state.Resources, w.state.Lineage = nil, "00000000-other" }, "~ mirror.app"},
		{"the copy was interrupted", "", func(w *world) {
			w.streaming(t)
			w.recorded("mirror.app").Status, w.ledger().Phase, w.ledger().Objects = state.Creating, catalog.PhaseCopying, 3
		}, "+ mirror.app; .B156"},
		{"triggers that are switched off stay so", `schema { copy = false }`, func(w *world) {
			for _, c := range []struct {
				oid   uint32
				name  string
				other string
			}{{30100, "orders", "note"}, {30200, "lines", "order_id"}} {
				table(w.dst, c.oid, "public", c.name, "id", c.other).UserTriggers = 1
			}
			plainRole(w.dst)
			w.streaming(t)
			w.dst.Relations = w.dst.Relations[2:] // as they are once the mirror streams: with rows, and no trigger that fires
		}, "nothing"},
		{"other triggers", "", func(w *world) { w.streaming(t); find(w.src, 20100).UserTriggers = 1 }, "nothing"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := newStream(c.body)
			c.edit(w)
			p := w.plan(t)
			if got := works(p); got != c.want {
				t.Errorf("%s\nwant %s\n%+v", got, c.want, p.Findings)
			}
		})
	}
}

// dropped drops a table with its parts.
func dropped(of *catalog.Database, oid uint32) {
	part := func(x uint32) bool { return x >= oid && x < oid+100 }
	db := *of
	db.Relations, db.Indexes, db.Constraints, db.Depends = nil, nil, nil, nil
	for _, r := range of.Relations {
		if !part(r.OID) {
			db.Relations = append(db.Relations, r)
		}
	}
	for _, x := range of.Indexes {
		if !part(x.OID) {
			db.Indexes = append(db.Indexes, x)
		}
	}
	for _, x := range of.Constraints {
		if !part(x.OID) {
			db.Constraints = append(db.Constraints, x)
		}
	}
	for _, x := range of.Depends {
		if !part(x.OID) && !part(x.RefOID) {
			db.Depends = append(db.Depends, x)
		}
	}
	*of = db
}

// TestStreamPlansAreByteEqual demands it of plans with work on tables, which is found by
// comparing two sets.
func TestStreamPlansAreByteEqual(t *testing.T) {
	made := func() *planner.Plan {
		w := newStream("")
		for i := range 20 {
			table(w.src, uint32(30000+100*i), "public", fmt.Sprintf("t%d", i), "id")
		}
		w.streaming(t)
		for i := range 20 {
			dropped(w.src, uint32(30000+100*i))
		}
		w.replaces = []string{`mirror.app.table["public.orders"]`}
		return w.plan(t)
	}
	p := made()
	if again := made(); string(again.Encode()) != string(p.Encode()) || len(p.Changes[0].Mirror.Tables) != 22 {
		t.Errorf("%s\n%s", p.Encode(), again.Encode())
	}
	read, err := planner.Decode(p.Encode())
	if err != nil || len(planner.Stale(p, read)) > 0 {
		t.Error(err)
	}
}
