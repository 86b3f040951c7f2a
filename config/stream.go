package config

import (
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"bascule/config/pgname"
)

// How long a batch may stay open.
const (
	defaultMaxDelay  = 100 * time.Millisecond
	shortestMaxDelay = time.Millisecond
	longestMaxDelay  = time.Minute
)

// stream reads the stream block, or fills in its defaults.
func (l *loader) stream(r *reader, blocks hcl.Blocks) Stream {
	s := Stream{DDL: "declared", MaxDelay: defaultMaxDelay, MissingRow: "halt"}
	b := l.single(blocks, "stream")
	if b == nil {
		return s
	}
	r = r.block("stream", b, streamSchema)
	s.DDL = r.choice("ddl", s.DDL, "declared", "auto", "halt")
	s.MaxDelay = r.duration("max_delay", s.MaxDelay)
	s.MissingRow = r.choice("missing_row", s.MissingRow, "halt", "skip")
	s.PublishViaPartitionRoot = r.boolean("publish_via_partition_root", false)
	s.Slot = r.serverName("slot")
	s.Publications = l.publications(r)
	if at := r.attrs["max_delay"]; at != nil && (s.MaxDelay < shortestMaxDelay || s.MaxDelay > longestMaxDelay) {
		l.errorAt(at.Expr.Range(), "Invalid value", "max_delay is a span of time from 1ms to 1m.")
		s.MaxDelay = defaultMaxDelay
	}
	if s.Slot != "" && len(s.Publications) == 0 {
		l.errorAt(r.attrs["slot"].Range, "Publications missing",
			"A slot that is there already can only be read with publications that are older than what it holds. Name them in publications.")
	}
	return s
}

// publications reads the names of publications that are there already.
func (l *loader) publications(r *reader) []string {
	items := r.items("publications")
	if attr := r.attrs["publications"]; items != nil && (len(items) == 0 || len(items) > 2) {
		l.errorAt(attr.Expr.Range(), "Invalid value",
			"publications names one publication, or two: the second for the tables of which only inserts are followed.")
		return nil
	}
	var names []string
	for _, i := range items {
		if !derivable(i.text) {
			l.errorAt(i.at, "Invalid value", "%q is no name for a publication here: it is made of %s", i.text, nameRule)
			continue
		}
		if slices.Contains(names, i.text) {
			l.errorAt(i.at, "Invalid value", "publications has %q twice.", i.text)
			continue
		}
		names = append(names, i.text)
	}
	return names
}

// serverName is a name that the replication protocol takes.
func (r *reader) serverName(name string) string {
	text := r.text(name, "")
	if attr := r.attrs[name]; attr != nil && !r.wrong[r.prefix+name] && !derivable(text) {
		r.l.errorAt(attr.Expr.Range(), "Invalid value", "%s is a name of %s", name, nameRule)
		return ""
	}
	return text
}

const nameRule = "lower-case letters, digits and underscores, at most 63 of them."

// derivable reports whether a name needs no quotes anywhere: START_REPLICATION folds
// the names of publications, and slots take no other.
func derivable(name string) bool {
	return name != "" && len(name) <= pgname.MaxLen && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// checkDDL refuses to see undeclared DDL on a mirror that the servers themselves move:
// what is logged of it arrives in Bascule's own stream.
func (l *loader) checkDDL(m *Mirror) {
	if m.Engine != defaultEngine && m.Stream.DDL != "declared" {
		l.errorAt(m.RangeOf("stream.ddl"), "DDL without a stream",
			"ddl = %q is for engine = %q: with %q the servers move the rows, and nobody is there to see the DDL among them. Declare DDL in ddl blocks.", m.Stream.DDL, defaultEngine, m.Engine)
	}
}

// checkOnce refuses, on a mirror that copies once, what only one that streams has.
func (l *loader) checkOnce(m *Mirror) {
	refuse := func(at hcl.Range, what string) {
		l.errorAt(at, "Nothing to follow", "%s makes no sense with continuous = false: the mirror copies once, and streams nothing.", what)
	}
	if m.Paused {
		refuse(m.RangeOf("paused"), "paused")
	}
	if at, ok := m.Ranges["engine"]; ok && m.Engine != defaultEngine {
		refuse(at, "An engine")
	}
	if at, ok := m.Ranges["stream"]; ok {
		refuse(at, "A stream block")
	}
	for _, t := range m.Blocks {
		if t.ReplicaIdentity != "" {
			refuse(m.RangeOf("table."+pgname.Shown(t.Schema, t.Name)+".replica_identity"), "replica_identity")
		}
	}
}
