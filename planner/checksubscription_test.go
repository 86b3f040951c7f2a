package planner_test

import (
	"slices"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/state"
)

// newSubscription is newStream with the server's own engine, on a target that has room
// for it.
func newSubscription(body string) *world {
	w := newStream("  engine = \"subscription\"\n" + body)
	for name, value := range map[string]string{"max_logical_replication_workers": "4", "max_worker_processes": "8", "max_replication_slots": "10"} {
		w.dst.Params[name] = value
	}
	return w
}

// grantee is a target of version 16 whose role is no superuser and may do what it takes.
func grantee(w *world) {
	plainRole(w.dst)
	w.dst.Role.MemberOf = append(w.dst.Role.MemberOf, "pg_create_subscription")
	w.dst.Role.CanReplicaRole = true
	w.dst.Subscribing = catalog.Subscribing{CanMove: true, CanBe: []string{"app_role"}}
	w.src.Roles = append(w.src.Roles, catalog.RoleFact{OID: 11, Name: "app_role", ConnLimit: -1})
}

// theirs has the target's server hold so many subscriptions, all in another database.
func theirs(w *world, n int) {
	for i := range n {
		w.dst.Subscribing.Subscriptions = append(w.dst.Subscribing.Subscriptions,
			catalog.SubscriptionName{Database: "other", Name: "sub" + string(rune('a'+i)), Enabled: true, Slot: "s"})
	}
	w.dst.Subscribing.Origins += n
}

const atEngine = `engine = "subscription"`

func TestSubscriptionFindings(t *testing.T) {
	for _, c := range slices.Concat(subscriptionServer, subscriptionTables) {
		t.Run(c.rule, func(t *testing.T) {
			w := newSubscription(c.body)
			if c.edit != nil {
				c.edit(w)
			}
			p := w.plan(t)
			found := slices.DeleteFunc(slices.Clone(p.Findings), func(f planner.Finding) bool {
				ours := strings.HasPrefix(f.Code, "B20")
				return !ours || f.Severity == planner.Notice && c.severity != planner.Notice || c.severity == planner.Notice && f.Code != c.code
			})
			if c.code == "" {
				if len(found) > 0 || p.Refused() {
					t.Fatalf("%+v", p.Findings)
				}
				return
			}
			if len(found) != 1 {
				t.Fatalf("%d findings: %+v", len(found), p.Findings)
			}
			f := found[0]
			if f.Code != c.code || f.Severity != c.severity || !strings.Contains(f.Summary+"\n"+f.Detail, c.remedy) {
				t.Errorf("%s %s %q\n%s\nwant %s %s %q", f.Code, f.Severity, f.Summary, f.Detail, c.code, c.severity, c.remedy)
			}
			if line := lineOf(w.hcl, f); !strings.Contains(line, c.at) {
				t.Errorf("%s:%d is %q, want %q", f.File, f.Line, line, c.at)
			}
		})
	}
}

var subscriptionServer = []finding{
	{rule: "nothing is in the way"},
	{rule: "an old target", code: "B200", severity: planner.Refusal, at: atEngine, remedy: "only 15 and newer", edit: func(w *world) { w.dst.Version = catalog.Version{Num: 140010, Text: "14.10"} }},
	{rule: "no superuser on 15", code: "B201", severity: planner.Refusal, at: atTarget, remedy: "up to PostgreSQL 15 only one", edit: func(w *world) { grantee(w); w.dst.Version = catalog.Version{Num: 150020, Text: "15.20"} }},
	{rule: "an administrator of a managed server", edit: func(w *world) {
		grantee(w)
		w.dst.Version = catalog.Version{Num: 150020, Text: "15.20"}
		w.dst.Role.MemberOf = append(w.dst.Role.MemberOf, "rds_superuser")
	}},
	{rule: "no superuser on 16, with all rights", edit: func(w *world) { grantee(w); w.dst.CanCreate = true }},
	{rule: "without pg_create_subscription", code: "B201", severity: planner.Refusal, at: atTarget, remedy: "On the target: GRANT pg_create_subscription TO app_role.", edit: func(w *world) {
		grantee(w)
		w.dst.Role.MemberOf = w.dst.Role.MemberOf[:1]
	}},
	{rule: "without CREATE, in a database that is to be left as it is", body: "schema {\ncopy = false\n}", code: "B201", severity: planner.Refusal, at: atTarget, remedy: "GRANT CREATE ON DATABASE app TO app_role", edit: func(w *world) {
		grantee(w)
		w.dst.CanCreate = false
		for _, r := range []*catalog.Relation{table(w.dst, 30100, "public", "orders", "id", "note"), table(w.dst, 30200, "public", "lines", "id", "order_id")} {
			r.Owner = "app_role"
		}
		for i := range w.dst.Relations {
			w.dst.Relations[i].Owner = "app_role"
		}
	}},
	{rule: "without origins", code: "B201", severity: planner.Refusal, at: atTarget, remedy: "pg_replication_origin_advance, pg_replication_origin_progress TO app_role, in database app", edit: func(w *world) {
		grantee(w)
		w.dst.Subscribing.CanMove = false
	}},
	{rule: "owners that it may not become", body: "schema {\nowners = true\n}", code: "B201", severity: planner.Refusal, at: atTarget, remedy: "GRANT migrator TO app_role WITH SET TRUE", edit: grantee},
	{rule: "owners that it may", body: "schema {\nowners = true\n}", edit: func(w *world) {
		grantee(w)
		w.dst.Subscribing.CanBe = append(w.dst.Subscribing.CanBe, "migrator")
	}},
	{rule: "owners of tables that are there", body: "schema {\ncopy = false\n}", code: "B201", severity: planner.Refusal, at: atTarget, remedy: "may not become the owner of 1 table: public.lines", edit: func(w *world) {
		grantee(w)
		w.dst.CanCreate = true
		table(w.dst, 30100, "public", "orders", "id", "note")
		table(w.dst, 30200, "public", "lines", "id", "order_id")
		find(w.dst, 30100).Owner = "app_role"
	}},
	{rule: "no worker", code: "B202", severity: planner.Refusal, at: atTarget, remedy: "max_logical_replication_workers of the target is 4, and no worker is left", edit: func(w *world) { theirs(w, 4) }},
	{rule: "no worker, with who has them", code: "B202", severity: planner.Refusal, at: atTarget, remedy: "suba (database other)", edit: func(w *world) { theirs(w, 4) }},
	{rule: "the last worker", edit: func(w *world) { theirs(w, 3) }},
	{rule: "those that are off have none", edit: func(w *world) {
		theirs(w, 4)
		w.dst.Subscribing.Subscriptions[0].Enabled = false
	}},
	{rule: "no process", code: "B202", severity: planner.Refusal, at: atTarget, remedy: "ALTER SYSTEM SET max_worker_processes = 10", edit: func(w *world) {
		theirs(w, 3)
		w.dst.Params["max_worker_processes"] = "4"
	}},
	{rule: "no origin", code: "B202", severity: planner.Refusal, at: atTarget, remedy: "max_replication_slots of the target is 10, and no replication origin is left", edit: func(w *world) { w.dst.Subscribing.Origins = 10 }},
	{rule: "no origin on 18", code: "B202", severity: planner.Refusal, at: atTarget, remedy: "max_active_replication_origins of the target is 3", edit: func(w *world) {
		w.dst.Params["max_active_replication_origins"] = "3"
		w.dst.Subscribing.Origins = 3
	}},
	{rule: "slots are no origins on 18", edit: func(w *world) {
		w.dst.Params["max_active_replication_origins"] = "20"
		w.dst.Subscribing.Origins = 12
	}},
	{rule: "the mirror's own from before takes none", edit: func(w *world) {
		theirs(w, 3)
		w.dst.Subscribing.Origins = 10
		w.dst.Subscribing.Subscriptions = append(w.dst.Subscribing.Subscriptions, catalog.SubscriptionName{Database: "app", Name: slotName, Enabled: true, Slot: slotName})
	}},
	{rule: "a subscription with another slot", code: "B206", severity: planner.Refusal, at: atTarget, remedy: "has a subscription " + slotName + " already", edit: func(w *world) {
		w.dst.Subscribing.Subscriptions = []catalog.SubscriptionName{{Database: "app", Name: slotName, Slot: "another"}}
	}},
	{rule: "one of the name in another database", edit: func(w *world) {
		w.dst.Subscribing.Subscriptions = []catalog.SubscriptionName{{Database: "other", Name: slotName, Slot: "another"}}
	}},
	{rule: "one that a named slot has", body: namedBody, code: "B206", severity: planner.Refusal, at: atTarget, remedy: "has a subscription s0 already", edit: func(w *world) {
		names(w)
		w.dst.Subscribing.Subscriptions = []catalog.SubscriptionName{{Database: "app", Name: "s0", Slot: "s0"}}
	}},
}

var subscriptionTables = []finding{
	{rule: "another name on the target", body: "table \"public.orders\" {\ntarget = \"archive.orders\"\n}", code: "B203", severity: planner.Refusal, at: atMirror, remedy: "on the target: public.orders"},
	{rule: "excluded columns", body: "table \"public.orders\" {\nexclude_columns = [\"note\"]\n}", code: "B204", severity: planner.Refusal, at: atMirror, remedy: "without some on the target: public.orders"},
	{rule: "generated ones are not sent", body: "table \"public.orders\" {\nexclude_columns = [\"note\"]\n}", edit: func(w *world) {
		find(w.src, 20100).Columns[1].Generated = 's'
	}},
	{rule: "rows are counted on 18", code: "B205", severity: planner.Notice, at: atMirror, remedy: "It counts them", edit: func(w *world) { w.dst.Version = catalog.Version{Num: 180004, Text: "18.4"} }},
	{rule: "rows are in the log before", code: "B205", severity: planner.Notice, at: atMirror, remedy: "It writes that to its log"},
	{rule: "rows are passed over as asked for", body: "stream {\nmissing_row = \"skip\"\nmax_delay = \"1s\"\n}", code: "B205", severity: planner.Notice, at: "max_delay", remedy: "max_delay holds only"},
	{rule: "what is stored", code: "B207", severity: planner.Notice, at: atEngine, remedy: "from_server { user"},
	{rule: "a password that may expire", code: "B207", severity: planner.Warning, at: atEngine, remedy: "from_server { password", edit: func(w *world) {
		w.hcl = strings.Replace(w.hcl, `host = "a.example"`, "host = \"a.example\"\n  password_command = [\"token\"]", 1)
	}},
	{rule: "one that does not", edit: func(w *world) {
		w.hcl = strings.Replace(w.hcl, `host = "a.example"`, "host = \"a.example\"\n  password_command = [\"token\"]\n  from_server {\n    password = \"lasting\"\n  }", 1)
	}},
	{rule: "a publication of the mirror's tables", body: namedBody, edit: func(w *world) { names(w) }},
	{rule: "a publication of more", body: namedBody, code: "B208", severity: planner.Refusal, at: "publications", remedy: "does not follow, and a subscription takes all: public.elsewhere", edit: func(w *world) {
		_, p := names(w)
		p.Tables = append(p.Tables, catalog.PublishedTable{OID: 77, Schema: "public", Name: "elsewhere", Published: true})
	}},
	{rule: "json in rows that are compared", body: "table \"public.notes\" {\nreplica_identity = \"full\"\n}", code: "B209", severity: planner.Refusal, at: atMirror, remedy: "public.notes (b json[])", edit: func(w *world) {
		r := keyless(w.src, 20500, "public", "notes", "a", "b")
		r.Columns[1].Type = "json[]"
	}},
	{rule: "json beside a key", edit: func(w *world) { find(w.src, 20100).Columns[1].Type = "json" }},
	{rule: "a table without a key, inserts only", edit: func(w *world) { keyless(w.src, 20500, "public", "notes", "a").Columns[0].Type = "json" }},
}

// Mirrors of one plan share what their target's server has.
func TestSubscriptionsShareTheServer(t *testing.T) {
	w := newSubscription("")
	w.hcl += strings.Replace(w.hcl[strings.Index(w.hcl, "mirror"):], `"app"`, `"app2"`, 1)
	theirs(w, 3)
	p := w.plan(t)
	i := slices.IndexFunc(p.Findings, func(f planner.Finding) bool { return f.Code == "B202" })
	if i < 0 || p.Findings[i].Address != "mirror.app2" || !strings.Contains(p.Findings[i].Detail, "; 1 other mirror of this plan") {
		t.Errorf("%+v", p.Findings)
	}
}

// The stream of our own has none of these.
func TestOtherEnginesHaveNoSubscription(t *testing.T) {
	w := newStream("table \"public.orders\" {\ntarget = \"archive.orders\"\n}")
	theirs(w, 40)
	for _, f := range w.plan(t).Findings {
		if strings.HasPrefix(f.Code, "B20") {
			t.Errorf("%+v", f)
		}
	}
}

// A first apply that was killed before it handed the mirror over left it complete, and
// with nobody: it is not adopted, but handed over.
func TestSubscriptionIsNotHandedYet(t *testing.T) {
	for _, c := range []struct {
		rule   string
		handed bool
		want   string
	}{
		{"with nobody", false, "create: its servers do not move its rows: an apply was interrupted; it is handed over to them"},
		{"with its servers", true, "update: the target's ledger says that it is complete; it is adopted into the state"},
	} {
		w := newSubscription("")
		w.streaming(t)
		w.recorded("mirror.app").Status, w.ledger().Stream.Handed = state.Creating, c.handed
		change := w.plan(t).Changes[0]
		if got := string(change.Action) + ": " + change.Reason; got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}
