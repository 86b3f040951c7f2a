package view

import (
	"slices"
	"strings"
	"time"

	"bascule/executor/progress"
)

// tally adds progress events up. It has no clock: now comes in from outside.
type tally struct {
	order   []string // mirrors in the order they began
	mirrors map[string]*mirrorTally
}

// mirrorTally is what is known of one mirror.
type mirrorTally struct {
	stage   string
	began   time.Time
	tables  int
	copied  map[string]bool
	bytes   int64 // on the source's disk
	done    int64 // share of bytes in finished parts
	rows    int64
	objects int
	built   int

	// wire and disk of finished parts: how much COPY data a byte on disk makes.
	wire, disk int64

	work   []*tableTally
	builds []*buildTally

	samples []sample
}

// tableTally is a table with parts in work.
type tableTally struct {
	name         string
	bytes, done  int64 // of the whole table
	parts        int   // in work now
	share, moved int64 // of the parts in work: bytes on disk, bytes on the wire
}

// buildTally is an object being made.
type buildTally struct {
	kind, name, phase string
	done, total       int64
	began             time.Time
}

// sample is how far the copy was at a moment.
type sample struct {
	at   time.Time
	done int64
}

// rateWindow is how far back the rate looks.
const rateWindow = 15 * time.Second

func newTally() *tally { return &tally{mirrors: map[string]*mirrorTally{}} }

// addressOf returns the address of a mirror that events name by it or by its label, or
// of the ddl block that they name by its address.
func addressOf(mirror string) string {
	if strings.HasPrefix(mirror, "mirror.") || strings.HasPrefix(mirror, "ddl.") {
		return mirror
	}
	return "mirror." + mirror
}

func (t *tally) mirror(name string, now time.Time) *mirrorTally {
	name = addressOf(name)
	m := t.mirrors[name]
	if m == nil {
		m = &mirrorTally{began: now, copied: map[string]bool{}}
		t.mirrors[name] = m
		t.order = append(t.order, name)
	}
	return m
}

// add takes one event in.
func (t *tally) add(e progress.Event, now time.Time) {
	switch e := e.(type) {
	case progress.ChangeEnded:
		delete(t.mirrors, e.Address)
		t.order = slices.DeleteFunc(t.order, func(n string) bool { return n == e.Address })
	case progress.StageStarted:
		t.mirror(e.Mirror, now).stage = e.Stage
	case progress.CopyStarted:
		m := t.mirror(e.Mirror, now)
		*m = mirrorTally{stage: m.stage, began: now, tables: e.Tables, bytes: e.Bytes, objects: e.Objects, copied: map[string]bool{}}
	case progress.ChunkStarted:
		m := t.mirror(e.Mirror, now)
		w := m.table(e.Table)
		w.bytes = e.TableBytes
		w.parts++
		w.share += e.Bytes
	case progress.ChunkMoved:
		t.mirror(e.Mirror, now).table(e.Table).moved += e.Wire
	case progress.ChunkEnded:
		t.mirror(e.Mirror, now).chunkEnded(e)
	case progress.TableCopied:
		t.mirror(e.Mirror, now).tableCopied(e.Table)
	case progress.ObjectStarted:
		m := t.mirror(e.Mirror, now)
		m.builds = append(m.builds, &buildTally{kind: e.Kind, name: e.Name, began: now})
	case progress.ObjectMoved:
		if b := t.mirror(e.Mirror, now).build(e.Kind, e.Name); b != nil {
			b.phase, b.done, b.total = e.Phase, e.Done, e.Total
		}
	case progress.ObjectEnded:
		t.mirror(e.Mirror, now).objectEnded(e)
	}
}

// table returns the record of a table in work.
func (m *mirrorTally) table(name string) *tableTally {
	for _, w := range m.work {
		if w.name == name {
			return w
		}
	}
	w := &tableTally{name: name}
	m.work = append(m.work, w)
	return w
}

// build finds what is being built, or nil. An index is also found by its own name,
// schema.index, as the server reports it: it may be half of a constraint by then.
func (m *mirrorTally) build(kind, name string) *buildTally {
	for _, b := range m.builds {
		if b.kind == kind && b.name == name || strings.HasSuffix(b.name, " "+name) {
			return b
		}
	}
	_, index, _ := strings.Cut(name, ".")
	for _, b := range m.builds {
		if strings.Contains(b.name, "constraint ") && strings.HasSuffix(b.name, " "+index) {
			return b
		}
	}
	return nil
}

// label names what is being built. Names that say what they are of need no kind.
func (b *buildTally) label() string {
	if strings.Contains(b.name, " ") {
		return b.name
	}
	return strings.ToLower(b.kind) + " " + b.name
}

func (m *mirrorTally) chunkEnded(e progress.ChunkEnded) {
	w := m.table(e.Table)
	w.parts--
	w.share = max(0, w.share-e.Bytes)
	w.moved = max(0, w.moved-e.Wire)
	if w.parts <= 0 {
		w.share, w.moved = 0, 0
	}
	if e.Err != nil {
		return
	}
	w.done += e.Bytes
	m.done += e.Bytes
	m.rows += e.Rows
	m.wire += e.Wire
	m.disk += e.Bytes
	// The shares of the parts are rounded, so their sum may fall short by some bytes.
	if w.parts <= 0 && w.done >= w.bytes-w.bytes/1000 {
		m.tableCopied(e.Table)
	}
}

// tableCopied counts a table as done, once.
func (m *mirrorTally) tableCopied(name string) {
	m.copied[name] = true
	m.work = slices.DeleteFunc(m.work, func(w *tableTally) bool { return w.name == name })
}

func (m *mirrorTally) objectEnded(e progress.ObjectEnded) {
	for i, b := range m.builds {
		if b.kind == e.Kind && b.name == e.Name {
			m.builds = slices.Delete(m.builds, i, i+1)
			break
		}
	}
	if e.Err == nil {
		m.built++
	}
}

// flight estimates how many bytes on disk the parts in work have carried, from
// what finished parts needed on the wire.
func (m *mirrorTally) flight(w *tableTally) int64 {
	ratio := 1.0
	if m.wire > 0 && m.disk > 0 {
		ratio = float64(m.disk) / float64(m.wire)
	}
	return min(w.share, int64(float64(w.moved)*ratio))
}

// carried is the estimate for the whole copy.
func (m *mirrorTally) carried() int64 {
	sum := m.done
	for _, w := range m.work {
		sum += m.flight(w)
	}
	return min(sum, max(m.bytes, m.done))
}

// sampled notes how far the copy is and drops what is older than the window.
func (m *mirrorTally) sampled(now time.Time) {
	m.samples = append(m.samples, sample{at: now, done: m.carried()})
	keep := 0
	for keep < len(m.samples)-2 && now.Sub(m.samples[keep].at) > rateWindow {
		keep++
	}
	m.samples = slices.Delete(m.samples, 0, keep)
}

// rate is bytes a second over the window, 0 while unknown and when all is copied.
func (m *mirrorTally) rate() float64 {
	if len(m.samples) < 2 || m.carried() >= m.bytes {
		return 0
	}
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	took := last.at.Sub(first.at).Seconds()
	if took <= 0 || last.done <= first.done {
		return 0
	}
	return float64(last.done-first.done) / took
}

// remaining guesses how long the rest of the copy takes, 0 while unknown.
func (m *mirrorTally) remaining() time.Duration {
	rate := m.rate()
	if rate <= 0 {
		return 0
	}
	return time.Duration(float64(max(0, m.bytes-m.carried())) / rate * float64(time.Second))
}
