package view_test

import (
	"strings"
	"testing"
	"time"

	"bascule/cmd/view"
	"bascule/planner"
	"bascule/state"
)

// running is a ddl block of one mirror.
func running() planner.Change {
	return planner.Change{
		Address: "ddl.users_surname", Action: planner.Run, File: "ddl.hcl", Line: 3,
		DDL: &planner.DDL{Source: "peer.prod", LockTimeoutMillis: 3000,
			Mirrors: []planner.DDLMirror{{Address: "mirror.app", ID: "9d7f0c6e/mirror.app", Target: "peer.next"}},
			Statements: []planner.DDLStatement{{Text: "ALTER TABLE public.users ADD COLUMN surname varchar(20)", Rewrite: "no",
				Locks: []planner.DDLLock{{Mode: "ACCESS EXCLUSIVE", Table: "public.users", Bytes: 38 * gb}}}}},
		Steps: []planner.Step{
			{ID: "source", Kind: "ddl", Peer: "peer.prod", Summary: "run it in one transaction", SQL: []string{"begin", "ALTER TABLE public.users ADD COLUMN surname varchar(20)", "commit"}},
		},
	}
}

func TestPlanOfDDL(t *testing.T) {
	several := running()
	several.Address, several.DDL.LockTimeoutMillis = `ddl.many["a"]`, 90_000
	several.DDL.Mirrors = append(several.DDL.Mirrors, planner.DDLMirror{Address: "mirror.second", Target: "peer.far"})
	several.DDL.Statements = []planner.DDLStatement{
		{Text: "CREATE TABLE public.invoices (\n  id bigint PRIMARY KEY\n)", Rewrite: "no", Effects: []string{"public.invoices joins mirror.app, with its inserts alone if it has no key"}},
		{Text: "ALTER TABLE public.lines ALTER COLUMN n TYPE bigint, ADD FOREIGN KEY (order_id) REFERENCES public.orders", Rewrite: "yes",
			Locks: []planner.DDLLock{{Mode: "ACCESS EXCLUSIVE", Table: "public.lines", Bytes: 3 * gb}, {Mode: "SHARE ROW EXCLUSIVE", Table: "public.orders"}}},
		{Text: "ALTER TABLE public.lines ALTER COLUMN mood TYPE app.mood", Rewrite: "unknown", Locks: []planner.DDLLock{{Mode: "ACCESS EXCLUSIVE", Table: "public.lines", Bytes: 3 * gb}}},
		{Text: "DO 'begin end'", Rewrite: "unknown"},
	}
	alone := running()
	alone.Address, alone.DDL.Alone = "ddl.index", true
	alone.DDL.Statements[0] = planner.DDLStatement{Text: "CREATE INDEX CONCURRENTLY surname ON public.users (surname)", Rewrite: "no", Locks: []planner.DDLLock{{Mode: "SHARE UPDATE EXCLUSIVE", Table: "public.users"}}}
	carried := running()
	carried.Address, carried.DDL.Mirrors[0].Engine = "ddl.carried", planner.EnginePglogical
	partly := running()
	partly.Address, partly.DDL.ReplicationSets = "ddl.partly", []string{"default", "mine"}
	partly.DDL.Mirrors = append(partly.DDL.Mirrors, planner.DDLMirror{Address: "mirror.second", Target: "peer.far", Engine: planner.EnginePglogical})
	ran := running()
	ran.Address, ran.DDL.RanOnSource, ran.Reason = "ddl.ran", true, "it ran on the source already; it runs on the target alone, where the stream stands still for it"
	recorded := running()
	recorded.Address, recorded.DDL.Record, recorded.Reason = "ddl.lost", true, "the ledgers of its mirrors have it as applied; it is taken into the state, and nothing runs"
	recorded.DDL.Statements = nil
	forgotten := planner.Change{Address: "ddl.old", Action: planner.Forget, Reason: "it is no longer in the configuration; nothing runs", DDL: &planner.DDL{}}

	p := &planner.Plan{Peers: peers(), Changes: []planner.Change{running(), several, alone, carried, partly, ran, recorded, forgotten}}
	s, out, _ := screen(view.Config{})
	if err := s.Plan(view.PlanReport{Plan: p}); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan-ddl", out.String())
	golden(t, "plan-ddl-markdown", strings.ReplaceAll(view.PlanMarkdown(p, nil), p.Digest(), "DIGEST"))
	s, out, _ = screen(view.Config{})
	if err := s.SQL(&planner.Plan{Changes: []planner.Change{running()}}); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan-ddl-sql", out.String())
}

func TestStateOfDDL(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d := &state.DDL{Source: "peer.prod", Mirrors: []string{"mirror.app", "mirror.second"}, Checksum: "4c1f09be"}
	r := &state.Resource{Address: "ddl.users_surname", Status: state.Creating, Updated: at, DDL: d}
	var text string
	for range 2 {
		s, out, _ := screen(view.Config{})
		if err := s.Resource(r); err != nil {
			t.Fatal(err)
		}
		text += out.String()
		r.Status, d.LSN, d.Applied = state.Ready, "0/16B3748", at
	}
	golden(t, "state-ddl", text)
}
