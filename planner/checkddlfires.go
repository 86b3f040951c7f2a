package planner

import (
	"fmt"
	"slices"

	"bascule/planner/catalog"
	"bascule/planner/statement"
)

// checkFires looks for what a command makes that would act on the target when the
// stream writes rows there: what it does, it did on the source already.
func (k *checking) checkFires(s *statement.Statement) {
	if len(s.Fires) == 0 {
		return
	}
	for _, x := range k.sides {
		stream := k.settings(x)
		if stream == nil || x.stage() == ddlApplied {
			continue
		}
		var acting, always []string
		for _, f := range s.Fires {
			switch {
			case !k.followsNamed(x, f.Table):
			case f.What == statement.OfAlways:
				always = append(always, f.Table.String())
			case !stream.ReplicaRole:
				acting = append(acting, f.Table.String())
			}
		}
		k.sayFires(s, x, acting, always)
	}
}

func (k *checking) sayFires(s *statement.Statement, x *side, acting, always []string) {
	slices.Sort(acting)
	if acting = slices.Compact(acting); len(acting) > 0 {
		role := "its role"
		if db := k.applies(x); db != nil {
			role = shown("", db.Role.Name)
		}
		k.found("command", codeNoReplicaRole, Refusal, fmt.Sprintf("%s: on the target of %s it would act on the rows of the stream too, for %s may not set session_replication_role there: %s",
			statementText(s), x.decl.Address, role, few(acting)),
			fmt.Sprintf("What it does to rows, it does on the source, and that arrives. On the target: GRANT SET ON PARAMETER session_replication_role TO %s (PostgreSQL 15 and newer).", role), acting...)
	}
	if len(always) > 0 {
		k.found("command", codeAlways, Warning, fmt.Sprintf("%s: on the target of %s it fires for the rows of the stream too: %s", statementText(s), x.decl.Address, few(always)),
			"What it writes on the target, it wrote on the source already. ENABLE TRIGGER has it fire for ordinary writers only.", always...)
	}
}

// applies is the database, or another one of the server, that the stream writes to.
func (k *checking) applies(x *side) *catalog.Database {
	live := k.in.Live[x.decl.Target.Address]
	if live.Database != nil {
		return live.Database
	}
	return live.Server
}

// settings are those of the mirror's stream, when the plan is done. Nil where none is
// known.
func (k *checking) settings(x *side) *Stream {
	if x.change != nil && x.change.Mirror.Stream != nil {
		return x.change.Mirror.Stream
	}
	return recordedStream(x.ledger)
}

// followsNamed reports whether a mirror follows a table of a name, or will when a
// command has made it.
func (k *checking) followsNamed(x *side, n statement.Name) bool {
	if r := k.source.byName[n]; r != nil && r.OID != 0 {
		return k.follows(x.decl, r)
	}
	return selects(x.decl, n)
}
