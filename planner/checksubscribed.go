package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner/catalog"
)

// subscriptionTables refuses tables that a server cannot follow.
func (d *draft) subscriptionTables() {
	var renamed, narrowed, unequal []string
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		r := d.byOID[t.OID]
		if r == nil || t.Work == WorkRemove || t.Follow == FollowNone {
			continue
		}
		name := shown(t.Schema, t.Name)
		if schema, final := t.FinalName(); schema != t.Schema || final != t.Name {
			renamed = append(renamed, name)
		}
		if d.sendsDropped(t, r) {
			narrowed = append(narrowed, name)
		}
		if t.Follow == FollowAll && len(t.Key) == 0 {
			if c := incomparable(r); c != nil {
				unequal = append(unequal, fmt.Sprintf("%s (%s %s)", name, c.Name, c.Type))
			}
		}
	}
	if len(renamed) > 0 {
		d.found("tables", codeRenamed, Refusal, "a subscription writes to the table of the same name, and "+plural(len(renamed), "table has", "tables have")+" another on the target: "+few(renamed),
			`Take target out of the table block, or use engine = "stream".`, renamed...)
	}
	if len(narrowed) > 0 {
		d.found("tables", codeExcluded, Refusal, "a subscription writes all columns that it is sent, and "+plural(len(narrowed), "table", "tables")+" would be without some on the target: "+few(narrowed),
			`Take exclude_columns out, or use engine = "stream". Or name publications that list the columns (which the key has to be among).`, narrowed...)
	}
	if len(unequal) > 0 {
		d.found("tables", codeNoEquality, Refusal, "rows of "+plural(len(unequal), "table", "tables")+" without a key would be found by comparing columns of a type that has no equality: "+few(unequal),
			`The target's server stops at the first update or delete. Add a key, set replica_identity = "index:NAME" in a table block, exclude the table, or use engine = "stream".`, unequal...)
	}
}

// sendsDropped reports whether the source sends columns that the target is not to have.
// Generated ones it does not send.
func (d *draft) sendsDropped(t *Table, r *catalog.Relation) bool {
	_, entry := d.publishes(t.OID)
	return slices.ContainsFunc(r.Columns, func(c catalog.Column) bool {
		sent := entry == nil || len(entry.Columns) == 0 || slices.Contains(entry.Columns, c.Name)
		return c.Generated == 0 && sent && slices.Contains(t.Dropped, c.Name)
	})
}

// withoutEquality are the built-in types that have no operator class for it.
var withoutEquality = []string{"json", "xml", "point", "lseg", "path", "box", "polygon", "line", "circle", "txid_snapshot", "pg_snapshot"}

// incomparable is a column that has no equality, or nil.
func incomparable(r *catalog.Relation) *catalog.Column {
	for i, c := range r.Columns {
		if c.Generated == 0 && slices.Contains(withoutEquality, strings.TrimSuffix(c.Type, "[]")) {
			return &r.Columns[i]
		}
	}
	return nil
}

// subscriptionMore refuses named publications that send more than the mirror follows: the
// server would write that too, or stop for want of the table.
func (d *draft) subscriptionMore() {
	if d.out.Stream.OwnPublications {
		return
	}
	followed := map[uint32]bool{}
	for _, t := range d.out.Tables {
		followed[t.OID] = t.Follow != FollowNone && t.Work != WorkRemove
	}
	var more []string
	for _, name := range d.decl.Stream.Publications {
		if p := d.published(name); p != nil {
			for _, t := range p.Tables {
				if t.Published && !followed[t.OID] {
					more = append(more, shown(t.Schema, t.Name))
				}
			}
		}
	}
	slices.Sort(more)
	if more = slices.Compact(more); len(more) > 0 {
		d.found("stream.publications", codeMorePublished, Refusal, "the publications send "+plural(len(more), "table", "tables")+" that the mirror does not follow, and a subscription takes all: "+few(more),
			"Take them out of the publications, or into the mirror. Or let it make publications of its own.", more...)
	}
}

// subscriptionWays says what settings of the stream mean while the server moves the rows.
func (d *draft) subscriptionWays() {
	how := "It writes that to its log."
	if d.server != nil && d.server.Version.Major() >= 18 {
		how = "It counts them (pg_stat_subscription_stats), and writes them to its log."
	}
	d.serverWays(codeSubscriptionWay, "the target's server", how)
}

// serverWays says so of an engine of the servers. How is where it tells of a missing row.
func (d *draft) serverWays(code, engine, how string) {
	if d.running {
		return
	}
	if d.decl.Stream.MissingRow != "skip" {
		d.found("stream.missing_row", code, Notice, engine+" passes over an update or delete whose row is missing on the target",
			how+` missing_row = "halt" holds only while an apply works on the mirror.`)
	}
	if r, set := d.decl.Ranges["stream.max_delay"]; set && r.Filename != "" {
		d.found("stream.max_delay", code, Notice, "max_delay holds only while an apply works on the mirror", sentence(engine+" applies each transaction by itself, when it arrives"))
	}
}

// storedPassword says that the target's server keeps what it connects with, and warns of
// a password that will not do for long.
func (d *draft) storedPassword() {
	source := d.decl.Source
	given := source.FromServer != nil && source.FromServer.Password != ""
	if len(source.PasswordCommand) > 0 && !given {
		d.found("engine", codeStoredPassword, Warning, "the target's server is given the password that password_command of "+source.Address+" writes at each apply, and uses it until the next",
			"One that expires cuts the mirror off at the next reconnect. Set a lasting one in the peer: from_server { password = ... }.")
		return
	}
	if !d.running {
		d.found("engine", codeStoredPassword, Notice, "what the target's server connects to "+source.Address+" with is stored in its catalogue, the password with it",
			"Superusers there can read it (pg_subscription, pglogical.node_interface). A role for this alone can be named: from_server { user = ..., password = ... }.")
	}
}
