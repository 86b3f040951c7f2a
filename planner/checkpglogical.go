package planner

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bascule/config/pgname"
	"bascule/planner/catalog"
	"bascule/planner/depend"
)

const extPglogical = "pglogical"

// managedAdmins are the roles by which managed services let what is a superuser's
// elsewhere be done.
var managedAdmins = []string{"rds_superuser", "cloudsqlsuperuser", "azure_pg_admin"}

// Versions that pglogical 2 knows.
const (
	oldestPglogical = 13
	newestPglogical = 17
)

// checkPglogical checks what the pglogical engine needs besides what a continuous mirror
// does, and says what it cannot do.
func (d *draft) checkPglogical() {
	if d.decl.Engine != EnginePglogical || d.server == nil {
		return
	}
	sides := []pglogicalSide{
		{draft: d, at: "source", the: "the source", db: d.source, live: d.in.Live[d.decl.Source.Address]},
		{draft: d, at: "target", the: "the target", db: d.server, live: d.in.Live[d.decl.Target.Address]}}
	for _, s := range sides {
		if s.version() {
			s.library()
			s.extension()
			s.rights()
			s.node()
		}
	}
	sides[0].plugin()
	d.pglogicalNamed()
	d.pglogicalLimits()
	d.pglogicalRoles()
	d.pglogicalTables()
	d.pglogicalTruncates()
	d.serverWays(codePglogicalWay, extPglogical, "It says so in that server's log.")
	d.storedPassword()
}

// pglogicalSide is one of the servers.
type pglogicalSide struct {
	*draft
	at, the string
	db      *catalog.Database
	live    *Live
}

// version reports whether the server is one that the extension exists for.
func (s pglogicalSide) version() bool {
	if major := s.db.Version.Major(); major < oldestPglogical || major > newestPglogical {
		s.found("engine", codePglogicalAge, Refusal, fmt.Sprintf("%s has version %s, and pglogical 2 is for %d to %d", s.the, s.db.Version.Text, oldestPglogical, newestPglogical),
			`Use engine = "subscription", or "stream".`)
		return false
	}
	return true
}

// library checks that the server has loaded it at its start. Only superusers and members
// of pg_read_all_settings may see that.
func (s pglogicalSide) library() {
	loaded, known := s.db.Params["shared_preload_libraries"]
	if known && !slices.Contains(listed(loaded), extPglogical) {
		s.found(s.at, codeNoLibrary, Refusal, "shared_preload_libraries of "+s.the+" does not have pglogical",
			fmt.Sprintf("On %s: ALTER SYSTEM SET shared_preload_libraries = %s, and restart it (on a managed server it is a parameter of the instance).",
				s.the, literals(append(listed(loaded), extPglogical))))
	}
}

// plugin checks that the source lets slots use pglogical's. Servers that do not know the
// setting let any.
func (s pglogicalSide) plugin() {
	const name = "pglogical_output"
	if allowed, known := s.db.Params["output_plugin_libraries"]; known && !slices.Contains(listed(allowed), name) {
		s.found(s.at, codeNoPlugin, Refusal, "output_plugin_libraries of the source does not have "+name+", and no slot of pglogical can be made",
			fmt.Sprintf("On the source: ALTER SYSTEM SET output_plugin_libraries = %s, and reload its configuration; no restart is needed.", literals(append(listed(allowed), name))))
	}
}

// extension checks that it is there, or can be.
func (s pglogicalSide) extension() {
	there := slices.ContainsFunc(s.db.Extensions, func(e catalog.Extension) bool { return e.Name == extPglogical })
	if available, ok := s.db.Available[extPglogical]; !there && !ok {
		s.found(s.at, codeNoPglogical, Refusal, s.the+" does not have the extension pglogical",
			fmt.Sprintf("Install it on that server: on Debian and Ubuntu the package is postgresql-%d-pglogical, with yum pglogical_%[1]d.", s.db.Version.Major()))
	} else if old := strings.HasPrefix(available.DefaultVersion, "1."); ok && old {
		s.found(s.at, codeNoPglogical, Refusal, "pglogical of "+s.the+" has version "+available.DefaultVersion, "Install version 2.")
	}
}

// rights checks that the role may make nodes and what belongs to them.
func (s pglogicalSide) rights() {
	role := s.db.Role
	if role.Superuser {
		return
	}
	if i := slices.IndexFunc(managedAdmins, func(name string) bool { return slices.Contains(role.MemberOf, name) }); i >= 0 {
		return
	}
	s.found(s.at, codePglogicalRight, Refusal, fmt.Sprintf("role %s is no superuser of %s, and pglogical's nodes, sets and subscriptions are made by one", role.Name, s.the),
		fmt.Sprintf("Let a superuser apply (on a managed server a member of %s). A plain role can only run commands over an engine that is there: it needs USAGE on schema pglogical on both sides.",
			strings.Join(managedAdmins, ", ")))
}

// node says that the database has a node already, which is used with what others have
// there.
func (s pglogicalSide) node() {
	p := s.live.Pglogical
	if p == nil || s.running {
		return
	}
	if !p.Readable {
		s.found(s.at, codeTheirNode, Refusal, fmt.Sprintf("role %s may not read the tables of schema pglogical on %s", s.db.Role.Name, s.the),
			fmt.Sprintf("On %s: GRANT USAGE ON SCHEMA pglogical TO %s; GRANT SELECT ON ALL TABLES IN SCHEMA pglogical TO %[2]s.", s.the, shown("", s.db.Role.Name)))
		return
	}
	name := s.out.Stream.Subscription
	if p.Node == "" || p.Node == name || p.Node == name+"_target" {
		return
	}
	how := "Its other sets and subscriptions are left alone."
	if s.at == "source" {
		how = fmt.Sprintf("The mirror has replication sets of its own there, %s and %[1]s_inserts, and not default and default_insert_only, which may have other subscribers; replication_sets of ddl blocks name those.", name)
	}
	s.found(s.at, codeTheirNode, Notice, s.the+" is pglogical's node "+shown("", p.Node)+" already, and is used as that", how)
}

// pglogicalNamed refuses a slot and publications that are named: the engine has others.
func (d *draft) pglogicalNamed() {
	const remedy = `Take it out, or use engine = "subscription" or "stream", which do. `
	if name := d.decl.Stream.Slot; name != "" {
		d.found("stream.slot", codePglogicalNamed, Refusal, "pglogical does not read slot "+name,
			remedy+"It has a slot of its own: nobody would read this one between applies, and it would hold WAL on the source until the disk is full.", name)
	}
	if names := d.decl.Stream.Publications; len(names) > 0 {
		d.found("stream.publications", codePglogicalNamed, Refusal, "pglogical does not read "+plural(len(names), "publication", "publications")+" "+few(names),
			remedy+"It sends what its replication sets hold: the rows, columns and operations that a publication leaves out would be sent between applies.", names...)
	}
}

// pglogicalRoles says under which name commands are run on the target.
func (d *draft) pglogicalRoles() {
	name := d.source.Role.Name
	if roleNamed(d.server, name) == nil {
		d.found("target", codePglogicalRole, Warning, fmt.Sprintf("the target has no role %s, which is the one that commands are run by on the source", name),
			fmt.Sprintf("pglogical runs a command on the target as the role of the same name, and stops at one that is not there. Before a ddl block is applied, on the target: CREATE ROLE %s, and make it own the tables (or SUPERUSER).", shown("", name)))
	}
}

// pglogicalTables refuses tables that the engine cannot carry.
func (d *draft) pglogicalTables() {
	var full, renamed, roots []string
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		r := d.byOID[t.OID]
		if r == nil || t.Work == WorkRemove || t.Follow == FollowNone {
			continue
		}
		name := shown(t.Schema, t.Name)
		if t.Follow == FollowAll && newFollowing(d).identity(r) == identityFull {
			full = append(full, name)
		}
		if schema, final := t.FinalName(); schema != t.Schema || final != t.Name {
			renamed = append(renamed, name)
		}
		if t.Kind == "partitioned" {
			roots = append(roots, name)
		}
	}
	if len(full) > 0 {
		d.found("tables", codeFullIdentity, Refusal, "pglogical does not take "+plural(len(full), "table", "tables")+" with REPLICA IDENTITY FULL: "+few(full),
			"Where there is a primary key, on the source: ALTER TABLE ... REPLICA IDENTITY DEFAULT. Otherwise set replica_identity = \"index:NAME\" with a unique index over NOT NULL columns in a table block, "+
				"or exclude the table; without any identity its inserts are followed.", full...)
	}
	if len(renamed) > 0 {
		d.found("tables", codeOtherTarget, Refusal, "pglogical writes to the table of the same name, and "+plural(len(renamed), "table has", "tables have")+" another on the target: "+few(renamed),
			`Take target out of the table block, or use engine = "stream".`, renamed...)
	}
	if len(roots) > 0 {
		d.found("stream.publish_via_partition_root", codePglogicalRoot, Refusal, "pglogical sends the changes of partitions, not of their root: "+few(roots),
			"Set publish_via_partition_root = false: the partitions are followed each.", roots...)
	}
}

// pglogicalTruncates says which TRUNCATE would stop the engine.
func (d *draft) pglogicalTruncates() {
	followed := map[uint32]bool{}
	for _, t := range d.out.Tables {
		followed[t.OID] = t.Follow != FollowNone && t.Work != WorkRemove && (!d.running || t.Work != "")
	}
	var names []string
	for _, c := range d.source.Constraints {
		if r := d.byOID[c.Referenced]; c.Kind == 'f' && r != nil && followed[c.Referenced] && !d.left.Has(catalog.ClassConstraint, c.OID) {
			names = append(names, shown(r.Schema, r.Name))
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > 0 {
		d.found("tables", codeTruncated, Warning, "a TRUNCATE of "+plural(len(names), "table", "tables")+" that foreign keys reference stops pglogical: "+few(names),
			"It truncates one table after the other on the target, and the server refuses that, CASCADE or not; the sequence is not restarted either. Use DELETE on the source. Once it has stopped, an apply streams past that place and hands over again.", names...)
	}
}

// leavePglogical leaves the extension behind, and its schema, which it does not own: they
// belong to the source's replication, as publications do, and an engine makes its own.
func (d *draft) leavePglogical() {
	const why = "belongs to the server's replication"
	for _, e := range d.source.Extensions {
		if e.Name != extPglogical {
			continue
		}
		d.skipExtension(e)
		for _, s := range d.source.Schemas {
			if s.Name == extPglogical {
				d.left.Add(depend.Node{Class: catalog.ClassSchema, OID: s.OID}, why)
			}
		}
	}
}

// listed takes a setting apart that is a list of names.
func listed(setting string) []string {
	var list []string
	for _, name := range strings.Split(setting, ",") {
		name = strings.TrimSpace(name)
		if unquoted, err := strconv.Unquote(name); err == nil {
			name = unquoted
		}
		if name != "" {
			list = append(list, name)
		}
	}
	return list
}

// literals writes the names of a list as ALTER SYSTEM takes them.
func literals(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = pgname.Literal(name)
	}
	return strings.Join(list, ", ")
}
