package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner/catalog"
)

// oldestFollowed is the oldest major version of a source that can be followed: it
// can publish partitions as their root, and says how a slot fares.
const oldestFollowed = 13

// checkStream runs the preflight checks of what a continuous mirror needs besides
// those of a copy.
func (d *draft) checkStream() {
	if d.out.Stream == nil {
		return
	}
	d.checkHalted()
	d.checkDecoding()
	d.checkSlots()
	d.checkPublishing()
	d.checkFollowed()
	d.checkFilters()
	d.checkIdentities()
	d.checkViaRoot()
	d.checkLog()
	d.checkPglogical()
	d.checkSubscription()
	d.checkWays()
	d.checkWAL()
	d.checkAttach()
	if d.server != nil {
		d.checkApplying()
	}
}

// checkDecoding checks that the source's server decodes its WAL, and lets the role
// have it.
func (d *draft) checkDecoding() {
	s, role := d.source, d.source.Role
	if level := s.Params["wal_level"]; level != "logical" {
		d.found("source", codeNotLogical, Refusal, "wal_level of the source is "+level+", and a continuous mirror needs logical",
			"On the source: ALTER SYSTEM SET wal_level = logical, and restart it (on a managed server it is a parameter of the instance). Or copy once: continuous = false.")
	}
	if s.Version.Major() < oldestFollowed {
		d.found("source", codeNotLogical, Refusal, fmt.Sprintf("the source has version %s, and only %d and newer can be followed", s.Version.Text, oldestFollowed),
			"Copy once: continuous = false.")
	}
	if s.InRecovery {
		d.found("source", codeNotLogical, Refusal, "the source is a standby, on which no publication can be made", "Name its primary as the source, or copy once: continuous = false.")
	}
	if !role.Superuser && !role.Replication && !slices.Contains(role.MemberOf, "rds_replication") {
		d.found("source", codeNoReplication, Refusal, fmt.Sprintf("role %s may not stream from the source", role.Name),
			fmt.Sprintf("On the source: ALTER ROLE %s REPLICATION (on Amazon RDS: GRANT rds_replication TO %[1]s).", shown("", role.Name)))
	}
}

// checkSlots checks that there is a slot to have, and a session to stream over. While
// tables are copied there are two of each.
func (d *draft) checkSlots() {
	s, live := d.out.Stream, d.in.Live[d.decl.Source.Address]
	at := slices.IndexFunc(live.Slots, func(x catalog.Slot) bool { return x.Name == s.Slot })
	there := at >= 0
	if there && s.OwnSlot && live.Slots[at].Database != d.source.Identity.Name {
		d.found("source", codeNamedSlot, Refusal, fmt.Sprintf("the source's server has a slot of the mirror's name already, and it is another's: %s", slotHolder(live.Slots[at])),
			"Two state files of one lineage work on this server: give one of them a lineage of its own, or the mirror another name.", s.Slot)
	}
	server := serverName(d.source, d.decl.Source.Address)
	own := 0 // that stay
	if s.OwnSlot && !there {
		own = 1
	}
	need := own
	if d.copies() {
		need++
	}
	free := int(param(d.source, "max_replication_slots")) - len(live.Slots) - d.claims[server]
	if need > free {
		var holders []string
		for _, x := range live.Slots {
			holders = append(holders, slotHolder(x))
		}
		d.found("source", codeNoSlot, Refusal, fmt.Sprintf("the source has %s free, and the mirror needs %d", plural(max(0, free), "replication slot", "replication slots"), need),
			"They are held by: "+few(holders)+d.claimed(server)+". Drop what is not needed any more, or raise max_replication_slots and restart the source.", holders...)
	}
	d.claims[server] += own
	senders := need - own // for the copy
	if !slices.ContainsFunc(live.Slots, func(x catalog.Slot) bool { return x.Name == s.Slot && x.Active }) {
		senders++
	}
	if free := int(param(d.source, "max_wal_senders")) - len(d.source.Senders); senders > free {
		var holders []string
		for _, x := range d.source.Senders {
			holders = append(holders, senderName(x))
		}
		d.found("source", codeNoSlot, Refusal, fmt.Sprintf("the source has %s free, and the mirror needs %d", plural(max(0, free), "WAL sender", "WAL senders"), senders),
			"They are used by: "+few(holders)+". End what is not needed any more, or raise max_wal_senders and restart the source.", holders...)
	}
}

// serverName names a server, so that mirrors from two of its databases share what it
// has.
func serverName(db *catalog.Database, address string) string {
	if id := db.Identity.SystemIdentifier; id != "" {
		return id
	}
	return address
}

// claimed says how many slots other mirrors of the plan take.
func (d *draft) claimed(server string) string {
	if n := d.claims[server]; n > 0 {
		return fmt.Sprintf("; and %d other mirrors of this plan", n)
	}
	return ""
}

// copies reports whether tables are copied under a slot of their own.
func (d *draft) copies() bool {
	if !d.running {
		return d.out.Stream.InitialCopy
	}
	return slices.ContainsFunc(d.out.Tables, func(t Table) bool { return t.Work == WorkAdd || t.Work == WorkAgain })
}

func slotHolder(x catalog.Slot) string {
	what := "physical"
	if x.Database != "" {
		what = "database " + shown("", x.Database)
	}
	switch {
	case x.Active && x.Client != "":
		what += fmt.Sprintf(", pid %d of %s", x.PID, x.Client)
	case x.Active:
		what += fmt.Sprintf(", pid %d", x.PID)
	default:
		what += ", idle"
	}
	return x.Name + " (" + what + ")"
}

func senderName(x catalog.Sender) string {
	name := fmt.Sprintf("pid %d", x.PID)
	var of []string
	for _, text := range []string{x.Application, x.Client} {
		if text != "" {
			of = append(of, text)
		}
	}
	if len(of) > 0 {
		name += " (" + strings.Join(of, ", ") + ")"
	}
	return name
}

// checkPublishing checks that the role may make the publications, or that those that
// are named do.
func (d *draft) checkPublishing() {
	role := d.source.Role
	if !d.out.Stream.OwnSlot {
		d.checkNamedSlot()
	}
	if !d.out.Stream.OwnPublications {
		d.checkNamedPublications()
		return
	}
	if !d.source.CanCreate {
		d.found("source", codeNoPublish, Refusal, fmt.Sprintf("role %s may not create publications in database %s of the source", role.Name, d.source.Identity.Name),
			fmt.Sprintf("On the source: GRANT CREATE ON DATABASE %s TO %s.", shown("", d.source.Identity.Name), shown("", role.Name)))
	}
	var others, owners []string
	for _, t := range d.out.Tables {
		if r := d.byOID[t.OID]; t.Follow != FollowNone && r != nil && !r.IsOwner && !role.Superuser {
			others = append(others, shown(r.Schema, r.Name))
			owners = append(owners, shown("", r.Owner))
		}
	}
	if len(others) > 0 {
		slices.Sort(owners)
		d.found("source", codeNoPublish, Refusal, fmt.Sprintf("role %s does not own %s, and may not publish what it does not own: %s", role.Name, plural(len(others), "table", "tables"), few(others)),
			fmt.Sprintf("On the source: GRANT %s TO %s. Or have publications made by their owner, and name them: stream { publications = [...] }.",
				strings.Join(slices.Compact(owners), ", "), shown("", role.Name)), others...)
	}
}

// checkWAL says what the slot costs, and what threatens it.
func (d *draft) checkWAL() {
	live := d.in.Live[d.decl.Source.Address]
	if limit := param(d.source, "max_slot_wal_keep_size"); limit >= 0 && d.source.Params["max_slot_wal_keep_size"] != "" {
		d.found("source", codeKeepSize, Warning, fmt.Sprintf("the source keeps at most %s of WAL for a slot (max_slot_wal_keep_size)", size(limit<<20)),
			"A mirror that falls behind further than that, during its copy or while it does not run, loses its slot, and everything is copied again. "+d.walRate()+
				" Raise it, or set it to -1.")
	}
	const much = 1 << 30
	var idle []string
	for _, x := range live.Slots {
		if !x.Active && x.Held >= much && x.Name != d.out.Stream.Slot {
			idle = append(idle, fmt.Sprintf("%s (%s)", x.Name, size(x.Held)))
		}
	}
	if len(idle) > 0 {
		d.found("source", codeIdleSlots, Warning, plural(len(idle), "slot", "slots")+" of the source that nobody reads already hold much WAL: "+few(idle),
			"That WAL is kept on the source's disk until they are read or dropped.", idle...)
	}
	d.priceSlot(live)
}

// priceSlot says how much WAL the slot holds, or would.
func (d *draft) priceSlot(live *Live) {
	s := d.out.Stream
	i := slices.IndexFunc(live.Slots, func(x catalog.Slot) bool { return x.Name == s.Slot })
	switch {
	case i >= 0 && s.Paused:
		d.found("paused", codeHeldWAL, Notice, fmt.Sprintf("the mirror is paused, and its slot holds %s of WAL on the source", size(live.Slots[i].Held)),
			"It grows until the mirror goes on. "+d.walRate())
	case i >= 0:
	case s.Paused:
		d.found("paused", codeHeldWAL, Notice, "the mirror is paused from the beginning: its slot holds all WAL of the source from its copy on", d.walRate())
	case s.Engine != "":
		d.found("", codeHeldWAL, Notice, "the mirror's slot holds the source's WAL whenever its servers do not read it", d.walRate())
	default:
		d.found("", codeHeldWAL, Notice, "the mirror's slot holds the source's WAL whenever `bascule run` does not read it", d.walRate())
	}
}

// walRate says how much WAL the source writes. It is rounded, so that plans of the
// same databases are the same plan.
func (d *draft) walRate() string {
	const known, day = 3600, 86400
	w := d.source.WAL
	if seconds := w.Span.Seconds(); seconds >= known {
		return fmt.Sprintf("The source writes about %s of WAL a day, at its rate since %s.", roundSize(float64(w.Bytes)/seconds*day), w.Since.Format("2006-01-02"))
	}
	return "How much WAL the source writes is not known yet: its statistics are younger than an hour."
}

// roundSize writes bytes with one digit that counts.
func roundSize(n float64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB"}
	i := 0
	for n >= 1000 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	scale := 1.0
	for n >= scale*10 {
		scale *= 10
	}
	for n > 0 && n < scale {
		scale /= 10
	}
	return fmt.Sprintf("%g %s", float64(int64(n/scale+0.5))*scale, units[i])
}
