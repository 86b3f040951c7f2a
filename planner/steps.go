package planner

import (
	"fmt"
	"strings"

	"bascule/config/pgname"
)

// DumpCommand is how the schema is read, without connection and snapshot.
var DumpCommand = []string{"pg_dump", "--format=custom", "--schema-only", "--no-publications", "--no-subscriptions", "--encoding=UTF8", "--snapshot=<snapshot>"}

// steps says what is done, in order. Statements are exact; definitions are those of
// pg_dump, read under the copy's snapshot.
func (d *draft) steps() []Step {
	if d.running {
		return d.changeSteps()
	}
	source, target, o := d.out.Source, d.out.Target, d.out.Options
	steps := []Step{{ID: "intent", Kind: "state", Summary: "record in the state file what is about to exist"}}
	add := func(s Step) { steps = append(steps, s) }
	if o.Database != nil {
		add(Step{ID: "database", Kind: "database", Peer: target, Summary: "create the database", SQL: []string{o.Database.SQL()}})
	}
	add(Step{ID: "ledger", Kind: "ledger", Peer: target, Summary: "create schema bascule where it is missing, and record the mirror in it"})
	for _, r := range o.Roles {
		add(Step{ID: "role " + r.Name, Kind: "roles", Peer: target, Summary: "create role " + r.Name + ", without a password", SQL: r.SQL()})
	}
	if d.before != nil && !d.resume {
		for _, s := range cleanupSteps(d.before, source) {
			add(s)
		}
	}
	if d.out.Stream != nil {
		steps = append(steps, d.sourceSteps()...)
	}
	if d.out.Stream != nil && !d.out.Stream.InitialCopy {
		return append(steps, d.attachSteps()...)
	}
	add(d.snapshotStep(len(d.out.Tables)))
	if o.SchemaCopy {
		add(Step{ID: "dump", Kind: "schema", Peer: source, Summary: "read the definitions", Command: DumpCommand})
		if d.resume && d.out.Stream == nil {
			add(Step{ID: "undo", Kind: "schema", Peer: target, Summary: "drop what an interrupted attempt built on its tables, and empty them"})
		}
		if d.out.Clean {
			add(Step{ID: "clean", Kind: "schema", Peer: target, Summary: "drop what stands under the names of what is created"})
		}
		add(Step{ID: "schema", Kind: "schema", Peer: target, Summary: "create what comes before the rows: schemas, types, functions, tables, views"})
	}
	for i := range d.out.Tables {
		if s, ok := d.copyStep(&d.out.Tables[i]); ok {
			add(s)
		}
	}
	if d.out.LargeObjects > 0 {
		add(Step{ID: "large objects", Kind: "copy", Peer: target, Summary: "copy " + plural(int(d.out.LargeObjects), "large object", "large objects")})
	}
	if o.SchemaCopy {
		add(Step{ID: "objects", Kind: "schema", Peer: target, Summary: "build indexes, keys, foreign keys, triggers and the rest, each as soon as its tables are filled"})
	}
	if d.out.Stream != nil {
		steps = append(steps, d.streamSteps()...)
		if o.SchemaCopy {
			add(Step{ID: "validate", Kind: "schema", Peer: target, Summary: "validate foreign keys, and build what else looks at all rows, beside the stream"})
		}
	}
	for _, name := range d.out.Refresh {
		add(Step{ID: "refresh " + name, Kind: "schema", Peer: target, Summary: "fill materialized view " + name, SQL: []string{"refresh materialized view " + name}})
	}
	if n := len(d.out.Sequences); n > 0 {
		add(Step{ID: "sequences", Kind: "sequences", Peer: target, Summary: "set " + plural(n, "sequence", "sequences") + " as on the source, read last"})
	}
	steps = append(steps, d.moveSteps()...)
	if o.OnDatabase() {
		add(Step{ID: "settings", Kind: "settings", Peer: target, Summary: "set the database's settings, comment and privileges as on the source, as far as they are carried"})
	}
	add(Step{ID: "finish", Kind: "ledger", Peer: target, Summary: "record that the mirror is complete"})
	return append(steps, Step{ID: "done", Kind: "state", Summary: "record the mirror in the state file"})
}

// moveSteps move tables that have another name on the target.
func (d *draft) moveSteps() []Step {
	var steps []Step
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		if sql := t.MoveSQL(); len(sql) > 0 && d.makes(t) {
			steps = append(steps, Step{ID: "move " + t.SourceName(), Kind: "schema", Peer: d.out.Target, Summary: "move the table to its own name", SQL: sql})
		}
	}
	return steps
}

// attachSteps follow tables that are equal already.
func (d *draft) attachSteps() []Step {
	steps := append(d.streamSteps(), Step{ID: "finish", Kind: "ledger", Peer: d.out.Target, Summary: "record that the mirror is complete"})
	return append(steps, Step{ID: "done", Kind: "state", Summary: "record the mirror in the state file"})
}

// OnDatabase reports whether anything is set on the target database itself.
func (o *Options) OnDatabase() bool {
	return len(o.Settings) > 0 || o.Comment != "" || o.DatabaseGrants
}

func (d *draft) copyStep(t *Table) (Step, bool) {
	if t.Kind == "partitioned" {
		return Step{}, false
	}
	name := t.SourceName()
	if !d.out.Options.SchemaCopy {
		name = pgname.Qualified(t.FinalName())
	}
	if t.RootName != "" {
		name = pgname.Qualified(t.RootSchema, t.RootName)
	}
	summary := "copy " + shown(t.Schema, t.Name)
	if t.Parts > 1 {
		summary += fmt.Sprintf(" in %d parts by ranges of blocks", t.Parts)
	}
	return Step{ID: "copy " + shown(t.Schema, t.Name), Kind: "copy", Peer: d.out.Target, Summary: summary,
		SQL: []string{t.CopyOut(0), t.CopyIn(name, t.Parts == 1 && t.RootName == "")}}, true
}

// MoveSQL gives the table its name on the target.
func (t *Table) MoveSQL() []string {
	if !t.Renamed() {
		return nil
	}
	var sql []string
	schema, name := t.FinalName()
	if schema != t.Schema {
		sql = append(sql, "create schema if not exists "+pgname.Quote(schema),
			"alter table "+t.SourceName()+" set schema "+pgname.Quote(schema))
	}
	if name != t.Name {
		sql = append(sql, "alter table "+pgname.Qualified(schema, t.Name)+" rename to "+pgname.Quote(name))
	}
	return sql
}

// SQL creates the database.
func (n *NewDatabase) SQL() string {
	sql := "create database " + pgname.Quote(n.Name) + " template template0 encoding " + pgname.Literal(n.Encoding)
	if n.Collate != "" {
		sql += " lc_collate " + pgname.Literal(n.Collate)
	}
	if n.CType != "" {
		sql += " lc_ctype " + pgname.Literal(n.CType)
	}
	if n.Provider != "" {
		sql += " locale_provider " + n.Provider
	}
	if n.Locale != "" {
		sql += " " + n.Provider + "_locale " + pgname.Literal(n.Locale)
	}
	return sql
}

// SQL creates the role and its memberships.
func (r *Role) SQL() []string {
	sql := []string{strings.TrimSpace("create role " + pgname.Quote(r.Name) + " " + strings.Join(r.Attributes, " "))}
	for _, parent := range r.MemberOf {
		sql = append(sql, "grant "+pgname.Quote(parent)+" to "+pgname.Quote(r.Name))
	}
	if r.Join {
		sql = append(sql, "grant "+pgname.Quote(r.Name)+" to current_user")
	}
	return sql
}
