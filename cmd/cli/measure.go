package cli

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"bascule/cmd/view"
	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// measure says how far a mirror is, from what its target answered.
func measure(m known, lineage string, a *targetAnswer, now time.Time) view.MirrorStatus {
	s := view.MirrorStatus{
		Address: m.address, Source: m.source, Target: m.target, Phase: cmp.Or(m.status, "declared"),
		Copying: []view.CopyStatus{}, Builds: []view.BuildStatus{}, Failed: []view.FailStatus{},
	}
	if a.err != nil {
		s.Unreachable = a.err.Error()
		return s
	}
	l := ledgerOf(a.ledger, m.address, lineage)
	if l == nil {
		return s
	}
	s.Phase, s.Attempt, s.Error = l.Phase, l.Attempt, l.Error
	s.Started, s.Updated, s.Finished = moment(l.Started), moment(l.Updated), moment(l.Finished)
	s.Objects, s.ObjectsDone = l.ObjectsTotal, l.ObjectsDone
	s.Running = l.Finished.IsZero() && worked(a.progress, l)
	tables := map[string]bool{}
	for i := range l.Tables {
		t := &l.Tables[i]
		tables[pgname.Shown(t.Schema, t.Name)] = true
		addTable(&s, t, copiesOf(a.progress, t))
	}
	addBuilds(&s, a.progress, tables)
	pace(&s, l, now)
	return s
}

// ledgerOf finds a mirror's record.
func ledgerOf(l *catalog.Ledger, address, lineage string) *catalog.LedgerMirror {
	for i := range l.Mirrors {
		if m := &l.Mirrors[i]; m.Address == address && m.Lineage == lineage {
			return m
		}
	}
	return nil
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// worked reports whether a session on the target works on the mirror.
func worked(p *catalog.Progress, l *catalog.LedgerMirror) bool {
	return slices.ContainsFunc(p.Sessions, func(s catalog.Session) bool { return worksOn(s.Application, l) })
}

// worksOn reports whether a session by this name belongs to a mirror. Names longer
// than 63 bytes are cut by the server.
func worksOn(application string, l *catalog.LedgerMirror) bool {
	for _, name := range []string{l.ID, l.Address, strings.TrimPrefix(l.Address, "mirror.")} {
		prefix := "bascule/" + name + "/"
		if strings.HasPrefix(application, prefix[:min(len(prefix), 63)]) {
			return true
		}
	}
	return false
}

// copiesOf sums the COPYs that write a table now.
func copiesOf(p *catalog.Progress, t *catalog.LedgerTable) (sum catalog.CopyProgress) {
	for _, c := range p.Copies {
		if c.Schema == t.Schema && c.Name == t.Name {
			sum.Bytes += c.Bytes
			sum.Rows += c.Rows
			sum.PID = c.PID
		}
	}
	return sum
}

// addTable counts one table in. Of a part under way as much is counted as went over
// the wire, but no more than what is left of the table.
func addTable(s *view.MirrorStatus, t *catalog.LedgerTable, now catalog.CopyProgress) {
	name := pgname.Shown(t.Schema, t.Name)
	done := min(t.Bytes, t.BytesDone+now.Bytes)
	s.Tables++
	s.Bytes += t.Bytes
	s.BytesDone += done
	s.Rows += t.Rows + now.Rows
	switch {
	case t.State == "copied":
		s.TablesDone++
	case t.State == "failed":
		s.Failed = append(s.Failed, view.FailStatus{Table: name, Error: t.Error})
	case now.PID != 0:
		s.Copying = append(s.Copying, view.CopyStatus{
			Table: name, Bytes: t.Bytes, BytesDone: done, Chunks: t.Chunks, ChunksDone: t.ChunksDone,
			Wire: now.Bytes, Rows: now.Rows,
		})
	}
}

// addBuilds adds the indexes that are built on the mirror's tables now.
func addBuilds(s *view.MirrorStatus, p *catalog.Progress, tables map[string]bool) {
	for _, b := range p.Builds {
		table := pgname.Shown(b.Schema, b.Name)
		if tables[table] {
			s.Builds = append(s.Builds, view.BuildStatus{Index: b.Index, Table: table, Phase: b.Phase, Done: b.Done, Total: b.Total})
		}
	}
}

// pace adds how fast it went, or goes, and how long it may still take.
func pace(s *view.MirrorStatus, l *catalog.LedgerMirror, now time.Time) {
	if l.Started.IsZero() {
		return
	}
	end := now
	if !l.Finished.IsZero() {
		end = l.Finished
	}
	took := end.Sub(l.Started)
	s.SecondsTaken = int64(took.Seconds())
	if took < time.Second || !s.Running || s.BytesDone >= s.Bytes {
		return
	}
	s.BytesSecond = int64(float64(s.BytesDone) / took.Seconds())
	if s.BytesSecond > 0 {
		s.SecondsLeft = (s.Bytes - s.BytesDone) / s.BytesSecond
	}
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
