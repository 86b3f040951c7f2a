package planner

import (
	"fmt"
	"slices"

	"bascule/planner/catalog"
)

// pglogicalLimits checks that the servers have room for the engine. One that has the
// mirror already has it.
func (d *draft) pglogicalLimits() {
	if d.running && d.before != nil && d.before.Engine == EnginePglogical {
		return
	}
	d.pglogicalProcesses("source", d.source, 2, 0)
	server := subscriptionsOf(d.server, d.decl.Target.Address)
	claimed := d.claims[server]
	d.claims[server]++
	d.pglogicalProcesses("target", d.server, 5, d.pglogicalOthers()+claimed)
	const origins = "max_replication_slots" // is the limit of replication origins too
	if v := d.server.Params[origins]; v != "" && int(param(d.server, origins)) <= d.server.Subscribing.Origins+claimed {
		d.found("target", codePglogicalLimit, Refusal, fmt.Sprintf("%s of the target is %s, and no replication origin is left for the mirror: the engine records there how far it is", origins, v),
			fmt.Sprintf("Drop what is not needed any more (pg_replication_origin). Or on the target: ALTER SYSTEM SET %s = %d, and restart it.", origins, max(10, 2*param(d.server, origins))))
	}
	d.pglogicalSlot()
}

// pglogicalProcesses checks that a server can run so many, and those of other
// subscriptions. On each side they are a supervisor, and one that looks into each database
// in turn; on the target also a manager for the database, a worker that applies, and what
// the server's own replication has: it has no worker left for an engine otherwise.
func (d *draft) pglogicalProcesses(at string, db *catalog.Database, min, others int) {
	const setting = "max_worker_processes"
	v := db.Params[setting]
	if v == "" || int(param(db, setting)) >= min+others {
		return
	}
	taken := ""
	if others > 0 {
		taken = fmt.Sprintf(", beside %d of other subscriptions", others)
	}
	d.found(at, codePglogicalLimit, Refusal, fmt.Sprintf("%s of the %s is %s, and pglogical takes %d processes there%s", setting, at, v, min, taken),
		fmt.Sprintf("On the %s: ALTER SYSTEM SET %s = %d, and restart it.", at, setting, max(16, 2*(min+others))))
}

// pglogicalOthers is how many subscriptions of others, of either kind, have a worker on the
// target. Those of pglogical are known of its database alone.
func (d *draft) pglogicalOthers() (n int) {
	for _, s := range d.server.Subscribing.Subscriptions {
		if s.Enabled && !d.isSubscription(s) {
			n++
		}
	}
	if p := d.in.Live[d.decl.Target.Address].Pglogical; p != nil {
		for _, s := range p.Subscriptions {
			if s.Enabled && s.Name != d.out.Stream.Subscription {
				n++
			}
		}
	}
	return n
}

// pglogicalSlot checks that the source has a slot for the engine beside those of Bascule's
// own stream, until that has handed over. Too few for the stream are said elsewhere.
func (d *draft) pglogicalSlot() {
	s, live := d.out.Stream, d.in.Live[d.decl.Source.Address]
	if !s.OwnSlot {
		return
	}
	own := 0
	if !slices.ContainsFunc(live.Slots, func(x catalog.Slot) bool { return x.Name == s.Slot }) {
		own = 1
	}
	need := own + 1
	if d.copies() {
		need++
	}
	claimed := d.claims[serverName(d.source, d.decl.Source.Address)] - own // those of other mirrors
	free := int(param(d.source, "max_replication_slots")) - len(live.Slots) - claimed
	if free == need-1 {
		d.found("source", codePglogicalLimit, Refusal, fmt.Sprintf("the source has %s free, and with pglogical's own the mirror needs %d", plural(free, "replication slot", "replication slots"), need),
			"Drop what is not needed any more, or raise max_replication_slots and restart the source.")
	}
}
