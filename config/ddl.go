package config

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// mirrorType and ddlType are the types of references to a mirror and a ddl block.
var (
	mirrorType = cty.Capsule("mirror", reflect.TypeFor[Mirror]())
	ddlType    = cty.Capsule("ddl", reflect.TypeFor[DDL]())
)

// How long one try may wait for a lock. PostgreSQL counts in whole milliseconds, and
// takes none of them for ever.
const (
	defaultLockTimeout  = 3 * time.Second
	shortestLockTimeout = time.Millisecond
	longestLockTimeout  = time.Hour
)

// ddlInstance is an instance of a ddl block that is not read yet.
type ddlInstance struct {
	*DDL
	scope *scope
	attrs hcl.Attributes
}

// loadDDL reads the ddl blocks. All of them are known before the first one is read, for
// they may refer to each other in any order.
func (l *loader) loadDDL() {
	s := l.scope("var", "local", "mirror")
	var all []ddlInstance
	for _, b := range l.blocks["ddl"] {
		all = append(all, l.ddlInstances(s, b)...)
	}
	for _, i := range all {
		i.read()
		l.cfg.DDL = append(l.cfg.DDL, i.DDL)
	}
	l.orderDDL()
}

// ddlInstances makes the instances of a block, and makes them known to references.
func (l *loader) ddlInstances(s *scope, b *hcl.Block) []ddlInstance {
	attrs := l.content(b.Body, ddlSchema).Attributes
	instances, ok := s.instances(b, attrs)
	if !ok {
		instances = s.unknownInstance(b)
	}
	var all []ddlInstance
	byKey := map[string]cty.Value{}
	for _, i := range instances {
		d := &DDL{Address: i.address, Range: b.DefRange}
		all = append(all, ddlInstance{DDL: d, scope: i.scope, attrs: attrs})
		byKey[i.key] = cty.CapsuleVal(ddlType, d)
	}
	l.ddls[b.Labels[0]] = referred(byKey, attrs["for_each"] != nil, ok)
	return all
}

// referred is what a reference to a block gives: itself, or an object of its instances.
func referred(byKey map[string]cty.Value, keyed, known bool) cty.Value {
	switch {
	case !known:
		return cty.DynamicVal
	case keyed:
		return cty.ObjectVal(byKey)
	}
	return byKey[""]
}

// read fills in the block, and checks it.
func (d ddlInstance) read() {
	l := d.scope.l
	r := d.scope.with("ddl", cty.ObjectVal(l.ddls)).reader(d.attrs)
	mirrors := named[Mirror](r, "mirrors", mirrorType, `mirrors is a list of mirrors, as in [mirror.app], or as in [mirror.app["eu"]] for one instance of a for_each.`)
	d.Command = strings.TrimSpace(r.text("command", "")) // a heredoc ends in a line break
	d.ReplicationSets = r.texts("replication_sets")
	d.LockTimeout = r.lockTimeout()
	d.RanOnSource = r.boolean("ran_on_source", false)
	for _, on := range named[DDL](r, "depends_on", ddlType, "depends_on is a list of ddl blocks, as in [ddl.first].") {
		d.DependsOn = append(d.DependsOn, on.value.Address)
	}
	slices.Sort(d.DependsOn)
	d.DependsOn = slices.Compact(d.DependsOn)
	d.Ranges = r.ranges
	if attr := d.attrs["command"]; attr != nil && d.Command == "" && !r.wrong["command"] {
		l.errorAt(attr.Expr.Range(), "No command", "The command is empty.")
	}
	if attr := d.attrs["mirrors"]; attr != nil && mirrors != nil && len(mirrors) == 0 && !r.wrong["mirrors"] {
		l.errorAt(attr.Expr.Range(), "No mirror", "mirrors names no mirror, so the command would run nowhere.")
	}
	d.takeMirrors(mirrors)
}

// lockTimeout reads how long one try may wait for a lock.
func (r *reader) lockTimeout() time.Duration {
	d := r.duration("lock_timeout", defaultLockTimeout)
	if attr := r.attrs["lock_timeout"]; attr != nil && (d < shortestLockTimeout || d > longestLockTimeout) {
		r.l.errorAt(attr.Expr.Range(), "Invalid value", "lock_timeout is a span of time from 1ms to 1h.")
		return defaultLockTimeout
	}
	return d
}

// takeMirrors checks the mirrors that the block is for, and keeps them by address.
func (d ddlInstance) takeMirrors(list []mention[Mirror]) {
	l := d.scope.l
	for _, m := range list {
		first, target := d.sourceAndTarget(m.value)
		switch {
		case slices.Contains(d.Mirrors, m.value):
			l.errorAt(m.at, "Mirror named twice", "mirrors has %s twice.", m.value.Address)
			continue
		case !m.value.Continuous:
			l.errorAt(m.at, "Mirror copies once", "%s has continuous = false. It follows nothing, so there is no point of its stream at which the command could run. "+
				"Run it on both databases yourself, before the copy or after it.", m.value.Address)
		case first != nil && first.Source != nil && m.value.Source != nil && first.Source != m.value.Source:
			l.errorAt(m.at, "Two sources", "%s has the source %s, and %s has %s. The command runs once on one source: give each source a block of its own.",
				m.value.Address, m.value.Source.Address, first.Address, first.Source.Address)
		case target != nil:
			l.errorAt(m.at, "One target twice", "%s has the same target as %s, %s, and the command would run there twice. Name the mirror that has the table.",
				m.value.Address, target.Address, target.Target.Address)
		case len(d.ReplicationSets) > 0 && m.value.Engine != "pglogical":
			l.errorAt(d.RangeOf("replication_sets"), "No replication sets", "replication_sets are those of the pglogical engine, and %s has engine = %q. Take the attribute out.",
				m.value.Address, m.value.Engine)
		}
		d.Mirrors = append(d.Mirrors, m.value)
	}
	slices.SortFunc(d.Mirrors, func(a, b *Mirror) int { return strings.Compare(a.Address, b.Address) })
}

// sourceAndTarget returns the first mirror that was named, whose source counts, and the
// one that has the same target, or nil.
func (d ddlInstance) sourceAndTarget(m *Mirror) (first, target *Mirror) {
	if len(d.Mirrors) > 0 {
		first = d.Mirrors[0]
	}
	if i := slices.IndexFunc(d.Mirrors, func(o *Mirror) bool { return o.Target != nil && o.Target == m.Target }); i >= 0 {
		target = d.Mirrors[i]
	}
	return first, target
}

// mention is one block that a list names, with its place.
type mention[T any] struct {
	value *T
	at    hcl.Range
}

// named reads a list of references. A block with for_each stands for its instances. The
// result is nil when there is no list, or not all of it is known.
func named[T any](r *reader, name string, kind cty.Type, wrong string) []mention[T] {
	value, attr := r.any(name)
	if attr == nil {
		return nil
	}
	at := attr.Expr.Range()
	value, _ = value.UnmarkDeep()
	if !value.IsKnown() {
		return nil
	}
	if t := value.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		r.l.errorAt(at, "Wrong type", "%s", wrong)
		r.wrong[name] = true
		return nil
	}
	elements := value.AsValueSlice()
	exprs, diags := hcl.ExprList(attr.Expr)
	exact := !diags.HasErrors() && len(exprs) == len(elements)
	list := []mention[T]{}
	for i, v := range elements {
		if exact {
			at = exprs[i].Range()
		}
		found, ok := instancesOf[T](v, kind)
		if !ok {
			r.l.errorAt(at, "Wrong type", "%s", wrong)
			r.wrong[name] = true
			continue
		}
		for _, x := range found {
			list = append(list, mention[T]{x, at})
		}
		r.wrong[name] = r.wrong[name] || !v.IsWhollyKnown()
	}
	return list
}

// instancesOf returns what an element refers to: a block, or all instances of one, in
// the order of keys. It reports false when the element is anything else.
func instancesOf[T any](v cty.Value, kind cty.Type) ([]*T, bool) {
	switch t := v.Type(); {
	case !v.IsKnown():
		return nil, true
	case v.IsNull():
		return nil, false
	case t.Equals(kind):
		return []*T{v.EncapsulatedValue().(*T)}, true
	case !t.IsObjectType() && !t.IsMapType():
		return nil, false
	}
	var all []*T
	byKey := v.AsValueMap()
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		found, ok := instancesOf[T](byKey[key], kind)
		if !ok {
			return nil, false
		}
		all = append(all, found...)
	}
	return all, true
}

// RangeOf is where the file sets an attribute, else the block's header.
func (d *DDL) RangeOf(attribute string) hcl.Range {
	if at, ok := d.Ranges[attribute]; ok {
		return at
	}
	return d.Range
}

// compareDDL orders blocks by file and line, and instances of one by address.
func compareDDL(a, b *DDL) int {
	return cmp.Or(compareSubjects(&a.Range, &b.Range), strings.Compare(a.Address, b.Address))
}
