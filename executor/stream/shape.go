package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/stream/pgoutput"
	"bascule/executor/stream/target"
	"bascule/planner"
	"bascule/planner/catalog"
)

// shapeError reports that a table is not on the target what it is on the source.
type shapeError struct {
	final  catalog.LSN
	table  string // as the configuration names it
	text   string
	remedy string
}

func (e *shapeError) Error() string {
	return fmt.Sprintf("transaction %s: %s: %s", e.final, e.table, e.text)
}

// examine finds out, before the first row of a table that the source described anew,
// whether rows fit. misfit: they cannot. Where only what is recorded of the table says
// that it was changed, the source's catalogue decides: the record may be of later than
// the rows at hand. What does not fit, and no block makes fit, halts the stream right before
// its transaction.
func (r *receiver) examine(life context.Context, rel *relation, found target.Differences, misfit *target.ShapeError) error {
	s := r.link.s
	if misfit == nil && found.None() && rel.named() && rel.found() {
		return r.remember(life, rel)
	}
	if passed, ok := s.passed[rel.OID]; ok && misfit == nil && reflect.DeepEqual(passed, rel.Relation) {
		return nil
	}
	live, err := s.describe(life, rel, found)
	if err != nil {
		return err
	}
	list := compare(rel, found, live)
	if misfit != nil && len(list) == 0 && rel.pastOnly(found, live) {
		return errPast
	}
	if misfit == nil && len(list) == 0 {
		s.passed[rel.OID] = rel.Relation
		return r.remember(life, rel)
	}
	here := targetSide{Rows: true}
	if r.steps == nil || !r.steps.altered { // otherwise it would wait for us
		if here, err = r.targetSide(life, rel); err != nil {
			return err
		}
	}
	e := s.misshapen(rel, misfit, &remedy{rel: rel, live: live, here: here, list: list}, r.final)
	if err := r.fit(life, rel, e); err != nil {
		return err
	}
	return cmp.Or(r.stand(life), e)
}

// misshapen is the error of a table that does not fit.
func (s *Stream) misshapen(rel *relation, misfit *target.ShapeError, m *remedy, final catalog.LSN) error {
	e := &shapeError{final: final, table: rel.recorded()}
	commands := m.commands()
	if len(commands) == 0 {
		e.text = "the table was changed on the source"
		advice := "make the table like the source's, or copy it again"
		if misfit != nil {
			e.text, advice = misfit.Problem, misfit.Remedy
			if rel.member.TargetSchema != rel.member.Schema || rel.member.TargetName != rel.member.Name {
				e.text = misfit.Error() // which has the target's name
			}
		}
		e.remedy = advice + ", then " + s.retry()
		return e
	}
	var texts []string
	for _, c := range m.list {
		texts = append(texts, c.text)
	}
	e.text = "changed on the source, and not on the target: " + strings.Join(texts, "; ")
	e.remedy = fmt.Sprintf("add this block, which runs the same on the target at this point of the stream, and run `bascule apply`:\n\n%s\n%sIf it was meant otherwise, copy the table again: `bascule apply -replace='%s.table[%q]'`",
		block(m.label(final), s.cfg.Label, commands), m.remarks(), s.cfg.Label, e.table)
	return e
}

// recorded is the table's name as the mirror knows it.
func (rel *relation) recorded() string { return pgname.Shown(rel.member.Schema, rel.member.Name) }

// named reports whether the table has the name that it is recorded by.
func (rel *relation) named() bool {
	return rel.Schema == rel.member.Schema && rel.Name == rel.member.Name
}

// found reports whether its rows are found by the columns that are recorded.
func (rel *relation) found() bool {
	if rel.member.Follow != planner.FollowAll || rel.Identity == identityFull {
		return true
	}
	return equalSets(rel.key(), rel.member.Key)
}

// key are the columns of its replica identity.
func (rel *relation) key() []string {
	var names []string
	for _, c := range rel.Columns {
		if c.Key {
			names = append(names, c.Name)
		}
	}
	return names
}

func equalSets(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// remember records what the source publishes of a table whose rows fit, where that is
// not what is recorded.
func (r *receiver) remember(life context.Context, rel *relation) error {
	if published(rel.Relation, rel.member.Columns) || r.steps != nil && r.steps.altered {
		return nil
	}
	conn, err := r.aside(life)
	if err != nil {
		return err
	}
	list := make([]ledger.Column, 0, len(rel.Columns))
	for _, c := range rel.Columns {
		is := ledger.Column{Name: c.Name, Type: c.TypeOID, Modifier: c.Modifier, Target: rel.table.TypeOf(c.Name)}
		was := rel.record(c.Name)
		if was != nil {
			is.Number = was.Number
		}
		switch {
		case was != nil && was.Type == is.Type && was.Modifier == is.Modifier && was.Target == is.Target:
			is.Same = was.Same
		case is.Type >= target.FirstNormal: // it has another oid on the target
			is.Same = is.Target != ""
		default:
			var shown string
			if err := conn.QueryRow(life, selectShown, is.Type, is.Modifier).Scan(&shown); err != nil {
				return err
			}
			is.Same = shown == is.Target
		}
		list = append(list, is)
	}
	if err := r.link.s.number(life, rel.OID, list); err != nil {
		return err
	}
	if err := ledger.SetColumns(life, conn, r.link.s.cfg.Mirror, map[uint32][]ledger.Column{rel.OID: list}); err != nil {
		return err
	}
	rel.member.Columns = list
	m := r.members.applied[rel.OID] // without what is passed over just now
	m.Columns = list
	r.members.applied[rel.OID] = m
	return nil
}

// record is what is recorded of a column, or nil.
func (rel *relation) record(column string) *ledger.Column {
	for i := range rel.member.Columns {
		if rel.member.Columns[i].Name == column {
			return &rel.member.Columns[i]
		}
	}
	return nil
}

// pastOnly reports whether rows do not fit only for columns that are gone on both
// sides: their values are passed over. So it is with rows that are written before a
// column is dropped, in the transaction that drops it.
func (rel *relation) pastOnly(found target.Differences, l *live) bool {
	for _, c := range found.Missing {
		was := rel.record(c.Name)
		if was == nil || was.Number == 0 || l.Name == "" || slices.ContainsFunc(l.Columns, func(now liveColumn) bool { return now.Number == was.Number }) {
			return false
		}
	}
	return len(found.Missing) > 0
}

// errPast: the table is to be looked up again, without what pastOnly is about.
var errPast = errors.New("columns of the past")

const selectShown = `select pg_catalog.format_type($1::oid, $2::integer)`

// published reports whether columns are those of a relation.
func published(rel pgoutput.Relation, columns []ledger.Column) bool {
	return columns != nil && slices.EqualFunc(rel.Columns, columns, func(a pgoutput.Column, b ledger.Column) bool {
		return a.Name == b.Name && a.TypeOID == b.Type && a.Modifier == b.Modifier
	})
}
