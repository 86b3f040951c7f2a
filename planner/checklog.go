package planner

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bascule/planner/catalog"
	"bascule/planner/sourcelog"
)

// managing are the roles by which managed services let others than superusers do what
// elsewhere only those may.
var managing = []string{"rds_superuser", "cloudsqlsuperuser", "azure_pg_admin", "alloydbsuperuser"}

// log decides whether the source's DDL is logged for the mirror.
func (d *draft) log(s *Stream) {
	if s.DDL == DDLDeclared || s.Engine != "" || !s.OwnPublications || !d.source.Role.Superuser && d.managed() == "" {
		return
	}
	s.Log = LogName(d.in.State.Lineage, d.decl.Address)
	if d.before != nil && d.running && d.before.Log != "" {
		s.Log = d.before.Log
	}
	for _, p := range d.decl.Tables {
		s.LogTables = append(s.LogTables, p.Text)
	}
	for _, p := range d.decl.Exclude {
		s.LogExclude = append(s.LogExclude, p.Text)
	}
}

// managed is the role of a managed service by which the source's role may perhaps make
// event triggers, or "".
func (d *draft) managed() string {
	for _, name := range managing {
		if slices.Contains(d.source.Role.MemberOf, name) {
			return name
		}
	}
	return ""
}

// there is what the source has under the name of a log, or nil.
func (d *draft) there(log string) *catalog.Log {
	i := slices.IndexFunc(d.source.Logs, func(l catalog.Log) bool { return l.Schema == log })
	if i < 0 {
		return nil
	}
	return &d.source.Logs[i]
}

// leftLog is the log that a mirror whose record has none still has on its source, or "":
// that it has none is recorded before the log goes. Log and slot have one name.
func (m *maker) leftLog(s *Stream, source string) string {
	live := m.in.Live[source]
	if s == nil || s.Log != "" || !s.OwnSlot || live == nil || live.Database == nil {
		return ""
	}
	if slices.ContainsFunc(live.Database.Logs, func(l catalog.Log) bool { return l.Schema == s.Slot && strings.HasPrefix(l.Comment, catalog.LogMark) }) {
		return s.Slot
	}
	return ""
}

// unlogged says why the log of a mirror that streams is made again, or taken away, or "".
func (d *draft) unlogged() string {
	s := d.out.Stream
	if s != nil && s.Log == "" && d.leftLog(d.before, d.out.Source) != "" {
		return "an apply that was interrupted has left the log of DDL on its source; it is taken away"
	}
	if s == nil || s.Log == "" || d.before == nil || d.before.Log != s.Log {
		return ""
	}
	switch is := d.there(s.Log); {
	case is == nil:
		return "the log of DDL is gone from its source; it is made again, and what was run meanwhile is not in it"
	case !s.SourceLog().Whole(*is) && is.Comment == s.SourceLog().Version():
		return "somebody changed the log of DDL on its source; it is put right, and what was run meanwhile may not be in it"
	case !s.SourceLog().Whole(*is):
		return "the log of DDL on its source is another than this version makes; it is put right"
	}
	return ""
}

// underway are the tables of which the stream has yet to bring what a logged command made
// of them: what the plan sees of them on the source is not yet for the target. The
// position is older than what the plan sees of the target, so a table that a runner made
// meanwhile is never taken for one that the plan has to make.
func (d *draft) underway() map[uint32]bool {
	set := map[uint32]bool{}
	s := d.out.Stream
	if d.before == nil || s.Log == "" || d.before.Log != s.Log || s.DDL != DDLAuto {
		return set
	}
	is, at := d.there(s.Log), d.ledger.Position
	if is == nil || at == nil {
		return set
	}
	for _, c := range is.Commands {
		for _, oid := range c.Tables {
			set[oid] = set[oid] || !c.Applied(at.LSN)
		}
	}
	return set
}

// logSteps make the log, or put it right, and take away one that is no longer asked
// for.
func (d *draft) logSteps() []Step {
	s := d.out.Stream
	var steps []Step
	if d.running && d.before != nil {
		if was := cmp.Or(d.before.Log, d.leftLog(d.before, d.out.Source)); was != "" && was != s.Log {
			steps = append(steps, Step{ID: "drop log", Kind: "log", Peer: d.out.Source, Summary: "log DDL no longer: drop the event triggers and schema " + was, SQL: sourcelog.DropSQL(was)})
		}
	}
	if s.Log == "" || d.running && d.before.Log == s.Log && d.unlogged() == "" {
		return steps
	}
	does := "so that the stream carries it to the target"
	if s.DDL == DDLHalt {
		does = "so that the stream halts there"
	}
	return append(steps, Step{ID: "log", Kind: "log", Peer: d.out.Source,
		Summary: "log what DDL is run, in schema " + s.Log + ", by event triggers that also keep the publications right, " + does, SQL: append(s.SourceLog().SQL(), s.SourceLog().Join())})
}

// checkLog checks that the source's DDL can be logged, where it is to be carried or to
// halt the mirror.
func (d *draft) checkLog() {
	s, role := d.out.Stream, d.source.Role
	if s.DDL == DDLDeclared {
		return
	}
	const attribute = "stream.ddl"
	severity, otherwise := Refusal, "Or set ddl = \"declared\", which halts the mirror before the first row that does not fit."
	if s.DDL == DDLHalt {
		severity, otherwise = Warning, "Until then \"halt\" is as \"declared\": the mirror halts before the first row that does not fit."
	}
	switch {
	case !s.OwnPublications:
		d.found(attribute, codeLogNamed, severity, "DDL cannot be logged for a mirror whose publications are named: the log would have to be in them, and they are never changed",
			"Take stream.publications out, and the mirror makes its own. "+otherwise)
		return
	case s.Log == "":
		d.found(attribute, codeNoLog, severity, fmt.Sprintf("role %s may not make event triggers on the source, by which DDL is logged: it is no superuser", role.Name),
			"Connect to the source as a superuser, or on a managed server as the role that its service lets make them. "+otherwise)
		return
	case !role.Superuser:
		d.found(attribute, codeLogUnknown, Warning, fmt.Sprintf("whether role %s may make event triggers on the source cannot be known before it is tried: it is no superuser, but a member of %s", role.Name, d.managed()),
			"Where the service does not let it, the apply ends before anything is copied, and nothing is left of the log. Tables of other owners may then not join the publications by themselves: the next plan adds those.")
	}
	d.checkLogThere()
	d.checkLogRoles()
}

// checkLogThere looks at what has the name of the log.
func (d *draft) checkLogThere() {
	s, role := d.out.Stream, d.source.Role
	is := d.there(s.Log)
	switch {
	case is == nil:
	case !strings.HasPrefix(is.Comment, catalog.LogMark):
		d.found("stream.ddl", codeLogForeign, Refusal, "the source has a schema "+s.Log+" already, and it is none that was made here",
			"It is the name of the schema for the log of DDL. If nobody needs it, drop it: DROP SCHEMA "+s.Log+" CASCADE.", s.Log)
	case is.Owner != role.Name && !role.Superuser:
		d.found("stream.ddl", codeLogForeign, Refusal, fmt.Sprintf("the log of DDL, schema %s of the source, is role %s's", s.Log, is.Owner),
			"Connect as that role, or drop what an earlier mirror has left: DROP SCHEMA "+s.Log+" CASCADE.", s.Log)
	case !d.running && d.ledger == nil:
		d.found("stream.ddl", codeLogForeign, Notice, "an earlier mirror has left its log of DDL on the source: schema "+s.Log, "It is used again. What is in it is not carried: the stream begins later.", s.Log)
	}
}

// checkLogRoles looks whether the target's role can run DDL as those who own the tables
// on the source, where the mirror keeps owners.
func (d *draft) checkLogRoles() {
	if d.out.Stream.DDL != DDLAuto || !d.decl.Schema.Owners || d.server == nil || d.server.Role.Superuser {
		return
	}
	var missing []string
	for _, t := range d.out.Tables {
		r := d.byOID[t.OID]
		if r != nil && !slices.Contains(missing, r.Owner) && !acts(d.server.Role, r.Owner) {
			missing = append(missing, r.Owner)
		}
	}
	if len(missing) == 0 {
		return
	}
	slices.SortFunc(missing, cmp.Compare[string])
	d.found("stream.ddl", codeLogRoles, Warning, fmt.Sprintf("role %s of the target cannot become %s, who own tables of the mirror: their DDL would halt it", d.server.Role.Name, few(missing)),
		fmt.Sprintf("On the target: GRANT %s TO %s. Or set owners = false in the schema block: DDL is then run as the mirror's own role.", few(missing), shown("", d.server.Role.Name)), missing...)
}
