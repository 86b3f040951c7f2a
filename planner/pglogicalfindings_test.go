package planner_test

import (
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
)

// newPglogical is newStream with a mirror that pglogical moves, on servers that let it.
func newPglogical(body string) *world {
	w := newStream("engine = \"pglogical\"\n" + body)
	for _, db := range []*catalog.Database{w.src, w.dst} {
		db.Params["shared_preload_libraries"], db.Params["output_plugin_libraries"] = "pg_stat_statements, pglogical", "pgoutput, pglogical_output"
		db.Params["max_worker_processes"], db.Params["max_replication_slots"] = "8", "10"
		db.Available["pglogical"] = catalog.AvailableExtension{Name: "pglogical", DefaultVersion: "2.4.2"}
		db.Roles = append(db.Roles, catalog.RoleFact{Name: "migrator", Superuser: true})
	}
	w.src.Constraints = nil // of foreign keys: see below
	return w
}

// pglogicalFindings are those of the engine, a line each: a mark, the code, what it says.
func pglogicalFindings(p *planner.Plan) string {
	var list []string
	for _, f := range p.Findings {
		if f.Code >= "B210" && f.Code <= "B229" {
			list = append(list, map[string]string{planner.Refusal: "!", planner.Warning: "?", planner.Notice: "."}[f.Severity]+f.Code+" "+f.Summary+"\n"+f.Detail)
		}
	}
	return strings.Join(list, "\n")
}

const passesOver = ".B218" // every mirror that pglogical moves is told

// pglogicalCases say which codes, with marks, a mirror has.
var pglogicalCases = []struct {
	rule, body   string
	edit         func(w *world)
	want, remedy string
}{
	{"nothing to be said", "", nil, passesOver, "update or delete whose row is missing"},
	{"missing rows are passed over anyway", "stream { missing_row = \"skip\" }", nil, "", ""},
	{"an interval", "stream { max_delay = \"1s\" }", nil, passesOver + " .B218", "max_delay holds only"},
	{"not loaded on the source", "", func(w *world) { w.src.Params["shared_preload_libraries"] = "auto_explain" }, "!B210 " + passesOver,
		"On the source: ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'pglogical', and restart"},
	{"not loaded on the target", "", func(w *world) { w.dst.Params["shared_preload_libraries"] = "" }, "!B210 " + passesOver,
		"On the target: ALTER SYSTEM SET shared_preload_libraries = 'pglogical', and restart"},
	{"a role that may not see that", "", func(w *world) { delete(w.src.Params, "shared_preload_libraries") }, passesOver, ""},
	{"a plugin that is not allowed", "", func(w *world) { w.src.Params["output_plugin_libraries"] = "pgoutput, test_decoding" }, "!B211 " + passesOver,
		"ALTER SYSTEM SET output_plugin_libraries = 'pgoutput', 'test_decoding', 'pglogical_output', and reload"},
	{"the target need not allow it", "", func(w *world) { w.dst.Params["output_plugin_libraries"] = "pgoutput" }, passesOver, ""},
	{"a server that allows any", "", func(w *world) { delete(w.src.Params, "output_plugin_libraries") }, passesOver, ""},
	{"no extension", "", func(w *world) { delete(w.dst.Available, "pglogical") }, "!B212 " + passesOver, "postgresql-16-pglogical"},
	{"an old one", "", func(w *world) { w.src.Available["pglogical"] = catalog.AvailableExtension{DefaultVersion: "1.2"} }, "!B212 " + passesOver, "Install version 2"},
	{"a server that it is not for", "", func(w *world) { w.dst.Version = catalog.Version{Num: 180001, Text: "18.1"} }, "!B222 " + passesOver, "subscription"},
	{"a plain role", "", func(w *world) { w.dst.Role.Superuser, w.dst.Role.CanReplicaRole = false, true }, "!B213 " + passesOver, "USAGE on schema pglogical on both sides"},
	{"of a managed server", "", func(w *world) {
		w.dst.Role.Superuser, w.dst.Role.CanReplicaRole = false, true
		w.dst.Role.MemberOf = append(w.dst.Role.MemberOf, "rds_superuser")
	}, passesOver, ""},
	{"no role of that name", "", func(w *world) { w.dst.Roles = nil }, "?B214 " + passesOver, "CREATE ROLE migrator"},
	{"no workers", "", func(w *world) { w.dst.Params["max_worker_processes"] = "4" }, "!B215 " + passesOver, "takes 5 processes there\nOn the target: ALTER SYSTEM SET max_worker_processes = 16"},
	{"just enough", "", func(w *world) { w.dst.Params["max_worker_processes"] = "5" }, passesOver, ""},
	{"other subscriptions have them", "", func(w *world) {
		theirs(w, 4)
		w.dst.Subscribing.Subscriptions[0].Enabled = false
		w.live["peer.b"].Pglogical = &catalog.Pglogical{Readable: true, Node: slotName + "_target", Subscriptions: []catalog.PglogicalSubscription{{Name: "x", Enabled: true}, {Name: slotName, Enabled: true}}}
	}, "!B215 " + passesOver, "is 8, and pglogical takes 5 processes there, beside 4 of other subscriptions"},
	{"none on the source", "", func(w *world) { w.src.Params["max_worker_processes"] = "1" }, "!B215 " + passesOver, "On the source: ALTER SYSTEM"},
	{"no origins", "", func(w *world) { w.dst.Params["max_replication_slots"] = "0" }, "!B215 " + passesOver, "ALTER SYSTEM SET max_replication_slots = 10"},
	{"no origin left", "", func(w *world) { w.dst.Subscribing.Origins = 10 }, "!B215 " + passesOver, "max_replication_slots of the target is 10, and no replication origin is left"},
	{"the last one", "", func(w *world) { w.dst.Subscribing.Origins = 9 }, passesOver, ""},
	{"one slot too few", "", func(w *world) { w.src.Params["max_replication_slots"] = "2" }, "!B215 " + passesOver, "has 2 replication slots free, and with pglogical's own the mirror needs 3"},
	{"whole rows", "", func(w *world) { find(w.src, 20100).ReplicaIdentity = 'f' }, "!B216 " + passesOver, "REPLICA IDENTITY DEFAULT"},
	{"by an index", "table \"public.orders\" {\nreplica_identity = \"index:orders_pkey\"\n}", func(w *world) { find(w.src, 20100).ReplicaIdentity = 'f' }, passesOver, ""},
	{"another name", "table \"public.orders\" {\ntarget = \"public.o\"\n}", nil, "!B217 " + passesOver, "Take target out"},
	{"columns left out are those of a set", "table \"public.orders\" {\nexclude_columns = [\"note\"]\n}", nil, passesOver, ""},
	{"generated columns are made on the target", "", func(w *world) { find(w.src, 20100).Columns[1].Generated = 's' }, passesOver, ""},
	{"roots", "stream { publish_via_partition_root = true }", func(w *world) { parted(w) }, "!B219 " + passesOver, "publish_via_partition_root = false"},
	{"partitions", "", func(w *world) { parted(w) }, passesOver, ""},
	{"somebody's node", "", func(w *world) { w.live["peer.a"].Pglogical = &catalog.Pglogical{Readable: true, Node: "theirs"} }, ".B220 " + passesOver, slotName + "_inserts"},
	{"our own", "", func(w *world) { w.live["peer.a"].Pglogical = &catalog.Pglogical{Readable: true, Node: slotName} }, passesOver, ""},
	{"not to be read", "", func(w *world) { w.live["peer.b"].Pglogical = &catalog.Pglogical{} }, "!B220 " + passesOver, "GRANT USAGE ON SCHEMA pglogical"},
	{"a slot that is there", "stream {\nslot = \"reader\"\npublications = [\"pub\"]\n}", nil, "!B223 !B223 " + passesOver, "hold WAL on the source"},
	{"publications that are there", "stream { publications = [\"pub\"] }", nil, "!B223 " + passesOver, "replication sets hold"},
	{"foreign keys", "", func(w *world) { foreignKey(w.src, 20300, "public", "f", 20200, 20100) }, "?B221 " + passesOver, "public.orders"},
}

func TestPglogicalFindings(t *testing.T) {
	for _, c := range pglogicalCases {
		w := newPglogical(c.body)
		if c.edit != nil {
			c.edit(w)
		}
		got := pglogicalFindings(w.plan(t))
		var codes []string
		for line := range strings.Lines(got) {
			if code, _, _ := strings.Cut(line, " "); len(code) == 5 && code[1] == 'B' {
				codes = append(codes, code)
			}
		}
		if all := strings.Join(codes, " "); all != c.want || !strings.Contains(got, c.remedy) {
			t.Errorf("%s: got %s, want %s with %q\n%s", c.rule, all, c.want, c.remedy, got)
		}
	}
	if got := pglogicalFindings(newStream("").plan(t)); got != "" {
		t.Errorf("another engine: %s", got)
	}
}

// A mirror that comes to pglogical from another engine is in need of what that takes; one
// that is with it has that.
func TestPglogicalLimitsOfAMirrorThatIsThere(t *testing.T) {
	for _, c := range []struct {
		rule, from, want string
	}{
		{"from the stream", "stream", "!B215 !B215"},
		{"it is there", "pglogical", ""},
	} {
		w := newPglogical("")
		w.hcl = strings.Replace(w.hcl, `"pglogical"`, `"`+c.from+`"`, 1)
		w.streaming(t)
		w.hcl = strings.Replace(w.hcl, `"`+c.from+`"`, `"pglogical"`, 1)
		w.src.Params["max_replication_slots"], w.dst.Params["max_worker_processes"] = "1", "4"
		if c.from == "pglogical" { // something is to be done to it
			table(w.src, 20600, "public", "added", "id").ReplicaIdentity = 'd'
		}
		var codes []string
		for line := range strings.Lines(pglogicalFindings(w.plan(t))) {
			if strings.HasPrefix(line, "!B215") {
				codes = append(codes, "!B215")
			}
		}
		if got := strings.Join(codes, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}

// What pglogical has on the source is not copied, whoever moves the rows.
func TestPglogicalIsNotCarried(t *testing.T) {
	for _, body := range []string{"", "engine = \"pglogical\""} {
		w := newStream(body)
		w.src.Extensions = append(w.src.Extensions, catalog.Extension{OID: 23000, Name: "pglogical"})
		r := relation(w.src, 23100, "pglogical", "queue", catalog.Table, "x")
		r.Extension = "pglogical"
		m := w.plan(t).Changes[0].Mirror
		var left []string
		for _, l := range m.LeftOut {
			left = append(left, l.Kind+" "+l.Name)
		}
		if len(m.Extensions) > 0 || strings.Join(left, ", ") != "extension pglogical, schema pglogical, table pglogical.queue" {
			t.Errorf("%q: %s, extensions %s", body, left, m.Extensions)
		}
	}
}

// A command is run on the target by the role that runs it on the source: one that is not
// there, or may not, would end the worker.
func TestCommandsOfARoleThatTheTargetDoesNotLet(t *testing.T) {
	plain := func(w *world) {
		w.dst.Roles = []catalog.RoleFact{{Name: "boss"}, {Name: "crew", MemberOf: []string{"boss", "crew"}}, {Name: "migrator"}}
		find(w.dst, 70100).Owner = "boss"
	}
	for _, c := range []struct {
		rule, command string
		edit          func(w *world)
		want, remedy  string
	}{
		{"a superuser", addColumn, func(w *world) { plain(w); w.dst.Roles[2].Superuser = true }, "", ""},
		{"none", addColumn, func(w *world) { w.dst.Roles = nil }, "!B214", "On peer.b: CREATE ROLE migrator"},
		{"none, of a command that is run alone", "CREATE INDEX CONCURRENTLY n ON public.orders (note)", func(w *world) { w.dst.Roles = nil }, "", ""},
		{"not the owner", addColumn, plain, "!B183", "as role migrator on peer.b, which does not own public.orders"},
		{"nor need it be", "CREATE TABLE public.late (id int PRIMARY KEY)", plain, "", ""},
		{"the owner", addColumn, func(w *world) { plain(w); find(w.dst, 70100).Owner = "migrator" }, "", ""},
		{"a member of a member of the owner", addColumn, func(w *world) {
			plain(w)
			w.dst.Roles[2].MemberOf = []string{"crew"}
		}, "", ""},
	} {
		w := newPglogical("")
		w.streaming(t)
		w.handed("pglogical")
		c.edit(w)
		w.block("x", c.command)
		var codes, all []string
		for _, f := range w.plan(t).Findings {
			if f.Severity == planner.Refusal {
				codes, all = append(codes, "!"+f.Code), append(all, f.Summary, f.Detail)
			}
		}
		if strings.Join(codes, " ") != c.want || !strings.Contains(strings.Join(all, "\n"), c.remedy) {
			t.Errorf("%s: %s %s, want %s %q", c.rule, codes, all, c.want, c.remedy)
		}
	}
}

// Replication sets that a block names bring the command to each of its mirrors, or the
// plan says that they do not.
func TestReplicationSetsOfABlock(t *testing.T) {
	theirs := &catalog.Pglogical{Readable: true, Node: "theirs", Sets: []catalog.PglogicalSet{{Name: "default"}, {Name: "others"}}}
	for _, c := range []struct {
		rule, sets   string
		there        *catalog.Pglogical
		want, remedy string
	}{
		{"one of a new node's", `["default_insert_only"]`, nil, "", ""},
		{"of a node of our own", `["default"]`, &catalog.Pglogical{Readable: true, Node: slotName}, "", ""},
		{"of somebody's node, which the mirror has not", `["default"]`, theirs, "!B230", "Its sets on the source are " + slotName + " and " + slotName + "_inserts. Name one"},
		{"of somebody's node, the mirror's own", `["` + slotName + `"]`, theirs, "", ""},
		{"none that there is", `["defualt"]`, nil, "!B230", "default and default_insert_only"},
		{"one more, which others have", `["` + slotName + `_inserts", "others"]`, theirs, "?B231", "whoever else subscribes to it"},
		{"one more, which nobody has", `["default", "nobody"]`, nil, "!B231", "pglogical would refuse"},
	} {
		w := newPglogical("")
		w.live["peer.a"].Pglogical = c.there
		w.block("x", addColumn, "replication_sets = "+c.sets)
		var codes, all []string
		for _, f := range w.plan(t).Findings {
			if f.Code == "B230" || f.Code == "B231" {
				codes = append(codes, map[string]string{planner.Refusal: "!", planner.Warning: "?"}[f.Severity]+f.Code)
				all = append(all, f.Summary, f.Detail)
				if line := lineOf(w.hcl, f); !strings.Contains(line, "replication_sets") {
					t.Errorf("%s: at %q", c.rule, line)
				}
			}
		}
		if strings.Join(codes, " ") != c.want || !strings.Contains(strings.Join(all, "\n"), c.remedy) {
			t.Errorf("%s: %s %s, want %s %q", c.rule, codes, all, c.want, c.remedy)
		}
	}
}
