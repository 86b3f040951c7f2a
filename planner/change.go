package planner

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"bascule/planner/catalog"
	"bascule/state"
)

// change plans what is to be changed of a mirror that streams, if anything is. Tables
// that stay as they are stream on.
func (m *maker) change(d *draft, change Change, rec *state.Resource) {
	said := len(m.plan.Findings)
	ready := rec != nil && rec.Status == state.Ready
	d.held = m.held(d.decl)
	change.Action, change.Reason = Update, d.haltedReason()
	if !ready {
		change.Action = Create
		if !complete(d.ledger) || change.Reason == "" {
			change.Reason = "it was interrupted after its copy; what is left to build is built"
		}
	}
	d.draft(&change)
	change.Reason = cmp.Or(change.Reason, d.unlogged())
	if d.held { // the shapes are for the command to mend
		m.plan.Findings = slices.Concat(m.plan.Findings[:said], slices.DeleteFunc(slices.Clone(m.plan.Findings[said:]), func(f Finding) bool { return f.Code == codeShape }))
	}
	change.Attributes = slices.Concat(change.Attributes, streamAttributes(d.before, d.out.Stream))
	if rec != nil && rec.Mirror.Protect != d.decl.Protect {
		change.Attributes = append(change.Attributes, Attribute{Name: "protect",
			Old: strconv.FormatBool(rec.Mirror.Protect), New: strconv.FormatBool(d.decl.Protect)})
	}
	if ready && change.Reason == "" && (d.ledger.Digest != d.out.Digest || d.ledger.Finished.IsZero()) && len(change.Attributes) == 0 {
		change.Reason = "its last change was interrupted; what is left of it is done"
	}
	change.Reason = cmp.Or(change.Reason, d.engineChanged())
	worked := slices.ContainsFunc(d.out.Tables, func(t Table) bool { return t.Work != "" })
	if ready && !worked && len(change.Attributes) == 0 && (change.Reason == "" || d.broken) {
		m.plan.Findings = slices.Concat(m.plan.Findings[:said], unchanged(slices.DeleteFunc(slices.Clone(m.plan.Findings[said:]), d.passing)))
		return
	}
	m.plan.Changes = append(m.plan.Changes, change)
}

// passing reports whether a finding is only of interest where something is done.
func (d *draft) passing(f Finding) bool {
	switch f.Code {
	case codeHalted, codeShape, codeNoTable, codeProtected, codeUnreached:
		return false
	case codeHeldWAL:
		return !d.decl.Paused
	}
	return true
}

// unchanged are findings of a mirror that nothing is done to: a way that is cut stops its
// rows, and no plan.
func unchanged(list []Finding) []Finding {
	for i := range list {
		if list[i].Code == codeUnreached {
			list[i].Severity = Warning
		}
	}
	return list
}

// haltedReason says that the mirror stands still and goes on by this.
func (d *draft) haltedReason() string {
	if h := d.ledger.Stream.Halt; h != nil && !d.held {
		return "it is halted: " + h.Text + "; apply tries again"
	}
	return d.unhanded()
}

// checkHalted refuses to change a mirror whose stream is lost.
func (d *draft) checkHalted() {
	if !d.running {
		return
	}
	halted := func(summary, detail string) {
		d.broken = true
		d.found("", codeHalted, Refusal, summary, detail)
	}
	anew := fmt.Sprintf("Copy everything again with -replace='%s'.", d.decl.Address)
	if h := d.ledger.Stream.Halt; h != nil && h.Terminal && !d.heals(h) && !(d.held && catalog.AwaitsCommand(h.Code)) {
		halted("the mirror is halted, and trying again cannot help: "+h.Text, cmp.Or(sentence(h.Remedy), anew))
		return
	}
	if rec := d.in.State.Find(d.decl.Address); rec != nil && rec.Mirror != nil && d.ledger.Position != nil && d.ledger.Position.Epoch < rec.Mirror.Epoch {
		halted("the target was restored to a time before the last apply: what the source has sent since is not there, and is not sent again", anew)
		return
	}
	slot, live := d.liveSlot(), d.in.Live[d.decl.Source.Address]
	if slot == "" {
		halted("the target has no subscription "+d.before.Subscription+" any more, and nobody knows what it had applied", anew)
		return
	}
	switch i := slices.IndexFunc(live.Slots, func(x catalog.Slot) bool { return x.Name == slot }); {
	case i < 0:
		halted("replication slot "+slot+" is gone from the source, and with it the changes since the mirror's position", anew)
	case live.Slots[i].WALStatus == "lost":
		halted("replication slot "+slot+" is lost: the source has removed WAL that the mirror needs", anew+" See max_slot_wal_keep_size of the source.")
	}
}

// heals reports whether the change copies again, or takes out, the one table that the
// mirror is halted by.
func (d *draft) heals(h *catalog.LedgerHalt) bool {
	return slices.ContainsFunc(d.out.Tables, func(t Table) bool { return t.Work != "" && h.Table == shown(t.Schema, t.Name) })
}

// streamAttributes lists what differs in how a mirror follows its source and decides
// nothing about what arrives.
func streamAttributes(was, is *Stream) []Attribute {
	if was == nil {
		was = &Stream{}
	}
	delay := func(s *Stream) string { return (time.Duration(s.MaxDelayMillis) * time.Millisecond).String() }
	var list []Attribute
	for _, a := range []Attribute{
		{"engine", was.engineWord(), is.engineWord()},
		{"paused", strconv.FormatBool(was.Paused), strconv.FormatBool(is.Paused)},
		{"stream.binary", strconv.FormatBool(was.Binary), strconv.FormatBool(is.Binary)},
		{"stream.ddl", was.DDL, is.DDL},
		{"stream.max_delay", delay(was), delay(is)},
		{"stream.missing_row", was.MissingRow, is.MissingRow},
		{"stream.replica_role", strconv.FormatBool(was.ReplicaRole), strconv.FormatBool(is.ReplicaRole)},
		{"stream.disable_triggers", few(was.DisableTriggers), few(is.DisableTriggers)},
	} {
		if a.Old != a.New {
			list = append(list, a)
		}
	}
	if was.DDL == is.DDL && was.Log != is.Log { // the role may log now, or no longer
		list = append(list, Attribute{Name: "stream.log", Old: was.Log, New: is.Log})
	}
	return list
}

// work decides what is done to each table of a mirror that streams.
func (d *draft) work() {
	if d.out.Stream == nil {
		return
	}
	again := d.again()
	if !d.running {
		return // all of them are copied
	}
	w := &working{draft: d, have: newExisting(d.target), members: map[uint32]*catalog.LedgerMember{}, again: again}
	for i := range d.ledger.Members {
		if m := &d.ledger.Members[i]; m.State != catalog.MemberRemoved {
			w.members[m.Source] = m
		}
	}
	underway := d.underway()
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		if t.Work = w.table(t); (d.held || underway[t.OID]) && !again[t.OID] {
			t.Work = ""
		}
	}
	w.wholeRoots()
	d.out.Bytes, d.out.Rows = 0, 0
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		if t.Work == WorkAdd || t.Work == WorkAgain {
			d.out.Bytes += t.Bytes
			d.out.Rows += int64(max(0, t.Rows))
		}
	}
	if !d.held {
		w.removed(underway)
	}
}

// working decides for the tables of one mirror.
type working struct {
	*draft
	have    *existing                        // on the target
	members map[uint32]*catalog.LedgerMember // by oid on the source
	again   map[uint32]bool
}

// table says what is done to one that is selected.
func (w *working) table(t *Table) string {
	schema, name := t.FinalName()
	there := w.have.byName[[2]string{schema, name}]
	m := w.members[t.OID]
	switch {
	case t.Kind == "config":
		return w.asked(t)
	case there == nil && w.decl.Schema.Copy:
		return WorkAdd
	case w.viaRoot() && there != nil && w.attachment(t, there) != "":
		return WorkAdd // or rows would be looked for where they are not
	case t.Follow == FollowNone:
		return w.asked(t)
	case m == nil && !w.heir(t):
		return WorkAdd
	case m == nil, w.differs(t, m), m.State == catalog.MemberCopying, m.State == catalog.MemberWaiting && w.out.Stream.Log == "", w.again[t.OID]:
		return w.fresh(t, there)
	}
	return ""
}

func (w *working) asked(t *Table) string {
	if w.again[t.OID] && t.Kind != "partitioned" {
		return WorkAgain
	}
	return ""
}

// fresh says how a table of ours on the target is copied again: into what is there,
// or made anew where its shape is another.
func (w *working) fresh(t *Table, there *catalog.Relation) string {
	if w.decl.Schema.Copy && there != nil && w.shapeDifference(t, there) != "" {
		return WorkAdd
	}
	return WorkAgain
}

// heir reports whether a table has the place of one that was dropped on the source
// and was followed: what stands on the target is our copy.
func (w *working) heir(t *Table) bool {
	schema, name := t.FinalName()
	return w.ours(schema, name)
}

// differs reports whether the member is not followed as the table is to be.
func (w *working) differs(t *Table, m *catalog.LedgerMember) bool {
	schema, name := t.FinalName()
	return m.TargetSchema != schema || m.TargetName != name || m.Follow != t.Follow ||
		!slices.Equal(m.Key, t.Key) || !slices.Equal(m.Dropped, t.Dropped)
}

// removed adds the members that are no longer selected, or no longer there. Those of
// which the stream brings what has become of them are left to it.
func (w *working) removed(underway map[uint32]bool) {
	selected := map[uint32]bool{}
	for _, t := range w.out.Tables {
		// A partition that is copied with its root is no member of its own any more.
		selected[t.OID] = t.Follow != FollowNone || w.top(&t) != &t && (t.Work == WorkAdd || t.Work == WorkAgain)
	}
	var gone []Table
	for oid, m := range w.members {
		if selected[oid] || underway[oid] {
			continue
		}
		t := Table{OID: oid, Schema: m.Schema, Name: m.Name, Kind: "table", Columns: []string{}, Follow: m.Follow, Key: m.Key,
			Dropped: m.Dropped, Work: WorkRemove}
		if m.TargetSchema != m.Schema || m.TargetName != m.Name {
			t.TargetSchema, t.TargetName = m.TargetSchema, m.TargetName
		}
		gone = append(gone, t)
	}
	w.out.Tables = slices.DeleteFunc(w.out.Tables, func(t Table) bool { return !selected[t.OID] && w.members[t.OID] != nil })
	w.out.Tables = append(w.out.Tables, gone...)
	sortTables(w.out.Tables)
}

// makes reports whether the change makes the table on the target.
func (d *draft) makes(t *Table) bool { return !d.running || t.Work == WorkAdd }

// ours reports whether a table of the target is the mirror's own copy.
func (d *draft) ours(schema, name string) bool {
	if d.mine == nil {
		d.mine = map[[2]string]bool{}
		d.claim()
	}
	return d.mine[[2]string{schema, name}]
}

// claim notes the tables of the target that are the copies of a mirror that streams:
// those it follows, and those that it copied once. A copy that was moved is only where
// it was moved to.
func (d *draft) claim() {
	if d.ledger == nil || d.before == nil {
		return
	}
	for _, t := range d.ledger.Tables {
		d.mine[[2]string{t.Schema, t.Name}] = true
	}
	for _, m := range d.ledger.Members {
		delete(d.mine, [2]string{m.Schema, m.Name})
	}
	for _, m := range d.ledger.Members {
		d.mine[[2]string{m.TargetSchema, m.TargetName}] = m.State != catalog.MemberRemoved
	}
}
