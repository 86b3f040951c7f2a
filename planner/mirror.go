package planner

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/state"
)

// mirrors plans every mirror that is declared or recorded.
func (m *maker) mirrors() {
	if !m.in.Destroy {
		for _, decl := range m.in.Config.Mirrors {
			if m.chosen(decl.Address) {
				m.mirror(decl)
			}
		}
	}
	m.removals()
}

// mirror plans one declared mirror.
func (m *maker) mirror(decl *config.Mirror) {
	source, target := m.in.Live[decl.Source.Address], m.in.Live[decl.Target.Address]
	rec := m.in.State.Find(decl.Address)
	if m.unprotects(decl) {
		m.protection(rec, decl)
		return
	}
	if source == nil || target == nil || source.Err != nil || target.Err != nil {
		return // said at the peer
	}
	m.checkAgainOnce(decl)
	led := ledgerMirror(target, MirrorID(m.in.State.Lineage, decl.Address))
	ready, whole := rec != nil && rec.Status == state.Ready, m.replaces(decl.Address)
	lost := ready && decl.Continuous && led == nil // its records, and its position with them
	d := newDraft(m, decl, source, target, led)
	switch {
	case ready && !whole && !lost && !running(led) && rec.Mirror.Digest == decl.Digest():
		m.protection(rec, decl)
		return
	case !ready && !whole && !(decl.Continuous && removing(rec)) && d.unhanded() == "" && m.adopts(decl, target):
		return
	case source.Missing:
		m.find(at(sourceMissing(decl.Source.Address, source.Endpoint), decl.Source.Range))
		return
	}
	d.locked = decl.Protect || rec != nil && rec.Mirror.Protect
	change := Change{Address: decl.Address, Action: Create, Steps: []Step{},
		File: decl.Range.Filename, Line: decl.Range.Start.Line}
	if rec != nil {
		change.Attributes = attributes(rec.Mirror, decl)
	}
	anew := slices.ContainsFunc(change.Attributes, func(a Attribute) bool { return takesAll(a.Name) })
	switch {
	case d.running && !whole && !anew:
		m.change(d, change, rec)
		return
	case ready || d.running:
		change.Action = Replace
		change.Reason = replaceReason(whole, lost)
		m.checkReplaced(d, rec)
	case d.resume && decl.Continuous:
		change.Reason, change.Attributes = "it was interrupted; finished tables stay, the rest is copied again", nil
	case d.resume:
		change.Reason, change.Attributes = "it was interrupted; its snapshot is gone, so all tables are copied again, into the schema that is there", nil
	default:
		change.Attributes = nil
		if led != nil && led.Phase != catalog.PhaseCopied {
			change.Reason = "it was interrupted before it made anything"
		}
	}
	d.running = false
	d.draft(&change)
	m.plan.Changes = append(m.plan.Changes, change)
}

// running reports whether a mirror streams, or stands still with its position known.
func running(led *catalog.LedgerMirror) bool {
	return led != nil && led.Stream != nil && led.Phase == catalog.PhaseStreaming
}

// removing reports whether a removal of the mirror was begun, and has not ended.
func removing(rec *state.Resource) bool { return rec != nil && rec.Status == state.Removing }

func replaceReason(whole, lost bool) string {
	switch {
	case whole:
		return "-replace asks for it; everything is copied again"
	case lost:
		return "its records on the target are gone, and with them where its stream was; everything is copied again"
	}
	return "its settings changed; everything is copied again"
}

// checkReplaced checks that a mirror may be made anew.
func (m *maker) checkReplaced(d *draft, rec *state.Resource) {
	if d.locked {
		m.find(at(protected(d.decl.Address, "replaced"), d.decl.RangeOf("protect")))
	}
	if d.decl.Continuous && !d.decl.InitialCopy {
		d.found("initial_copy", codeNotAgain, Refusal, "the mirror would be made anew, and initial_copy = false copies nothing: what was written to the source meanwhile would be missing",
			"Set initial_copy = true. Or remove the mirror, apply, make the tables equal, and declare it again.")
	}
	if rec != nil && rec.Mirror.Source != d.decl.Source.Address && d.before != nil {
		f := moved(d.decl.Address, rec.Mirror.Source, d.decl.Source.Address)
		f.Summary = fmt.Sprintf("%s follows %s and now names %s as its source", d.decl.Address, rec.Mirror.Source, d.decl.Source.Address)
		f.Detail = "Its slot is on the first. Give the new source a mirror of its own, or remove this one, apply, and declare it again."
		m.find(at(f, d.decl.RangeOf("source")))
	}
	if rec != nil && rec.Mirror.Target != d.decl.Target.Address {
		m.find(at(moved(d.decl.Address, rec.Mirror.Target, d.decl.Target.Address), d.decl.RangeOf("target")))
	}
}

// takesAll reports whether a change of this setting takes a whole new copy. What a
// mirror that streams has of tables is changed table by table.
func takesAll(setting string) bool {
	switch setting {
	case "source", "target", "continuous", "stream.publish_via_partition_root", "stream.slot", "stream.publications":
		return true
	}
	return strings.HasPrefix(setting, "schema.")
}

// adopts plans to take over a mirror that the ledger knows to be complete and the
// state does not: its file was lost, or the last save of an apply.
func (m *maker) adopts(decl *config.Mirror, target *Live) bool {
	if target.Ledger == nil {
		return false
	}
	for _, l := range target.Ledger.Mirrors {
		if l.Address != decl.Address || l.Digest != decl.Digest() || !complete(&l) {
			continue
		}
		change := m.adoption(decl, l.ID)
		change.Mirror.Stream = recordedStream(&l)
		change.Reason = "the target's ledger says that it is complete; it is adopted into the state"
		m.plan.Changes = append(m.plan.Changes, change)
		return true
	}
	return false
}

// complete reports whether nothing of a mirror is left to copy or to build.
func complete(l *catalog.LedgerMirror) bool {
	return l.Phase == catalog.PhaseCopied || running(l) && !l.Finished.IsZero()
}

// recordedStream is how the ledger says that a mirror streams, or nil.
func recordedStream(l *catalog.LedgerMirror) *Stream {
	if l == nil || l.Stream == nil {
		return nil
	}
	var s Stream
	if json.Unmarshal([]byte(l.Stream.Settings), &s) != nil {
		return nil
	}
	return &s
}

// adoption is a change of the state alone.
func (m *maker) adoption(decl *config.Mirror, from string) Change {
	return Change{
		Address: decl.Address, Action: Update, File: decl.Range.Filename, Line: decl.Range.Start.Line,
		Mirror: &Mirror{Source: decl.Source.Address, Target: decl.Target.Address, Engine: decl.Engine,
			ID: MirrorID(m.in.State.Lineage, decl.Address), AdoptFrom: from,
			Digest: decl.Digest(), Settings: decl.Settings(), Protect: decl.Protect},
		Steps: []Step{{ID: "adopt", Kind: "state", Peer: decl.Target.Address, Summary: "adopt the record " + from + " of the ledger"}},
	}
}

// attributes lists what differs between what was applied and what is declared.
func attributes(rec *state.Mirror, decl *config.Mirror) []Attribute {
	was, is := maps.Clone(rec.Settings), decl.Settings()
	if was == nil {
		was = map[string]string{}
	}
	was["source"], was["target"] = rec.Source, rec.Target
	is["source"], is["target"] = decl.Source.Address, decl.Target.Address
	if was["continuous"] != is["continuous"] {
		for _, settings := range []map[string]string{was, is} {
			settings["continuous"] = strconv.FormatBool(settings["continuous"] != "") // one that copies once does not have it
			maps.DeleteFunc(settings, func(name, _ string) bool { return name == "initial_copy" || strings.HasPrefix(name, "stream.") })
		}
	}
	all := maps.Clone(was)
	maps.Copy(all, is)
	var list []Attribute
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if was[name] != is[name] {
			list = append(list, Attribute{Name: name, Old: was[name], New: is[name]})
		}
	}
	return list
}

func ledgerMirror(live *Live, id string) *catalog.LedgerMirror {
	if live == nil || live.Ledger == nil {
		return nil
	}
	for i := range live.Ledger.Mirrors {
		if live.Ledger.Mirrors[i].ID == id {
			return &live.Ledger.Mirrors[i]
		}
	}
	return nil
}
