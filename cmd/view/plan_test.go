package view_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"bascule/cmd/view"
	"bascule/planner"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
)

const gb = 1 << 30

const mainHCL = `variable "n" {}

peer "prod" {
  host = "db1.internal"
}

peer "next" {
  host = "db2.internal"
}


mirror "app" {
  source = peer.prod
  target = peer.next


  tables = ["public.*"]
}
`

func sources(t *testing.T) map[string]*hcl.File {
	t.Helper()
	p := hclparse.NewParser()
	if _, diags := p.ParseHCL([]byte(mainHCL), "main.hcl"); diags.HasErrors() {
		t.Fatal(diags)
	}
	return p.Files()
}

func peers() []planner.Peer {
	return []planner.Peer{
		{Address: "peer.prod", Endpoint: "db1.internal:5432/app", Version: "14.11"},
		{Address: "peer.next", Endpoint: "db2.internal:5432/app", Version: "16.4"},
	}
}

func creation() planner.Change {
	return planner.Change{
		Address: "mirror.app", Action: planner.Create, File: "main.hcl", Line: 12,
		Mirror: &planner.Mirror{
			Source: "peer.prod", Target: "peer.next", Engine: "stream",
			Tables: []planner.Table{
				{Schema: "public", Name: "audit_log", Kind: "table", Bytes: 64 * gb / 10, Rows: 22e6, Notes: []planner.Note{{Text: "no primary key", Code: "B102"}}},
				{Schema: "public", Name: "events", TargetSchema: "archive", TargetName: "events", Kind: "table", Bytes: 3 << 20, Rows: 81234, Where: "tenant_id = 7", Dropped: []string{"raw"}},
				{Schema: "public", Name: "measured", Kind: "partitioned", Rows: -1},
				{Schema: "public", Name: "Order Items", Kind: "table", Bytes: 38 * gb, Rows: 963e5, Unlogged: true},
			},
			Objects:      []planner.Count{{Kind: "index", Count: 12}, {Kind: "foreign key", Count: 4}, {Kind: "function", Count: 3}, {Kind: "trigger", Count: 1}, {Kind: "text_search_dictionary", Count: 2}, {Kind: "policy", Count: 2}},
			LargeObjects: 1204, Extensions: []string{"citext", "pg_trgm"},
			LeftOut: []planner.LeftOut{
				{Kind: "table", Name: "public.audit_old", Why: "excluded"},
				{Kind: "view", Name: "public.audit_days", Why: "depends on table public.audit_old"},
			},
			Bytes: 444 * gb / 10, Rows: 1183e5, Options: planner.Options{Workers: 4},
		},
		Steps: []planner.Step{
			{ID: "ledger", Kind: "ledger", Peer: "peer.next", Summary: "schema bascule", SQL: []string{"create schema if not exists bascule"}},
			{ID: "copy public.orders", Kind: "copy", Peer: "peer.next", Summary: "copy public.orders"},
		},
	}
}

func finding() planner.Finding {
	return planner.Finding{
		Code: "B102", Severity: planner.Warning, Address: "mirror.app",
		Summary: "public.audit_log has no primary key",
		Detail:  "Inserts will replicate; updates and deletes will not. Add a primary key, or set replica_identity = \"full\" in a table block.\n\n  alter table public.audit_log add primary key (id)",
		Objects: []string{"public.audit_log"}, File: "main.hcl", Line: 17,
	}
}

func manyTables(n int) planner.Change {
	c := creation()
	c.Mirror.Tables = nil
	for i := range n {
		c.Mirror.Tables = append(c.Mirror.Tables, planner.Table{Schema: "s", Name: fmt.Sprintf("t%04d", i), Kind: "table", Bytes: int64(i%97) << 20, Rows: float64(i)})
	}
	return c
}

func TestPlan(t *testing.T) {
	removal := planner.Change{
		Address: `mirror.app["eu"]`, Action: planner.Remove,
		Mirror: &planner.Mirror{Source: "peer.prod", Target: "peer.next"},
		Steps:  []planner.Step{{Kind: "cleanup", Peer: "peer.next", Summary: "delete the mirror's records from schema bascule"}},
	}
	replaced := creation()
	replaced.Action, replaced.Reason = planner.Replace, "interrupted; all tables are copied again"
	replaced.DataLoss = []string{"public.orders (has rows)"}
	refusal := finding()
	refusal.Severity, refusal.Code, refusal.Objects = planner.Refusal, "B201", []string{"public.a", "public.b"}
	refusal.Summary = "rights are missing on 2 tables"
	lost := peers()
	lost[1] = planner.Peer{Address: "peer.next", Endpoint: "db2.internal:5432/app", Error: "connection refused"}

	for _, c := range []struct {
		name string
		plan planner.Plan
	}{
		{"create", planner.Plan{Peers: peers(), Changes: []planner.Change{creation()}, Findings: []planner.Finding{finding()}}},
		{"empty", planner.Plan{Peers: peers()}},
		{"remove", planner.Plan{Peers: peers(), Changes: []planner.Change{removal, {Address: "peer.old", Action: planner.Forget}}}},
		{"replace", planner.Plan{Peers: peers(), Changes: []planner.Change{replaced}}},
		{"update", planner.Plan{Peers: peers(), Changes: []planner.Change{{
			Address: "mirror.app", Action: planner.Update, File: "main.hcl", Line: 12,
			Attributes: []planner.Attribute{{Name: "exclude", Old: "", New: "public.audit_*"}},
		}}}},
		{"refused", planner.Plan{Peers: lost, Changes: []planner.Change{creation()}, Findings: []planner.Finding{refusal}}},
		{"many", planner.Plan{Peers: peers(), Changes: []planner.Change{manyTables(10000)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, out, err := screen(view.Config{})
			if failed := s.Plan(view.PlanReport{Plan: &c.plan, Sources: sources(t)}); failed != nil || err.Len() > 0 {
				t.Fatal(failed, err.String())
			}
			golden(t, "plan-"+c.name, out.String())
			for line := range strings.SplitSeq(out.String(), "\n") {
				if strings.HasSuffix(line, " ") {
					t.Errorf("a line ends in spaces: %q", line)
				}
			}
		})
	}
}

func TestSavedPlanTellsItsDigest(t *testing.T) {
	p := &planner.Plan{Peers: peers(), Changes: []planner.Change{creation()}}
	s, out, _ := screen(view.Config{})
	if err := s.Plan(view.PlanReport{Plan: p, Saved: "prod.plan"}); err != nil {
		t.Fatal(err)
	}
	want := "\nSaved prod.plan, " + p.Digest()[:15] + ". Apply exactly this plan with: bascule apply prod.plan\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("got %s, want its end to be %s", out, want)
	}
}

func TestPlanJSON(t *testing.T) {
	p := &planner.Plan{Peers: peers(), Changes: []planner.Change{manyTables(100)}, Findings: []planner.Finding{finding()}}
	s, out, _ := screen(view.Config{JSON: true})
	if err := s.Plan(view.PlanReport{Plan: p, Sources: sources(t)}); err != nil {
		t.Fatal(err)
	}
	var d view.PlanDocument
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Plan.Changes[0].Mirror.Tables) != 100 || d.Summary.Create != 1 || !d.Applicable || !d.Changes || d.Digest != p.Digest() {
		t.Errorf("got %+v", d)
	}
	if got := d.Diagnostics[0]; got.Context != `mirror "app"` || got.Snippet[0] != `  tables = ["public.*"]` {
		t.Errorf("diagnostic %+v", got)
	}
}

func TestPlanColours(t *testing.T) {
	s, out, _ := screen(view.Config{ColorStdout: true})
	p := &planner.Plan{Peers: peers(), Changes: []planner.Change{creation()}, Findings: []planner.Finding{finding()}}
	if err := s.Plan(view.PlanReport{Plan: p, Sources: sources(t)}); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan-colours", strings.ReplaceAll(out.String(), "\x1b", "^"))
}

func TestPlanMarkdown(t *testing.T) {
	p := &planner.Plan{Peers: peers(), Changes: []planner.Change{creation()}, Findings: []planner.Finding{finding()}}
	golden(t, "plan-markdown", strings.ReplaceAll(view.PlanMarkdown(p, sources(t)), p.Digest(), "DIGEST"))
}

func TestSQL(t *testing.T) {
	s, out, _ := screen(view.Config{})
	if err := s.SQL(&planner.Plan{Changes: []planner.Change{creation()}}); err != nil {
		t.Fatal(err)
	}
	golden(t, "sql", out.String())
}
