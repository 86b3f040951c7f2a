package planner_test

import (
	"slices"
	"strings"
	"testing"

	"bascule/planner"
)

// wayFindings are what is said when a server was asked to connect to another.
var wayFindings = []struct {
	rule, engine, to string
	way              planner.Way
	code, severity   string
	want             []string
}{
	{rule: "it gets there", engine: "subscription", to: "peer.a", way: planner.Way{Endpoint: "a:1/app"}},
	{"it does not", "subscription", "peer.a", planner.Way{Endpoint: "10.0.0.5:1/app", Said: "connection refused", Remedy: "try this"}, "B234", planner.Refusal,
		[]string{"the server of peer.b does not reach peer.a at 10.0.0.5:1/app: connection refused", "from_server { } of peer.a", "LOGIN and REPLICATION. Try this."}},
	{"nor pglogical's", "pglogical", "peer.a", planner.Way{Endpoint: "10.0.0.5:1/app", Said: "connection refused"}, "B234", planner.Refusal, []string{"from_server { } of peer.a"}},
	{"nor to itself", "pglogical", "peer.b", planner.Way{Endpoint: "b:1/app", Said: "connection refused"}, "B234", planner.Refusal, []string{"from_server { } of peer.b", "each server connect to itself"}},
	{rule: "a subscription need not reach itself", engine: "subscription", to: "peer.b", way: planner.Way{Said: "connection refused"}},
	{rule: "our own stream asks no server", engine: "stream", to: "peer.a", way: planner.Way{Said: "connection refused"}},
	{"a password that is not to be had", "subscription", "peer.a", planner.Way{Said: "peer.a: password_command: exit status 1"}, "B234", planner.Refusal, []string{"does not reach peer.a: peer.a: password_command"}},
	{"it may not", "subscription", "peer.a", planner.Way{Endpoint: "a:1/app", Said: "must be superuser", Untried: true}, "B235", planner.Notice, []string{"is not tried: must be superuser", "An apply finds out"}},
}

func TestWayFindings(t *testing.T) {
	for _, c := range wayFindings {
		w := newPglogical("")
		w.hcl = strings.Replace(w.hcl, `"pglogical"`, `"`+c.engine+`"`, 1)
		w.dst.Params["max_logical_replication_workers"] = "4"
		w.live["peer.b"].Ways = map[string]planner.Way{c.to: c.way}
		found := ways(w.plan(t))
		if c.code == "" {
			if len(found) > 0 {
				t.Errorf("%s: %+v", c.rule, found)
			}
			continue
		}
		if len(found) != 1 || found[0].Code != c.code || found[0].Severity != c.severity || found[0].Address != "mirror.app" || found[0].File == "" {
			t.Errorf("%s: %+v", c.rule, found)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(found[0].Summary+"\n"+found[0].Detail, want) {
				t.Errorf("%s: %+v\nwant %s", c.rule, found[0], want)
			}
		}
	}
}

// A way that is cut is told of a mirror that is as it should be, and refuses only what
// would be done to one.
func TestWayOfAMirrorThatIsThere(t *testing.T) {
	w := newSubscription("")
	w.streaming(t)
	w.handed("subscription")
	w.live["peer.b"].Ways = map[string]planner.Way{"peer.a": {Said: "connection refused"}}
	p := w.plan(t)
	if found := ways(p); len(p.Changes) > 0 || p.Refused() || len(found) != 1 || found[0].Severity != planner.Warning {
		t.Errorf("nothing to do: %+v %+v", p.Changes, found)
	}
	w.live["peer.b"].Ways["peer.a"] = planner.Way{Said: "must be superuser", Untried: true}
	if found := ways(w.plan(t)); len(found) > 0 {
		t.Errorf("nothing to do, not tried: %+v", found)
	}
	w.live["peer.b"].Ways["peer.a"] = planner.Way{Said: "connection refused"}
	table(w.src, 20600, "public", "added", "id")
	p = w.plan(t)
	if found := ways(p); len(p.Changes) != 1 || len(found) != 1 || found[0].Severity != planner.Refusal {
		t.Errorf("a table is added: %+v %+v", p.Changes, found)
	}
}

func ways(p *planner.Plan) []planner.Finding {
	return slices.DeleteFunc(slices.Clone(p.Findings), func(f planner.Finding) bool { return f.Code != "B234" && f.Code != "B235" })
}
