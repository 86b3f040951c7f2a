package planner

import (
	"crypto/sha256"
	_ "embed" // for logStatements
	"encoding/hex"
	"fmt"
	"strings"

	"bascule/config"
	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// What stream { ddl } asks for.
const (
	DDLDeclared = "declared"
	DDLAuto     = "auto"
	DDLHalt     = "halt"
)

// LogTable is the table in a log's schema that its event triggers fill.
const LogTable = "ddl"

// LogName is the schema on the source that holds the log of a mirror's DDL, and the
// name of the event trigger that fills it. The first 8 hex digits of the lineage are
// in it.
func LogName(lineage, address string) string {
	slot, _, _ := StreamNames(lineage, address)
	return slot
}

// logTriggers are the names of a log's event triggers: of commands that end, and of
// what they drop.
func logTriggers(log string) (ended, dropped string) {
	dropped = log + "_drop"
	if len(dropped) > pgname.MaxLen {
		dropped = pgname.Derived(log, "drop")
	}
	return log, dropped
}

// LogSQL are the statements that make the log of the stream's DDL on the source, or
// put an older one right; they go into one transaction, with LogJoin. The last one
// marks the log with LogVersion. nil for a stream without a log.
func (s *Stream) LogSQL() []string {
	if s.Log == "" {
		return nil
	}
	return append(s.logSQL(), "comment on schema "+pgname.Quote(s.Log)+" is "+pgname.Literal(s.LogVersion()))
}

// LogVersion tells two logs apart that are not made by the same statements. It is the
// comment of the log's schema, which begins with catalog.LogMark.
func (s *Stream) LogVersion() string {
	sum := sha256.Sum256([]byte(strings.Join(s.logSQL(), ";\n")))
	return catalog.LogMark + hex.EncodeToString(sum[:8])
}

// LogWhole reports whether what is on the source is the log that LogSQL makes.
func (s *Stream) LogWhole(is catalog.Log) bool {
	return is.Whole && is.Comment == s.LogVersion() && is.Functions == strings.Count(logStatements, "\ncreate or replace function ")
}

// LogJoin publishes the log.
func (s *Stream) LogJoin() string {
	return fmt.Sprintf("alter publication %s add table only %s", pgname.Quote(s.Inserts), pgname.Qualified(s.Log, LogTable))
}

// DropLogSQL takes a log away, and its event triggers before it, which call into it.
func DropLogSQL(log string) []string {
	ended, dropped := logTriggers(log)
	return []string{
		"drop event trigger if exists " + pgname.Quote(ended),
		"drop event trigger if exists " + pgname.Quote(dropped),
		"drop schema if exists " + pgname.Quote(log) + " cascade",
	}
}

// logStatements are streamlog.sql, whose head is for those who read it there.
//
//go:embed streamlog.sql
var logStatements string

func (s *Stream) logSQL() []string {
	ended, dropped := logTriggers(s.Log)
	tables, exclude := likes(s.LogTables, "true"), likes(s.LogExclude, "false")
	quote := "$log$"
	for strings.Contains(tables+exclude, quote) {
		quote = "$log_" + quote[1:]
	}
	_, text, _ := strings.Cut(strings.TrimSuffix(logStatements, ";\n"), "\n\n")
	return strings.Split(strings.NewReplacer(
		"$log$", quote,
		"{log}", pgname.Quote(s.Log),
		"{ended}", pgname.Quote(ended),
		"{dropped}", pgname.Quote(dropped),
		"{all}", pgname.Literal(s.Publication),
		"{inserts}", pgname.Literal(s.Inserts),
		"{root}", fmt.Sprint(s.ViaRoot),
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
