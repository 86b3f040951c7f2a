package planner_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bascule/planner"
	"bascule/planner/catalog"
)

// always are the findings that every new continuous mirror of the common world has.
var always = []string{"the mirror's slot holds the source's WAL", "1 sequence is set once"}

func TestStreamFindings(t *testing.T) {
	for _, c := range slices.Concat(decodingFindings, publishingFindings, followingFindings, applyingFindings) {
		t.Run(c.rule, func(t *testing.T) {
			w := newStream(c.body)
			if c.edit != nil {
				c.edit(w)
			}
			p := w.plan(t)
			p.Findings = slices.DeleteFunc(p.Findings, func(f planner.Finding) bool {
				return f.Code == c.with || slices.ContainsFunc(always, func(text string) bool { return strings.Contains(f.Summary, text) })
			})
			if len(p.Findings) != min(1, len(c.code)) {
				t.Fatalf("%d findings: %+v", len(p.Findings), p.Findings)
			}
			if c.code == "" {
				return
			}
			f := p.Findings[0]
			if f.Code != c.code || f.Severity != c.severity || !strings.Contains(f.Summary+"\n"+f.Detail, c.remedy) {
				t.Errorf("%s %s %q\n%s\nwant %s %s %q", f.Code, f.Severity, f.Summary, f.Detail, c.code, c.severity, c.remedy)
			}
			if line := lineOf(w.hcl, f); !strings.Contains(line, c.at) || c.at == "" && f.File != "" {
				t.Errorf("%s:%d is %q, want %q", f.File, f.Line, line, c.at)
			}
		})
	}
}

// TestEveryContinuousMirrorIsPriced says what is held, and how much that is.
func TestEveryContinuousMirrorIsPriced(t *testing.T) {
	for _, c := range []struct {
		rule, body string
		wal        catalog.WALRate
		want       string
	}{
		{"not known", "", catalog.WALRate{}, "not known yet"},
		{"too young", "", catalog.WALRate{Bytes: 1 << 40, Span: time.Minute}, "not known yet"},
		{"rounded", "", catalog.WALRate{Bytes: 12 << 30, Span: 30 * time.Hour, Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, "about 10 GB of WAL a day, at its rate since 2026-01-02"},
		{"little", "", catalog.WALRate{Bytes: 5 << 10, Span: 24 * time.Hour}, "about 5 kB of WAL"},
		{"nearly a unit", "", catalog.WALRate{Bytes: 1000 << 20, Span: 24 * time.Hour}, "about 1 GB of WAL"},
		{"none", "", catalog.WALRate{Span: 24 * time.Hour}, "about 0 bytes of WAL"},
		{"paused", "paused = true", catalog.WALRate{}, "paused from the beginning"},
	} {
		w := newStream(c.body)
		w.src.WAL = c.wal
		p := w.plan(t)
		i := slices.IndexFunc(p.Findings, func(f planner.Finding) bool { return f.Code == "B169" })
		if i < 0 || !strings.Contains(p.Findings[i].Summary+p.Findings[i].Detail, c.want) {
			t.Errorf("%s: %+v", c.rule, p.Findings)
		}
	}
	w := newStream("paused = true")
	w.streaming(t)
	p := w.plan(t)
	if len(p.Changes) != 0 || len(p.Findings) != 1 || !strings.Contains(p.Findings[0].Summary, "holds 3.0 GB of WAL") {
		t.Errorf("paused, and streaming before: %+v %+v", p.Changes, p.Findings)
	}
}

func held(n int, active bool) (list []catalog.Slot) {
	for i := range n {
		list = append(list, catalog.Slot{Name: "s" + string(rune('0'+i)), Plugin: "pgoutput", Database: "shop", Active: active, PID: int32(100 + i), Client: "10.0.0.1"})
	}
	return list
}

var decodingFindings = []finding{
	{rule: "wal_level", code: "B158", severity: planner.Refusal, at: atSource, remedy: "ALTER SYSTEM SET wal_level = logical", edit: func(w *world) { w.src.Params["wal_level"] = "replica" }},
	{rule: "an old server", code: "B158", severity: planner.Refusal, at: atSource, remedy: "only 13 and newer", edit: func(w *world) { w.src.Version.Num = 120010 }},
	{rule: "a standby", code: "B158", severity: planner.Refusal, at: atSource, remedy: "Name its primary", edit: func(w *world) { w.src.InRecovery = true }},
	{rule: "no slot", code: "B159", severity: planner.Refusal, at: atSource, remedy: "1 replication slot free, and the mirror needs 2", edit: func(w *world) { w.live["peer.a"].Slots = held(9, true) }},
	{rule: "no slot, with the holders", code: "B159", severity: planner.Refusal, at: atSource, remedy: "s0 (database shop, pid 100 of 10.0.0.1)", edit: func(w *world) { w.live["peer.a"].Slots = held(9, true) }},
	{rule: "a slot of the same name in another database", code: "B163", severity: planner.Refusal, at: atSource, remedy: "is another's", edit: func(w *world) {
		w.live["peer.a"].Slots = held(1, false)
		w.live["peer.a"].Slots[0].Name = slotName
	}},
	{rule: "two slots are enough", edit: func(w *world) { w.live["peer.a"].Slots = held(8, false) }},
	{rule: "one is, where nothing is copied", body: "initial_copy = false", with: "B172", edit: func(w *world) {
		w.live["peer.a"].Slots = held(9, false)
		table(w.dst, 30100, "public", "orders", "id", "note")
		table(w.dst, 30200, "public", "lines", "id", "order_id")
	}},
	{rule: "no sender", code: "B159", severity: planner.Refusal, at: atSource, remedy: "1 WAL sender free, and the mirror needs 2", edit: func(w *world) { w.src.Senders = make([]catalog.Sender, 9) }},
	{rule: "no sender, with who has them", code: "B159", severity: planner.Refusal, at: atSource, remedy: "pid 7 (standby1, 10.0.0.2)", edit: func(w *world) {
		w.src.Params["max_wal_senders"] = "2"
		w.src.Senders = []catalog.Sender{{PID: 7, Application: "standby1", Client: "10.0.0.2"}}
	}},
	{rule: "no REPLICATION", code: "B160", severity: planner.Refusal, at: atSource, remedy: "ALTER ROLE app_role REPLICATION", edit: func(w *world) { plainRole(w.src); w.src.Role.BypassRLS = true }},
	{rule: "REPLICATION", edit: func(w *world) { plainRole(w.src); w.src.Role.Replication = true }},
	{rule: "REPLICATION of a managed server", edit: func(w *world) {
		plainRole(w.src)
		w.src.Role.MemberOf = append(w.src.Role.MemberOf, "rds_replication")
	}},
	{rule: "a limit on the WAL of a slot", code: "B167", severity: planner.Warning, at: atSource, remedy: "at most 2.0 GB", edit: func(w *world) { w.src.Params["max_slot_wal_keep_size"] = "2048" }},
	{rule: "an idle slot that holds much", code: "B168", severity: planner.Warning, at: atSource, remedy: "s0 (4.0 GB)", edit: func(w *world) {
		w.live["peer.a"].Slots = held(1, false)
		w.live["peer.a"].Slots[0].Held = 4 << 30
	}},
	{rule: "one that is read", edit: func(w *world) { w.live["peer.a"].Slots = held(1, true); w.live["peer.a"].Slots[0].Held = 4 << 30 }},
}

var namedBody = "stream {\nslot = \"s0\"\npublications = [\"p\"]\n}"

// names has a slot and a publication that could be named.
func names(w *world) (*catalog.Slot, *catalog.Publication) {
	l := w.live["peer.a"]
	l.Slots = held(1, false)
	l.Slots[0].Database = "app"
	l.Publications = []catalog.Publication{{Name: "p", Insert: true, Update: true, Delete: true, Truncate: true, Tables: []catalog.PublishedTable{
		{OID: 20100, Schema: "public", Name: "orders", Listed: true, Published: true}, {OID: 20200, Schema: "public", Name: "lines", Listed: true, Published: true}}}}
	return &l.Slots[0], &l.Publications[0]
}

var publishingFindings = []finding{
	{rule: "no CREATE on the source's database", code: "B161", severity: planner.Refusal, at: atSource, remedy: "GRANT CREATE ON DATABASE app TO migrator", edit: func(w *world) { w.src.CanCreate = false }},
	{rule: "tables of others", code: "B161", severity: planner.Refusal, at: atSource, remedy: "GRANT boss TO app_role", edit: func(w *world) {
		plainRole(w.src)
		w.src.Role.Replication = true
		find(w.src, 20100).IsOwner, find(w.src, 20100).Owner = false, "boss"
	}},
	{rule: "named, and right", body: namedBody, edit: func(w *world) { names(w) }},
	{rule: "named, no ownership is needed", body: namedBody, edit: func(w *world) {
		names(w)
		plainRole(w.src)
		w.src.Role.Replication, w.src.CanCreate, find(w.src, 20100).IsOwner = true, false, false
	}},
	{rule: "no such slot", body: namedBody, code: "B163", severity: planner.Refusal, at: "slot =", remedy: "has no replication slot s0", edit: func(w *world) { names(w); w.live["peer.a"].Slots = nil }},
	{rule: "another plugin", body: namedBody, code: "B163", severity: planner.Refusal, at: "slot =", remedy: "test_decoding", edit: func(w *world) { s, _ := names(w); s.Plugin = "test_decoding" }},
	{rule: "a physical slot", body: namedBody, code: "B163", severity: planner.Refusal, at: "slot =", remedy: "physical", edit: func(w *world) { s, _ := names(w); s.Plugin = "" }},
	{rule: "a slot of another database", body: namedBody, code: "B163", severity: planner.Refusal, at: "slot =", remedy: "of database shop", edit: func(w *world) { s, _ := names(w); s.Database = "shop" }},
	{rule: "a lost slot", body: namedBody, code: "B163", severity: planner.Refusal, at: "slot =", remedy: "is lost", edit: func(w *world) { s, _ := names(w); s.WALStatus = "lost" }},
	{rule: "a slot that is read", body: namedBody, code: "B163", severity: planner.Refusal, at: "slot =", remedy: "pid 100 of 10.0.0.1", edit: func(w *world) { s, _ := names(w); s.Active = true }},
	{rule: "no such publication", body: namedBody, code: "B163", severity: planner.Refusal, at: "publications =", remedy: "no publication p", edit: func(w *world) { names(w); w.live["peer.a"].Publications = nil }},
	{rule: "another way to publish partitions", body: namedBody, code: "B163", severity: planner.Refusal, at: "publications =", remedy: "publish_via_partition_root = true }", edit: func(w *world) { _, p := names(w); p.ViaRoot = true }},
	{rule: "a table that is not published", body: namedBody, code: "B163", severity: planner.Refusal, at: "publications =", remedy: "not published: public.lines", edit: func(w *world) { _, p := names(w); p.Tables = p.Tables[:1] }},
	{rule: "a row filter", body: namedBody, code: "B163", severity: planner.Refusal, at: "publications =", remedy: "in part", edit: func(w *world) { _, p := names(w); p.Tables[0].Filter = "(id > 3)" }},
	{rule: "a column list", body: namedBody, code: "B163", severity: planner.Refusal, at: "publications =", remedy: "in part", edit: func(w *world) { _, p := names(w); p.Tables[0].Columns = []string{"id"} }},
	{rule: "a column list with all that is carried", body: "table \"public.orders\" {\nexclude_columns = [\"note\"]\n}\n" + namedBody, with: "B114", edit: func(w *world) { _, p := names(w); p.Tables[0].Columns = []string{"id"} }},
	{rule: "inserts alone are published", body: namedBody, code: "B102", severity: planner.Warning, at: atMirror, remedy: "Inserts will replicate", edit: func(w *world) { _, p := names(w); p.Delete = false; p.Tables = p.Tables[1:] }, with: "B163"},
}

var followingFindings = []finding{
	{rule: "no key", code: "B102", severity: planner.Warning, at: atMirror, remedy: "replica_identity", edit: func(w *world) { keyless(w.src, 20900, "public", "t", "a") }},
	{rule: "whole rows", code: "B157", severity: planner.Notice, at: atMirror, remedy: "a primary key makes it fast", edit: func(w *world) { keyless(w.src, 20900, "public", "t", "a").ReplicaIdentity = 'f' }},
	{rule: "unlogged", code: "B156", severity: planner.Notice, at: atMirror, remedy: "public.orders", edit: func(w *world) { find(w.src, 20100).Persistence = 'u' }},
	{rule: "a condition on rows", body: "table \"public.orders\" {\nwhere = \"id > 3\"\n}", code: "B170", severity: planner.Refusal, at: "where =", remedy: "continuous = false"},
	{rule: "no such index", body: "table \"public.orders\" {\nreplica_identity = \"index:x\"\n}", code: "B162", severity: planner.Refusal, at: `table "public.orders"`, with: "B102", remedy: "no index x"},
	{rule: "an index with a column that may be null", body: "table \"public.orders\" {\nreplica_identity = \"index:o\"\n}", code: "B162", severity: planner.Refusal, at: `table "public.orders"`, with: "B102", remedy: "note may be null",
		edit: func(w *world) { index(w.src, 20109, 20100, "o", 2) }},
	{rule: "an index over an expression", body: "table \"public.orders\" {\nreplica_identity = \"index:o\"\n}", code: "B162", severity: planner.Refusal, at: `table "public.orders"`, with: "B102", remedy: "an expression",
		edit: func(w *world) { index(w.src, 20109, 20100, "o", 1).Columns = []int{0} }},
	{rule: "a partial index", body: "table \"public.orders\" {\nreplica_identity = \"index:o\"\n}", code: "B162", severity: planner.Refusal, at: `table "public.orders"`, with: "B102", remedy: "partial",
		edit: func(w *world) { index(w.src, 20109, 20100, "o", 1).Partial = true }},
	{rule: "a generated column in the key", code: "B162", severity: planner.Refusal, at: atMirror, with: "B102", remedy: "generated columns are not sent", edit: func(w *world) { find(w.src, 20100).Columns[0].Generated = 's' }},
	{rule: "the key is excluded", body: "table \"public.lines\" {\nexclude_columns = [\"id\"]\n}", code: "B162", severity: planner.Refusal, at: `table "public.lines"`, with: "B114", remedy: "Keep the column."},
	{rule: "an identity of a table of others", body: "table \"public.orders\" {\nreplica_identity = \"full\"\n}\n" + namedBody, code: "B162", severity: planner.Refusal, at: atMirror, remedy: "may not change the replica identity", edit: func(w *world) {
		names(w)
		plainRole(w.src)
		w.src.Role.Replication, find(w.src, 20100).IsOwner = true, false
	}},
	{rule: "a partition is left out of its root", body: "exclude = [\"public.m_2\"]\nstream { publish_via_partition_root = true }", code: "B171", severity: planner.Refusal, at: "publish_via_partition_root", remedy: "public.m_2", edit: parted},
	{rule: "or of the tables that are followed each", body: `exclude = ["public.m_2"]`, edit: parted},
	{rule: "attached", body: "initial_copy = false", code: "B172", severity: planner.Warning, at: "initial_copy", remedy: "Stop the writers", edit: func(w *world) {
		table(w.dst, 30100, "public", "orders", "id", "note").HasRows = true
		table(w.dst, 30200, "public", "lines", "id", "order_id").HasRows = true
	}},
	{rule: "one table of a mirror that copies once", body: "continuous = false", code: "B174", severity: planner.Refusal, remedy: "-replace='mirror.app'", edit: func(w *world) { w.replaces = []string{`mirror.app.table["public.orders"]`} }},
}

// silent has a target whose role may not silence foreign keys.
func silent(w *world) {
	plainRole(w.dst)
	w.dst.Role.MemberOf = append(w.dst.Role.MemberOf, "migrator")
}

var applyingFindings = []finding{
	{rule: "foreign keys", code: "B164", severity: planner.Refusal, at: atTarget, remedy: "GRANT SET ON PARAMETER session_replication_role TO app_role", edit: silent},
	{rule: "foreign keys, before 15", code: "B164", severity: planner.Refusal, at: atTarget, remedy: "only a superuser", with: "B140", edit: func(w *world) { silent(w); w.dst.Version.Num = 140010 }},
	{rule: "no foreign keys", body: `schema { skip = ["foreign_key"] }`, edit: silent},
	{rule: "a role that may", edit: func(w *world) { silent(w); w.dst.Role.CanReplicaRole = true }},
	{rule: "triggers are switched off", body: `schema { skip = ["foreign_key"] }`, code: "B164", severity: planner.Notice, at: atTarget, remedy: "switched off on the target", edit: func(w *world) { silent(w); find(w.src, 20100).UserTriggers = 1 }},
	{rule: "triggers of others", body: `schema { copy = false }`, code: "B164", severity: planner.Refusal, at: atTarget, remedy: "public.orders", edit: func(w *world) {
		plainRole(w.dst)
		o := table(w.dst, 30100, "public", "orders", "id", "note")
		o.UserTriggers, o.IsOwner, o.CanChange = 1, false, true
		l := table(w.dst, 30200, "public", "lines", "id", "order_id")
		l.IsOwner, l.CanChange = false, true
	}},
	{rule: "triggers that always fire", code: "B165", severity: planner.Warning, at: atTarget, remedy: "public.orders", edit: func(w *world) { find(w.src, 20100).UserTriggers, find(w.src, 20100).AlwaysTriggers = 1, 1 }},
	{rule: "forced row security", code: "B166", severity: planner.Refusal, at: atTarget, remedy: "BYPASSRLS", edit: func(w *world) {
		silent(w)
		w.dst.Role.CanReplicaRole = true
		find(w.src, 20100).RowSecurity, find(w.src, 20100).ForceRowSecurity = true, true
	}},
	{rule: "no right to change rows", body: `schema { copy = false }`, code: "B153", severity: planner.Refusal, at: atTarget, remedy: "UPDATE, DELETE", edit: func(w *world) {
		silent(w)
		w.dst.Role.CanReplicaRole = true
		table(w.dst, 30100, "public", "orders", "id", "note").IsOwner = false
		table(w.dst, 30200, "public", "lines", "id", "order_id")
	}},
}
