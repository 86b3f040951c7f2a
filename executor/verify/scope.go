package verify

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"bascule/config/pgname"
)

// scope is what of two databases is compared, and under which names.
type scope struct {
	opts       Options
	crossMajor bool
	leftOut    map[Object]bool

	// tables are opts.Tables by the name that regclass gives them, which resolve
	// finds; byOID the same by the source's oid.
	tables  []*Table
	byOID   map[uint32]*Table
	renames []rename
}

// rename is one name as it is in SQL text, and what the target has for it.
type rename struct {
	from *regexp.Regexp
	to   string
}

func newScope(opts Options, crossMajor bool) *scope {
	s := &scope{opts: opts, crossMajor: crossMajor, leftOut: make(map[Object]bool), byOID: make(map[uint32]*Table)}
	for _, o := range opts.LeftOut {
		s.leftOut[o] = true
	}
	for _, t := range opts.Tables {
		t.TargetSchema = cmp.Or(t.TargetSchema, t.Schema)
		t.TargetName = cmp.Or(t.TargetName, t.Name)
		s.tables = append(s.tables, &t)
	}
	return s
}

// resolve finds the tables of opts among the source's facts, and what is to be
// renamed with them: a table that changes its schema takes its sequences and
// indexes along.
func (s *scope) resolve(source, target map[string]*fact) {
	wanted := make(map[string]*Table)
	for _, t := range s.tables {
		wanted[pgname.Qualified(t.Schema, t.Name)] = t
	}
	written := make(map[string]string) // names as the target writes them
	for _, f := range target {
		if name, ok := f.relation(); ok {
			written[alwaysQuoted(name)] = name
		}
	}
	for _, f := range source {
		name, ok := f.relation()
		if t := wanted[alwaysQuoted(name)]; ok && t != nil {
			s.byOID[f.object.OID] = t
			s.rename(name, pgname.Qualified(t.TargetSchema, t.TargetName), written)
		}
	}
	for _, f := range source {
		name, ok := f.relation()
		if t := s.byOID[f.table]; ok && t != nil && f.object.OID != f.table {
			_, own := split(name)
			s.rename(name, pgname.Qualified(t.TargetSchema, own), written)
		}
	}
	// The longest first: none is then a part of one that comes after it.
	slices.SortFunc(s.renames, func(a, b rename) int {
		return cmp.Or(len(b.from.String())-len(a.from.String()), cmp.Compare(a.from.String(), b.from.String()))
	})
}

// rename has text that names the source's relation name the target's.
func (s *scope) rename(name, target string, written map[string]string) {
	if alwaysQuoted(name) == target {
		return
	}
	target = cmp.Or(written[target], target)
	s.renames = append(s.renames, rename{
		from: regexp.MustCompile(`(^|[^\w$".])` + regexp.QuoteMeta(name) + `($|[^\w$"])`),
		to:   "${1}" + strings.ReplaceAll(target, "$", "$$$$") + "${2}",
	})
}

// named is text of the source as the target would have it.
func (s *scope) named(text string) string {
	for _, r := range s.renames {
		text = r.from.ReplaceAllString(text, r.to)
	}
	return text
}

// expected reports whether a fact of the source is to be on the target.
func (s *scope) expected(f *fact) bool {
	t := s.byOID[f.table]
	if s.opts.Only && t == nil {
		return false
	}
	if s.leftOut[f.object] || f.table != 0 && s.leftOut[Object{classRelation, f.table}] {
		return false
	}
	return t == nil || !slices.ContainsFunc(f.columns, func(c string) bool { return slices.Contains(t.ExcludeColumns, c) })
}

// classRelation is the oid of pg_class, which is fixed.
const classRelation = 1259

// compareFacts adds what differs between the facts of both sides.
func (s *scope) compareFacts(r *Report, source, target map[string]*fact) {
	matched := make(map[string]bool)
	for _, f := range source {
		if !s.expected(f) {
			matched[s.named(f.key())] = true
			continue
		}
		r.Objects++
		key := s.named(f.key())
		matched[key] = true
		switch g := target[key]; {
		case g == nil:
			r.add(f.kind, f.name, "missing on the target")
		default:
			if detail := s.differ(f, g); detail != "" {
				r.add(f.kind, f.name, detail)
			}
		}
	}
	if s.opts.MoreOnTarget || s.opts.Only {
		return
	}
	for key, g := range target {
		if !matched[key] {
			r.add(g.kind, g.name, "only on the target")
		}
	}
}

func (r *Report) add(kind, name, detail string) {
	r.Differences = append(r.Differences, Difference{Kind: kind, Name: name, Detail: detail})
}

// differ says in which properties that both servers have two facts differ.
func (s *scope) differ(f, g *fact) string {
	var out []string
	for _, p := range slices.Sorted(maps.Keys(f.properties)) {
		theirs, known := g.properties[p]
		ours := s.named(f.properties[p])
		if p == "columns" {
			ours = s.keptColumns(f)
		}
		if !known || ours == theirs || s.crossMajor && unlike(f.kind, p) {
			continue
		}
		if p == "server options" { // they can hold passwords
			out = append(out, "options differ")
			continue
		}
		if unordered[p] {
			out = append(out, p+": "+setDifference(ours, theirs))
			continue
		}
		out = append(out, fmt.Sprintf("%s: %s on the source, %s on the target", p, excerpt(ours, theirs), excerpt(theirs, ours)))
	}
	return strings.Join(out, "; ")
}

// unlike reports whether servers of different major versions say a property
// differently of equal objects.
func unlike(kind, property string) bool {
	switch kind + " " + property {
	case "view definition", "materialized view definition", "rule definition", "function body", "procedure body", "extension version":
		return true
	}
	return false
}

// keptColumns is the list of a table's columns without those that are excluded.
func (s *scope) keptColumns(f *fact) string {
	t := s.byOID[f.table]
	if t == nil {
		return f.properties["columns"]
	}
	return strings.Join(slices.DeleteFunc(strings.Split(f.properties["columns"], "\n"), func(c string) bool {
		return slices.Contains(t.ExcludeColumns, c)
	}), "\n")
}

// notes say what is not compared.
func (s *scope) notes(source, target *side) []string {
	if !s.crossMajor {
		return nil
	}
	return []string{fmt.Sprintf("PostgreSQL %d and %d print queries differently: the text of views, rules and SQL-standard function bodies, and versions of extensions, were not compared",
		source.major, target.major)}
}

// relation returns the name, as its server writes it, of what is in pg_class.
func (f *fact) relation() (string, bool) {
	switch f.kind {
	case "table", "view", "materialized view", "foreign table", "sequence":
		return f.name, true
	case "index":
		return f.properties["name"], true
	}
	return "", false
}

// unordered properties are lists of lines whose order means nothing.
var unordered = map[string]bool{
	"privileges": true, "options": true, "toast options": true, "operators": true, "functions": true, "uses": true, "roles": true,
	"settings": true, "tags": true, "transforms": true,
}

// setDifference says which lines only one of two lists has.
func setDifference(ours, theirs string) string {
	a, b := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	var out []string
	only := func(list, other []string, where string) {
		for _, line := range list {
			if line != "" && !slices.Contains(other, line) {
				out = append(out, fmt.Sprintf("%q only on the %s", line, where))
			}
		}
	}
	only(a, b, "source")
	only(b, a, "target")
	if len(out) == 0 {
		return "not as often on one side as on the other"
	}
	return strings.Join(out, ", ")
}

// excerpt is a's text from shortly before where it leaves b, in quotes.
func excerpt(a, b string) string {
	const before, most = 30, 160
	if a == "" {
		return "nothing"
	}
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	from := 0
	if len(a) > most {
		from = max(0, min(at-before, len(a)-most))
	}
	text := strings.ToValidUTF8(a[from:min(len(a), from+most)], "")
	if from > 0 {
		text = "..." + text
	}
	if from+most < len(a) {
		text += "..."
	}
	return fmt.Sprintf("%q", text)
}
