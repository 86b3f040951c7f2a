package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// defined are the definitions of a table by which a server refuses rows. Names are quoted
// where they need it.
type defined struct {
	Name     string                   `json:"name"`     // of the table, or of the partitioned one that it belongs to
	Table    string                   `json:"table"`    // without its schema
	Required []string                 `json:"required"` // columns that are NOT NULL
	Checks   map[string]string        `json:"checks"`   // constraints
	Uniques  map[string]uniqueIndex   `json:"uniques"`  // but for the primary key; exclusion constraints, too
	Enums    map[string][]string      `json:"enums"`    // labels, in their order, of the types of columns
	Domains  map[string]definedDomain `json:"domains"`
}

type uniqueIndex struct {
	Index      string `json:"index"`      // its definition
	Constraint string `json:"constraint"` // that which it is of, or ""
}

type definedDomain struct {
	Required bool              `json:"required"`
	Checks   map[string]string `json:"checks"`
}

// explained returns the error of a row that the target refuses, with what the source has
// defined otherwise, and the block that makes it the same. No row tells of such a change:
// what is published of a table are its columns and their types.
func (s *Stream) explained(ctx context.Context, err error) error {
	var halted *HaltError
	if !errors.As(err, &halted) || halted.Refused == "" || !catalog.ByDefinition(halted.Halt.Code) || s.cfg.Source == nil {
		return err
	}
	here, there, failed := s.bothDefined(ctx, halted.Refused, halted.Halt.Table)
	if failed != nil {
		s.log.WarnContext(ctx, "definitions were not compared", "table", halted.Halt.Table, "error", failed)
		return err
	}
	list := here.toward(there, halted.Halt.Code)
	if len(list) == 0 {
		return err
	}
	var texts, commands []string
	for _, d := range list {
		texts, commands = append(texts, d.text), append(commands, d.commands...)
	}
	halted.Halt.Text += "; the source has defined it otherwise: " + strings.Join(texts, "; ")
	label := identifier(strings.ReplaceAll(halted.Halt.Table, ".", "_")+"_"+list[0].about, at(halted.Halt.LSN))
	halted.Halt.Remedy = fmt.Sprintf("if that was changed on the source, add this block, which runs the same on the target at this point of the stream, and run `bascule apply`:\n\n%s\nIf not, %s",
		block(label, s.cfg.Label, commands), s.mend(halted.Halt.Table))
	return err
}

// bothDefined are the definitions of a table on the target and on the source.
func (s *Stream) bothDefined(ctx context.Context, onTarget, onSource string) (here, there defined, err error) {
	conn, err := s.cfg.Target(ctx)
	if err != nil {
		return here, there, err
	}
	defer session.Close(ctx, conn)
	var text string
	if err := conn.QueryRow(ctx, fmt.Sprintf(selectDefined, pgname.Literal(onTarget))).Scan(&text); err != nil {
		return here, there, err
	}
	if err := json.Unmarshal([]byte(text), &here); err != nil {
		return here, there, err
	}
	repl, err := s.cfg.Source(ctx)
	if err != nil {
		return here, there, err
	}
	defer repl.Close(context.WithoutCancel(ctx))
	if text, err = ask(ctx, repl, fmt.Sprintf(selectDefined, pgname.Literal(onSource))); err != nil {
		return here, there, err
	}
	return here, there, json.Unmarshal([]byte(text), &there)
}

// redefinition is one definition that the source has otherwise.
type redefinition struct {
	about    string // what it is called
	text     string // how the source has it
	commands []string
}

// toward are the commands by which definitions become those of the source, of the kind
// that a row was refused by.
func (d defined) toward(there defined, code string) []redefinition {
	switch code {
	case codeNotNull:
		return d.nullable(there)
	case codeCheck:
		return d.unchecked(there)
	case codeUnique, codeExclusion:
		return d.ununique(there)
	case codeInvalidText:
		return d.labelled(there)
	}
	return nil
}

// SQLSTATEs of rows that are refused.
const (
	codeNotNull     = "23502"
	codeCheck       = "23514"
	codeUnique      = "23505"
	codeExclusion   = "23P01"
	codeInvalidText = "22P02" // a label that an enum does not have is one
)

func (d defined) nullable(there defined) (list []redefinition) {
	for _, column := range d.Required {
		if !slices.Contains(there.Required, column) {
			list = append(list, redefined(column, "column "+column+" may be null", "ALTER TABLE "+d.Name+" ALTER COLUMN "+column+" DROP NOT NULL"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Domains)) {
		if is, ok := there.Domains[name]; ok && d.Domains[name].Required && !is.Required {
			list = append(list, redefined(name, "domain "+name+" may be null", "ALTER DOMAIN "+name+" DROP NOT NULL"))
		}
	}
	return list
}

func redefined(about, text string, commands ...string) redefinition {
	return redefinition{about: about, text: text, commands: commands}
}

func (d defined) unchecked(there defined) []redefinition {
	list := constraints("ALTER TABLE "+d.Name, d.Checks, there.Checks)
	for _, name := range slices.Sorted(maps.Keys(d.Domains)) {
		if is, ok := there.Domains[name]; ok {
			list = append(list, constraints("ALTER DOMAIN "+name, d.Domains[name].Checks, is.Checks)...)
		}
	}
	return list
}

// constraints are what becomes of those of one object.
func constraints(alter string, here, there map[string]string) (list []redefinition) {
	for _, name := range slices.Sorted(maps.Keys(here)) {
		drop := alter + " DROP CONSTRAINT " + name
		switch is, ok := there[name]; {
		case !ok:
			list = append(list, redefined(name, "there is no constraint "+name, drop))
		case is != here[name]:
			list = append(list, redefined(name, "constraint "+name+" is "+is, drop, alter+" ADD CONSTRAINT "+name+" "+is))
		}
	}
	return list
}

func (d defined) ununique(there defined) (list []redefinition) {
	schema := d.Name[:len(d.Name)-len(d.Table)] // an index is in its table's
	for _, name := range slices.Sorted(maps.Keys(d.Uniques)) {
		was := d.Uniques[name]
		drop := "DROP INDEX " + schema + name
		if was.Constraint != "" {
			drop = "ALTER TABLE " + d.Name + " DROP CONSTRAINT " + name
		}
		switch is, ok := there.Uniques[name]; {
		case !ok:
			list = append(list, redefined(name, "there is no "+name, drop))
		case is == was:
		case is.Constraint != "":
			list = append(list, redefined(name, name+" is "+is.Constraint, drop, "ALTER TABLE "+d.Name+" ADD CONSTRAINT "+name+" "+is.Constraint))
		default:
			list = append(list, redefined(name, name+" is another: "+is.Index, drop, is.Index))
		}
	}
	return list
}

func (d defined) labelled(there defined) (list []redefinition) {
	for _, name := range slices.Sorted(maps.Keys(d.Enums)) {
		list = append(list, labels(name, d.Enums[name], there.Enums[name])...)
	}
	return list
}

// labels are what becomes of those of an enum: other names first, then those that are new,
// each behind the one before it.
func labels(name string, here, there []string) (list []redefinition) {
	now := slices.Clone(here)
	if len(here) == len(there) {
		for i, was := range here {
			if !slices.Contains(there, was) && !slices.Contains(here, there[i]) {
				now[i] = there[i]
				list = append(list, redefined(name, "label "+was+" of "+name+" is "+there[i],
					"ALTER TYPE "+name+" RENAME VALUE "+pgname.Literal(was)+" TO "+pgname.Literal(there[i])))
			}
		}
	}
	for i, label := range there {
		if slices.Contains(now, label) {
			continue
		}
		place := ""
		switch {
		case i > 0 && i < len(there)-1:
			place = " AFTER " + pgname.Literal(there[i-1])
		case i == 0 && len(now) > 0:
			place = " BEFORE " + pgname.Literal(now[0])
		}
		now = append(now, label)
		list = append(list, redefined(name, name+" has the label "+label, "ALTER TYPE "+name+" ADD VALUE "+pgname.Literal(label)+place))
	}
	return list
}

// selectDefined takes the table's name as a literal: a replication connection has no
// parameters.
const selectDefined = `
	select pg_catalog.json_build_object(
		'name', pg_catalog.format('%%I.%%I', n.nspname, c.relname),
		'table', pg_catalog.quote_ident(c.relname),
		'required', (select pg_catalog.json_agg(pg_catalog.quote_ident(a.attname) order by a.attnum) from pg_catalog.pg_attribute a
			where a.attrelid = c.oid and a.attnum > 0 and a.attnotnull and not a.attisdropped),
		'checks', (select pg_catalog.json_object_agg(pg_catalog.quote_ident(k.conname), pg_catalog.pg_get_constraintdef(k.oid)) from pg_catalog.pg_constraint k
			where k.conrelid = c.oid and k.contype = 'c'),
		'uniques', (select pg_catalog.json_object_agg(pg_catalog.quote_ident(i.relname), pg_catalog.json_build_object(
				'index', pg_catalog.pg_get_indexdef(i.oid), 'constraint', coalesce(pg_catalog.pg_get_constraintdef(k.oid), '')))
			from pg_catalog.pg_index x join pg_catalog.pg_class i on i.oid = x.indexrelid
			left join pg_catalog.pg_constraint k on k.conindid = x.indexrelid and k.conrelid = c.oid and k.contype in ('u', 'x')
			where x.indrelid = c.oid and not x.indisprimary and (x.indisunique or x.indisexclusion)),
		'enums', (select pg_catalog.json_object_agg(pg_catalog.format('%%I.%%I', tn.nspname, t.typname),
				(select pg_catalog.json_agg(e.enumlabel order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = t.oid))
			from pg_catalog.pg_type t join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace where t.typtype = 'e' and t.oid in (` + typesOfTable + `)),
		'domains', (select pg_catalog.json_object_agg(pg_catalog.format('%%I.%%I', tn.nspname, t.typname), pg_catalog.json_build_object('required', t.typnotnull,
				'checks', (select pg_catalog.json_object_agg(pg_catalog.quote_ident(k.conname), pg_catalog.pg_get_constraintdef(k.oid)) from pg_catalog.pg_constraint k
					where k.contypid = t.oid and k.contype = 'c')))
			from pg_catalog.pg_type t join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace where t.typtype = 'd' and t.oid in (` + typesOfTable + `)))::text
	from pg_catalog.pg_class c
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where c.oid = (select coalesce(pg_catalog.pg_partition_root(r.oid), r.oid) from pg_catalog.to_regclass(%s) r(oid))`

// typesOfTable are the types of its columns, and what these are arrays of, or domains over.
const typesOfTable = `
	select pg_catalog.unnest(array[u.oid, u.typelem, u.typbasetype]) from pg_catalog.pg_attribute a join pg_catalog.pg_type u on u.oid = a.atttypid
	where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped`
