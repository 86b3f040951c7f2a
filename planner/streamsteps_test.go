package planner_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/state"
)

// stepsOf writes the steps of a plan's first change, with their statements.
func stepsOf(t *testing.T, p *planner.Plan) string {
	t.Helper()
	if len(p.Changes) == 0 {
		t.Fatalf("no change: %+v", p.Findings)
	}
	var list []string
	for _, s := range p.Changes[0].Steps {
		list = append(list, strings.Join(append([]string{s.ID}, s.SQL...), " | "))
	}
	return strings.Join(list, "\n")
}

func TestStreamSteps(t *testing.T) {
	const (
		all     = `create publication "bascule_app_9d7f0c6e" for table only "public"."lines", only "public"."orders" with (publish = 'insert, update, delete, truncate', publish_via_partition_root = false)`
		inserts = `create publication "bascule_app_9d7f0c6ei" with (publish = 'insert, truncate', publish_via_partition_root = false)`
		slot    = `CREATE_REPLICATION_SLOT "bascule_app_9d7f0c6e" LOGICAL pgoutput (SNAPSHOT 'nothing')`
		start   = `START_REPLICATION SLOT "bascule_app_9d7f0c6e" LOGICAL 0/0 (proto_version '1', publication_names '"bascule_app_9d7f0c6e","bascule_app_9d7f0c6ei"', messages 'true', binary 'true')`
		snap    = `snapshot | CREATE_REPLICATION_SLOT <name> TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export') | begin isolation level repeatable read, read only | set transaction snapshot <of the slot> | lock table only <each> in access share mode`
	)
	for _, c := range []struct {
		rule, body string
		edit       func(w *world)
		want       string
	}{
		{"made", "", nil, "intent\nledger\npublications | " + all + " | " + inserts + "\nslot | " + slot + "\n" + snap + "\ndump\nschema\n" +
			`copy public.lines | copy "public"."lines" ("id", "order_id") to stdout (format binary) | copy "public"."lines" ("id", "order_id") from stdin (format binary, freeze)` + "\n" +
			`copy public.orders | copy "public"."orders" ("id", "note") to stdout (format binary) | copy "public"."orders" ("id", "note") from stdin (format binary, freeze)` + "\n" +
			"objects\nstream | " + start + "\nvalidate\nsequences\nfinish\ndone"},
		{"of a newer source, with an identity", "table \"public.lines\" {\nreplica_identity = \"full\"\n}\npaused = true", func(w *world) { w.src.Version.Num = 170004 },
			"intent\nledger\nidentity public.lines | alter table only \"public\".\"lines\" replica identity full\npublications | " + all + " | " + inserts + "\nslot | " +
				strings.Replace(slot, "'nothing'", "'nothing', FAILOVER", 1) + "\n" + snap + "\ndump\nschema\n"},
		{"attached", "initial_copy = false\n" + namedBody, func(w *world) { names(w) },
			"intent\nledger\nstream | START_REPLICATION SLOT \"s0\" LOGICAL 0/0 (proto_version '1', publication_names '\"p\"', messages 'true', binary 'true')\nfinish\ndone"},
		{"a table more, and one less", "", func(w *world) {
			w.streaming(t)
			keyless(w.src, 21000, "public", "news", "id")
			w.hcl = strings.Replace(w.hcl, "target     = peer.b\n", "target     = peer.b\nexclude = [\"public.lines\"]\n", 1)
		}, "intent\nledger\nleave public.lines | alter publication \"bascule_app_9d7f0c6e\" drop table only \"public\".\"lines\"\n" +
			"join public.news | alter publication \"bascule_app_9d7f0c6ei\" add table only \"public\".\"news\"\nwait out\n" + snap + "\ndump\nschema\n" +
			`copy public.news | copy "public"."news" ("id") to stdout (format binary) | copy "public"."news" ("id") from stdin (format binary, freeze)` + "\nhand over\nstream | " + start + "\nfinish\ndone"},
		{"an identity is put back", "table \"public.lines\" {\nreplica_identity = \"full\"\n}", func(w *world) {
			w.streaming(t)
			find(w.src, 20200).ReplicaIdentity = 'f'
			w.hcl = strings.Replace(w.hcl, "replica_identity = \"full\"", "", 1)
		}, "intent\nledger\nidentity public.lines | alter table only \"public\".\"lines\" replica identity default\nstream | " + start + "\nfinish\ndone"},
		{"an identity stays", "table \"public.lines\" {\nreplica_identity = \"full\"\n}", func(w *world) {
			w.streaming(t)
			find(w.src, 20200).ReplicaIdentity = 'f'
			w.hcl = strings.Replace(w.hcl, "target     = peer.b\n", "target     = peer.b\npaused = true\n", 1)
		}, "intent\nledger\nstream\nfinish\ndone"},
		{"made anew", "", func(w *world) { w.streaming(t); w.replaces = []string{"mirror.app"} },
			"intent\nledger\ndrop slot | DROP_REPLICATION_SLOT \"bascule_app_9d7f0c6e\"\ndrop publications | drop publication if exists \"bascule_app_9d7f0c6e\" | drop publication if exists \"bascule_app_9d7f0c6ei\"\npublications | "},
	} {
		w := newStream(c.body)
		if c.edit != nil {
			c.edit(w)
		}
		got := stepsOf(t, w.plan(t))
		if got != c.want && !(strings.HasSuffix(c.want, "\n") || strings.HasSuffix(c.want, "| ")) || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.rule, got, c.want)
		}
	}
}

// away makes a peer one that cannot be reached.
func (w *world) away(peer string) {
	w.live[peer].Err, w.live[peer].Database, w.live[peer].Ledger = errors.New("no route to host"), nil, nil
}

// A removal whose target could not be reached has put the source in order: nothing is
// planned for it until the target is back, and then no more than what is there.
func TestStreamRemovalIsFinished(t *testing.T) {
	for _, engine := range []string{"stream", "subscription", "pglogical"} {
		w := newStream(fmt.Sprintf("engine = %q", engine))
		w.streaming(t)
		w.withoutMirror()
		rec := w.recorded("mirror.app")
		rec.Status, rec.Mirror.OnSource = state.Removing, &state.OnSource{}
		back := *w.live["peer.b"]
		w.away("peer.b")
		p := w.plan(t)
		if got := brief(p); got != "?B101; ?B227" {
			t.Errorf("%s, away: %s", engine, got)
		}
		detail := p.Findings[1].Detail
		wants := []string{"bascule state rm 'mirror.app'", "delete from bascule.mirror where id = '9d7f0c6e/mirror.app'", "Its source is in order."}
		switch engine {
		case "subscription":
			wants = append(wants, `drop subscription if exists "bascule_app_9d7f0c6e"`)
		case "pglogical":
			wants = append(wants, "pglogical.drop_subscription('bascule_app_9d7f0c6e', true)", "pglogical.drop_node(")
		}
		for _, want := range wants {
			if !strings.Contains(detail, want) {
				t.Errorf("%s: %s\nwithout %s", engine, detail, want)
			}
		}
		w.live["peer.b"] = &back
		w.away("peer.a")
		for _, s := range w.plan(t).Changes[0].Steps {
			if s.Peer == "peer.a" {
				t.Errorf("%s: on the source again: %+v", engine, s)
			}
		}
	}
}

func TestStreamRemoval(t *testing.T) {
	const (
		source = "drop slot | DROP_REPLICATION_SLOT \"bascule_app_9d7f0c6e\"\ndrop publications | drop publication if exists \"bascule_app_9d7f0c6e\" | drop publication if exists \"bascule_app_9d7f0c6ei\"\n" +
			"put back public.lines | alter table only \"public\".\"lines\" replica identity default\n"
		ledger = "ledger | drop schema bascule cascade\n"
	)
	for _, c := range []struct {
		rule  string
		edit  func(w *world)
		steps string
		brief string
	}{
		{"both peers", func(w *world) {}, source + ledger + "forget", "- mirror.app"},
		{"the ledger is gone", func(w *world) { w.live["peer.b"].Ledger = &catalog.Ledger{} }, source + "forget", "- mirror.app"},
		{"the target is gone", func(w *world) {
			w.live["peer.b"] = &planner.Live{Endpoint: "b.example:5432/app", Missing: true}
		}, source + "forget", "- mirror.app"},
		{"the source cannot be reached", func(w *world) {
			w.live["peer.a"].Err, w.live["peer.a"].Database = errors.New("no route to host"), nil
		}, source + ledger + "forget", "- mirror.app; ?B101; ?B175"},
		{"the target cannot be reached", func(w *world) { w.away("peer.b") }, source + "stay", "- mirror.app; ?B101; ?B227"},
		{"destroyed while the target cannot be reached", func(w *world) { w.destroy = true; w.away("peer.b") }, source + "stay", "- mirror.app; ?B101; ?B227"},
		{"neither can be reached", func(w *world) { w.away("peer.a"); w.away("peer.b") }, source + "stay", "- mirror.app; ?B101; ?B101; ?B227; ?B175"},
		{"the target cannot be reached, and the source is another database", func(w *world) { w.away("peer.b"); w.src.Identity.OID = 77 }, "stay", "- mirror.app; ?B101; ?B227"},
		{"the source is another database", func(w *world) { w.src.Identity.OID = 77 }, ledger + "forget", "- mirror.app"},
		{"the source's database is gone", func(w *world) {
			w.live["peer.a"] = &planner.Live{Endpoint: "a.example:5432/app", Missing: true}
		}, ledger + "forget", "- mirror.app"},
		{"destroyed while the source cannot be reached", func(w *world) {
			w.destroy = true
			w.live["peer.a"].Err, w.live["peer.a"].Database = errors.New("no route to host"), nil
		}, source + ledger + "forget", "- mirror.app; ?B175"},
		{"the source is no longer declared", func(w *world) {
			w.hcl = `peer "b" { host = "b.example" }`
			delete(w.live, "peer.a")
		}, source + ledger + "forget", "- mirror.app; !B105"},
	} {
		w := newStream("table \"public.lines\" {\nreplica_identity = \"full\"\n}")
		w.streaming(t)
		w.withoutMirror()
		c.edit(w)
		p := w.plan(t)
		if got := stepsOf(t, p); got != c.steps {
			t.Errorf("%s:\n%s\nwant\n%s", c.rule, got, c.steps)
		}
		if got := brief(p); got != c.brief {
			t.Errorf("%s: %s, want %s", c.rule, got, c.brief)
		}
		if s := p.Changes[0].Mirror.Stream; s == nil || s.Slot != slotName || !s.OwnSlot || len(s.Identities) != 1 {
			t.Errorf("%s: %+v", c.rule, s)
		}
	}
	w := newStream("")
	w.streaming(t)
	var s planner.Stream
	_ = json.Unmarshal([]byte(w.ledger().Stream.Settings), &s)
	s.Silenced = []planner.Trigger{{Table: `"public"."orders"`, Name: "t", Was: "enable always"}}
	text, _ := json.Marshal(s)
	w.ledger().Stream.Settings = string(text)
	w.withoutMirror()
	if got := stepsOf(t, w.plan(t)); !strings.HasSuffix(got, "\ntriggers | alter table only \"public\".\"orders\" enable always trigger \"t\"\n"+ledger+"forget") {
		t.Errorf("triggers are switched on again: %s", got)
	}
	w = newStream(namedBody)
	names(w)
	w.streaming(t)
	w.withoutMirror()
	if got := stepsOf(t, w.plan(t)); got != ledger+"forget" {
		t.Errorf("what was there before stays: %s", got)
	}
}
