package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner/catalog"
)

// oldestSubscriber is the oldest major version of a target whose server can follow: it
// counts what fails, and a role can be let move origins.
const oldestSubscriber = 15

// checkSubscription checks what the subscription engine needs besides what a continuous
// mirror does, and says what it cannot do.
func (d *draft) checkSubscription() {
	if d.decl.Engine != EngineSubscription {
		return
	}
	if d.server != nil {
		if major := d.server.Version.Major(); major < oldestSubscriber {
			d.found("engine", codeSubscriptionAge, Refusal, fmt.Sprintf("the target has version %s, and only %d and newer can follow by a subscription", d.server.Version.Text, oldestSubscriber),
				`Use engine = "stream".`)
			return
		}
		d.subscriptionRights()
		d.subscriptionOwners()
		d.subscriptionLimits()
		d.subscriptionThere()
	}
	d.subscriptionTables()
	d.subscriptionMore()
	d.subscriptionWays()
	d.storedPassword()
}

// subscriptionRights checks that the role may make a subscription, and set where it
// begins.
func (d *draft) subscriptionRights() {
	role := d.server.Role
	managed := slices.ContainsFunc(managedAdmins, func(name string) bool { return slices.Contains(role.MemberOf, name) })
	if role.Superuser || managed {
		return
	}
	if d.server.Version.Major() < 16 {
		d.found("target", codeSubscriptionRight, Refusal, fmt.Sprintf("role %s is no superuser of the target, and up to PostgreSQL 15 only one makes subscriptions", role.Name),
			`Let a superuser apply, or use engine = "stream".`)
		return
	}
	name, database := shown("", role.Name), d.in.Live[d.decl.Target.Address].Name
	var grants []string
	if !slices.Contains(role.MemberOf, "pg_create_subscription") {
		grants = append(grants, "GRANT pg_create_subscription TO "+name)
	}
	if d.target != nil && !d.target.CanCreate {
		grants = append(grants, fmt.Sprintf("GRANT CREATE ON DATABASE %s TO %s", shown("", database), name))
	}
	if !d.server.Subscribing.CanMove {
		grants = append(grants, "GRANT EXECUTE ON FUNCTION pg_replication_origin_advance, pg_replication_origin_progress TO "+name+
			", in database "+shown("", database))
	}
	if len(grants) > 0 {
		d.found("target", codeSubscriptionRight, Refusal, fmt.Sprintf("role %s may not make a subscription on the target, or not say where it begins", role.Name),
			"On the target: "+strings.Join(grants, "; ")+".")
	}
}

// subscriptionOwners checks that the server may write to the tables: it does so as their
// owners, which a role that is no superuser has to be let become.
func (d *draft) subscriptionOwners() {
	role := d.server.Role
	if role.Superuser || d.server.Version.Major() < 16 {
		return
	}
	there := map[[2]string]string{}
	if d.target != nil {
		for _, r := range d.target.Relations {
			there[[2]string{r.Schema, r.Name}] = r.Owner
		}
	}
	var owners, tables []string
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		if t.Follow == FollowNone || t.Work == WorkRemove {
			continue
		}
		schema, name := t.FinalName()
		owner, known := there[[2]string{schema, name}]
		switch {
		case !known && d.decl.Schema.Copy && d.decl.Schema.Owners:
			owner = d.byOID[t.OID].Owner
		case !known:
			continue // it will be the role's own
		}
		if !slices.Contains(d.server.Subscribing.CanBe, owner) {
			owners, tables = append(owners, shown("", owner)), append(tables, shown(schema, name))
		}
	}
	if len(tables) == 0 {
		return
	}
	slices.Sort(owners)
	d.found("target", codeSubscriptionRight, Refusal, fmt.Sprintf("the target's server writes to a table as its owner, and role %s may not become the owner of %s: %s",
		role.Name, plural(len(tables), "table", "tables"), few(tables)),
		fmt.Sprintf("On the target: GRANT %s TO %s WITH SET TRUE.", strings.Join(slices.Compact(owners), ", "), shown("", role.Name)), tables...)
}

// subscriptionLimits checks that the target has a worker and an origin to spare.
func (d *draft) subscriptionLimits() {
	server := subscriptionsOf(d.server, d.decl.Target.Address)
	claimed := d.claims[server]
	if !slices.ContainsFunc(d.server.Subscribing.Subscriptions, d.isSubscription) {
		d.claims[server]++
	}
	var others []string
	origins := d.server.Subscribing.Origins + claimed
	for _, s := range d.server.Subscribing.Subscriptions {
		switch {
		case d.isSubscription(s):
			origins--
		case s.Enabled:
			others = append(others, fmt.Sprintf("%s (database %s)", s.Name, shown("", s.Database)))
		}
	}
	workers := len(others) + claimed
	full := func(setting string, used, limit int, by string) {
		if v := d.server.Params[setting]; v != "" && used >= limit {
			d.found("target", codeSubscriptionLimit, Refusal, fmt.Sprintf("%s of the target is %s, and no %s is left for the mirror", setting, v, by),
				fmt.Sprintf("They are used by: %s%s. On the target: ALTER SYSTEM SET %[3]s = %d, and restart it.", few(others), d.claimedSubscriptions(claimed), setting, max(10, 2*limit)), others...)
		}
	}
	limit := func(setting string) int { return int(param(d.server, setting)) }
	full("max_logical_replication_workers", workers, limit("max_logical_replication_workers"), "worker")
	full("max_worker_processes", workers+1, limit("max_worker_processes"), "process") // one starts the others
	setting := "max_replication_slots"
	if d.server.Params["max_active_replication_origins"] != "" {
		setting = "max_active_replication_origins"
	}
	full(setting, origins, limit(setting), "replication origin")
}

// subscriptionsOf is what the mirrors of the plan share that a target's server has of
// workers and origins, of whatever engine.
func subscriptionsOf(db *catalog.Database, address string) string {
	return "subscriptions of " + serverName(db, address)
}

// claimedSubscriptions says how many other mirrors of the plan have one.
func (d *draft) claimedSubscriptions(n int) string {
	if n == 0 {
		return ""
	}
	return "; " + plural(n, "other mirror", "other mirrors") + " of this plan"
}

// isSubscription reports whether a subscription has the name that the mirror's has.
func (d *draft) isSubscription(s catalog.SubscriptionName) bool {
	return d.target != nil && s.Database == d.target.Identity.Name && s.Name == d.out.Stream.Subscription
}

// subscriptionThere refuses one of the mirror's name that is another's.
func (d *draft) subscriptionThere() {
	s := d.out.Stream
	for _, x := range d.server.Subscribing.Subscriptions {
		mine := s.OwnSlot || d.before != nil && d.before.Subscription == x.Name
		if d.isSubscription(x) && (!mine || x.Slot != "" && x.Slot != s.Slot) {
			d.found("target", codeOtherSubscription, Refusal, fmt.Sprintf("the target has a subscription %s already, and it is not the mirror's", x.Name),
				"If nobody needs it, drop it by hand: ALTER SUBSCRIPTION ... DISABLE; ALTER SUBSCRIPTION ... SET (slot_name = NONE); DROP SUBSCRIPTION.", x.Name)
		}
	}
}
