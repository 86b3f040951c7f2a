package planner_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/state"
)

const (
	addColumn = "ALTER TABLE public.orders ADD COLUMN surname varchar(20)"
	addOther  = "ALTER TABLE public.orders ADD COLUMN other integer"
)

// block adds a ddl block of mirror.app.
func (w *world) block(name, command string, attributes ...string) {
	w.hcl += fmt.Sprintf("ddl %q {\n  mirrors = [mirror.app]\n  command = %q\n%s\n}\n", name, command, strings.Join(attributes, "\n"))
}

// second adds a mirror of the same source to peer.c, which has what peer.b has.
func (w *world) second(body string) *catalog.Database {
	w.hcl += fmt.Sprintf("peer \"c\" {\n  host = \"c.example\"\n}\nmirror \"second\" {\n  source = peer.a\n  target = peer.c\n%s\n}\n", body)
	db := empty()
	db.Identity.SystemIdentifier = "7003"
	w.live["peer.c"] = &planner.Live{Endpoint: "c.example:5432/app", Name: "app", Ledger: &catalog.Ledger{}, Database: db}
	return db
}

// on is a row of bascule.ddl: recorded, begun or applied, at LSN 100.
func on(stage, address, command string) catalog.LedgerDDL {
	sum := planner.Checksum(command)
	d := catalog.LedgerDDL{ID: planner.DDLID(address, sum), Address: address, Checksum: sum, Begun: stage != "recorded"}
	if stage == "applied" {
		d.LSN, d.Applied = 100, time.Unix(9, 0)
	}
	return d
}

// has puts a row into the ledger of a mirror that streams.
func (w *world) has(peer string, d catalog.LedgerDDL) {
	led := &w.live[peer].Ledger.Mirrors[0]
	led.DDL = append(led.DDL, d)
}

// knows puts an applied block, or one under way, into the state.
func (w *world) knows(status, address, command string, mirrors ...string) {
	w.state.Resources = append(w.state.Resources, &state.Resource{Address: address, Status: status,
		DDL: &state.DDL{Source: "peer.a", Mirrors: mirrors, Checksum: planner.Checksum(command), LSN: "0/64"}})
}

// command writes what the plan does for ddl blocks.
func command(p *planner.Plan) string {
	text := brief(p)
	for _, c := range p.Changes {
		if c.DDL == nil {
			continue
		}
		text += "\n" + c.Address
		for _, m := range c.DDL.Mirrors {
			text += " " + m.ID
		}
		for word, is := range map[string]bool{" record": c.DDL.Record, " continues": c.DDL.Continues} {
			if is {
				text += word
			}
		}
		if len(c.DDL.Superseded) > 0 {
			text += fmt.Sprintf(" without %d", len(c.DDL.Superseded))
		}
	}
	return text
}

// streams is a world in which mirror.app streams.
func streams(t *testing.T, body string) *world {
	w := newStream(body)
	w.streaming(t)
	return w
}
