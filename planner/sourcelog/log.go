package sourcelog

import (
	"crypto/sha256"
	_ "embed" // for script
	"encoding/hex"
	"fmt"
	"strings"

	"bascule/config"
	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// Table is the table in a log's schema that its event triggers fill.
const Table = "ddl"

// Log is the log of a mirror's DDL as it is to be on its source.
type Log struct {
	// Name of its schema, and of the event trigger that fills it.
	Name string

	// Publication and Inserts are the mirror's own, which the triggers keep right; the
	// log is in Inserts. ViaRoot: they publish partitions as their root.
	Publication, Inserts string
	ViaRoot              bool

	// Tables and Exclude are the mirror's patterns, by which the triggers know the tables
	// that are to be followed.
	Tables, Exclude []string
}

// SQL are the statements that make the log on the source, or put an older one right; they
// go into one transaction, with Join. The last one marks the log with Version.
func (l Log) SQL() []string {
	return append(l.statements(), "comment on schema "+pgname.Quote(l.Name)+" is "+pgname.Literal(l.Version()))
}

// Version tells two logs apart that are not made by the same statements. It is the
// comment of the log's schema, which begins with catalog.LogMark.
func (l Log) Version() string {
	sum := sha256.Sum256([]byte(strings.Join(l.statements(), ";\n")))
	return catalog.LogMark + hex.EncodeToString(sum[:8])
}

// Whole reports whether what is on the source is the log that SQL makes.
func (l Log) Whole(is catalog.Log) bool {
	return is.Whole && is.Comment == l.Version() && is.Functions == strings.Count(script, "\ncreate or replace function ")
}

// Join publishes the log.
func (l Log) Join() string {
	return fmt.Sprintf("alter publication %s add table only %s", pgname.Quote(l.Inserts), pgname.Qualified(l.Name, Table))
}

// DropSQL takes a log away, and its event triggers before it, which call into it.
func DropSQL(name string) []string {
	ended, dropped := triggers(name)
	return []string{
		"drop event trigger if exists " + pgname.Quote(ended),
		"drop event trigger if exists " + pgname.Quote(dropped),
		"drop schema if exists " + pgname.Quote(name) + " cascade",
	}
}

// triggers are the names of a log's event triggers: of commands that end, and of what
// they drop.
func triggers(name string) (ended, dropped string) {
	dropped = name + "_drop"
	if len(dropped) > pgname.MaxLen {
		dropped = pgname.Derived(name, "drop")
	}
	return name, dropped
}

// script is log.sql, whose head is for those who read it there.
//
//go:embed log.sql
var script string

func (l Log) statements() []string {
	ended, dropped := triggers(l.Name)
	tables, exclude := likes(l.Tables, "true"), likes(l.Exclude, "false")
	quote := "$log$"
	for strings.Contains(tables+exclude, quote) {
		quote = "$log_" + quote[1:]
	}
	_, text, _ := strings.Cut(strings.TrimSuffix(script, ";\n"), "\n\n")
	return strings.Split(strings.NewReplacer(
		"$log$", quote,
		"{log}", pgname.Quote(l.Name),
		"{ended}", pgname.Quote(ended),
		"{dropped}", pgname.Quote(dropped),
		"{all}", pgname.Literal(l.Publication),
		"{inserts}", pgname.Literal(l.Inserts),
		"{root}", fmt.Sprint(l.ViaRoot),
		"{ours}", pgname.Literal(catalog.LogPattern),
		"{tables}", tables,
		"{exclude}", exclude,
	).Replace(text), ";\n\n")
}

// likes is the condition that one of the patterns matches schema and name; none is
// what it is where there are no patterns.
func likes(patterns []string, none string) string {
	if len(patterns) == 0 {
		return none
	}
	var list []string
	for _, text := range patterns {
		if schema, name, ok := (config.Pattern{Text: text}).Like(); ok {
			list = append(list, fmt.Sprintf("schema like %s and name like %s", pgname.Literal(schema), pgname.Literal(name)))
		}
	}
	if len(list) == 0 {
		return "false"
	}
	return strings.Join(list, " or ")
}
