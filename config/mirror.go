package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

const defaultEngine = "stream"

var engines = []string{"stream", "pglogical", "subscription"}

// loadMirrors reads the mirror blocks, and makes them known to references.
func (l *loader) loadMirrors() {
	s := l.scope("var", "local", "peer")
	for _, b := range l.blocks["mirror"] {
		content := l.content(b.Body, mirrorSchema)
		all, ok := s.instances(b, content.Attributes)
		if !ok {
			all = s.unknownInstance(b)
		}
		byKey := map[string]cty.Value{}
		for _, i := range all {
			m := l.mirror(b, i, content)
			l.cfg.Mirrors = append(l.cfg.Mirrors, m)
			byKey[i.key] = cty.CapsuleVal(mirrorType, m)
		}
		l.mirrors[b.Labels[0]] = referred(byKey, content.Attributes["for_each"] != nil, ok)
	}
	slices.SortFunc(l.cfg.Mirrors, func(a, b *Mirror) int { return strings.Compare(a.Address, b.Address) })
}

func (l *loader) mirror(b *hcl.Block, i instance, content *hcl.BodyContent) *Mirror {
	r := i.scope.reader(content.Attributes)
	m := &Mirror{
		Address:     i.address,
		Label:       b.Labels[0],
		Key:         i.key,
		Source:      r.peer("source"),
		Target:      r.peer("target"),
		InitialCopy: r.boolean("initial_copy", true),
		Continuous:  r.boolean("continuous", true),
		Engine:      r.choice("engine", defaultEngine, engines...),
		Tables:      r.patterns("tables"),
		Exclude:     r.patterns("exclude"),
		Paused:      r.boolean("paused", false),
		Protect:     r.boolean("protect", false),
		Range:       b.DefRange,
		Ranges:      r.ranges,
	}
	m.Schema = l.schema(r, content.Blocks)
	m.Copy = l.copy(r, content.Blocks)
	m.Stream = l.stream(r, content.Blocks)
	m.Blocks = l.tables(r, content.Blocks)
	l.checkTables(m)
	l.checkMirror(m)
	l.refuseUnbuilt(m, r, content)
	return m
}

// peer reads a reference to a peer.
func (r *reader) peer(name string) *Peer {
	attr := r.attrs[name]
	if attr == nil {
		return nil // hcl has said so
	}
	r.ranges[name] = attr.Range
	value, ok := r.value(attr.Expr)
	if !ok {
		return nil
	}
	value, _ = value.Unmark()
	switch {
	case !value.IsKnown():
	case value.Type().Equals(peerType) && !value.IsNull():
		return value.EncapsulatedValue().(*Peer)
	default:
		r.l.errorAt(attr.Expr.Range(), "Wrong type",
			"%s names one peer, as in peer.prod, or as in peer.shop[\"eu\"] when the peer has for_each.", name)
	}
	return nil
}

// checkMirror checks what attributes say together.
func (l *loader) checkMirror(m *Mirror) {
	if m.Source != nil && m.Source == m.Target {
		l.errorAt(m.RangeOf("target"), "Source is target", "%s has %s as its source and as its target.", m.Address, m.Source.Address)
	}
	if !m.InitialCopy && !m.Continuous {
		l.errorAt(m.RangeOf("initial_copy"), "Nothing to do",
			"A mirror with initial_copy = false and continuous = false would do nothing.")
	}
	if !m.Continuous {
		l.checkOnce(m)
	}
	l.checkDDL(m)
	if at, given := m.Ranges["schema.copy"]; !m.InitialCopy && given && m.Schema.Copy {
		l.errorAt(at, "Two ways at once",
			"With initial_copy = false the target's tables are there already, with their rows. Take schema { copy = true } out.")
	}
	m.Schema.Copy = m.Schema.Copy && m.InitialCopy
}

// refuseUnbuilt refuses what a mirror asks for and this release cannot do.
func (l *loader) refuseUnbuilt(m *Mirror, r *reader, content *hcl.BodyContent) {
	if b := l.single(content.Blocks, "cutover"); b != nil {
		c := r.block("cutover", b, cutoverSchema)
		c.choice("fence", "database", "database", "none")
		c.choice("verify", "rows", "rows", "counts", "none")
		c.duration("timeout", 0)
		l.notBuilt("mirror.cutover", b.DefRange)
	}
}

// RangeOf is where the file sets an attribute ("schema.roles"), else the block
// that it would stand in, else the mirror's header.
func (m *Mirror) RangeOf(path string) hcl.Range {
	for path != "" {
		if at, ok := m.Ranges[path]; ok {
			return at
		}
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
	}
	return m.Range
}
