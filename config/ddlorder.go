package config

import (
	"slices"
	"strings"
)

// orderDDL puts the ddl blocks in the order that they run in: each after those that it
// depends on, and otherwise by file and line. A circle is an error.
func (l *loader) orderDDL() {
	waiting := l.cfg.DDL
	slices.SortFunc(waiting, compareDDL)
	placed := map[string]bool{}
	var order []*DDL
	for len(waiting) > 0 {
		i := slices.IndexFunc(waiting, func(d *DDL) bool {
			return !slices.ContainsFunc(d.DependsOn, func(on string) bool { return !placed[on] })
		})
		if i < 0 {
			l.circle(waiting)
			i = 0 // the rest is still checked
		}
		placed[waiting[i].Address] = true
		order = append(order, waiting[i])
		waiting = slices.Delete(slices.Clone(waiting), i, i+1)
	}
	l.cfg.DDL = order
}

// circle reports the circle that the first of the blocks runs into: each of them waits
// for one that waits too.
func (l *loader) circle(waiting []*DDL) {
	byAddress := map[string]*DDL{}
	for _, d := range waiting {
		byAddress[d.Address] = d
	}
	var path []string
	d := waiting[0]
	for !slices.Contains(path, d.Address) {
		path = append(path, d.Address)
		for _, on := range d.DependsOn {
			if byAddress[on] != nil {
				d = byAddress[on]
				break
			}
		}
	}
	path = append(path[slices.Index(path, d.Address):], d.Address)
	l.errorAt(d.RangeOf("depends_on"), "Circle of dependencies", "%s would have to run before itself: %s.", d.Address, strings.Join(path, " needs "))
}
