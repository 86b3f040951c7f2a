package cli

import (
	"context"
	"time"

	"bascule/planner/catalog"

	"github.com/jackc/pgx/v5"
)

// causesKept is how long what was found of why an engine is down is shown: to look
// for it reads all catalogues of both servers.
const causesKept = 30 * time.Second

// causesFound is what was found for one mirror.
type causesFound struct {
	list []string
	at   time.Time
}

// explain looks for why engines are down that should work. What they say themselves is
// in the logs of their servers alone.
func (s *survey) explain(ctx context.Context, list []known, now *reading) {
	for _, m := range list {
		v := now.since(s.before, m, s.w.file.Lineage)
		if v == nil || !v.standsStill() {
			continue
		}
		found := s.causes[m.address]
		if time.Since(found.at) > causesKept {
			found = causesFound{list: s.causesOf(ctx, m, v), at: time.Now()}
			s.causes[m.address] = found
		}
		now.causes[m.address] = found.list
	}
}

// standsStill reports whether an engine is there that could go on, and does not.
func (v *streamView) standsStill() bool {
	return v.engine != nil && v.engine.There && v.engine.Enabled && v.failing() && v.source != nil && v.slotLost() == ""
}

// causesOf compares both sides of a mirror; nil where they cannot be read.
func (s *survey) causesOf(ctx context.Context, m known, v *streamView) []string {
	var sides [2]*catalog.Database
	for i, address := range []string{m.source, m.target} {
		err := s.ask(ctx, address, func(ctx context.Context, conn *pgx.Conn) (err error) {
			sides[i], err = catalog.Read(ctx, conn, catalog.ReadOptions{})
			return err
		})
		if err != nil {
			s.log.DebugContext(ctx, "causes not looked for", "mirror", m.address, "peer", address, "error", err)
			return nil
		}
	}
	var tables []catalog.PglogicalTable
	for _, t := range v.ledger.Members {
		if t.State == catalog.MemberFollowed {
			tables = append(tables, catalog.PglogicalTable{OID: t.Source, Schema: t.Schema, Name: t.Name})
		}
	}
	var roles []string
	if v.engine.Engine == catalog.EnginePglogical { // commands run as the role of the same name
		roles = append(roles, sides[0].Role.Name)
	}
	return catalog.Causes(sides[0], sides[1], tables, roles...)
}
