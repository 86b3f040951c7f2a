package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bascule/planner"
)

// runWords say where a command runs.
func runWords(d *planner.DDL) string {
	n := len(d.Mirrors)
	switch {
	case d.Record:
		return "is taken into the state as applied"
	case d.RanOnSource && n == 1:
		return "will run on the target"
	case d.RanOnSource:
		return "will run on " + count(n, "target")
	case n == 1:
		return "will run on both peers"
	}
	return "will run on the source and " + count(n, "target")
}

// command renders the statements of a command, each with what is known of it.
func (t *planWriter) command(d *planner.DDL) []string {
	var out []string
	if len(d.Mirrors) > 1 {
		var names []string
		for _, m := range d.Mirrors {
			names = append(names, m.Address)
		}
		out = append(out, t.comment("for "+strings.Join(names, ", "), 6))
	}
	if line := throughPglogical(d); line != "" {
		out = append(out, t.comment(line, 6))
	}
	timeout := lockTimeout(d)
	for _, s := range d.Statements {
		out = append(out, "> "+strings.ReplaceAll(s.Text, "\n", "\n  "))
		out = append(out, t.comment(strings.Join(append(lockWords(s), timeout), ", "), 6))
		for _, e := range s.Effects {
			out = append(out, t.comment(e, 6))
		}
	}
	if d.Alone {
		out = append(out, t.comment("cannot run in a transaction: it runs on each side by itself", 6))
	}
	return out
}

// lockTimeout says how long a statement waits for its locks. What runs by itself, and
// lets writers pass while it waits, may wait for ever.
func lockTimeout(d *planner.DDL) string {
	queues := slices.ContainsFunc(d.Statements, func(s planner.DDLStatement) bool { return s.Queues() })
	if d.Alone && !queues {
		return "no lock_timeout"
	}
	return "lock_timeout " + spanText(time.Duration(d.LockTimeoutMillis)*time.Millisecond)
}

// throughPglogical says for which mirrors pglogical carries the command; "" for none.
func throughPglogical(d *planner.DDL) string {
	if d.Alone || d.RanOnSource || d.Record {
		return ""
	}
	var carried []string
	for _, m := range d.Mirrors {
		if m.Engine == planner.EnginePglogical {
			carried = append(carried, m.Address)
		}
	}
	if len(carried) == 0 {
		return ""
	}
	text := "goes through pglogical.replicate_ddl_command"
	if len(carried) < len(d.Mirrors) {
		text += " for " + strings.Join(carried, ", ")
	}
	if len(d.ReplicationSets) > 0 {
		return text + ", to who has " + strings.Join(d.ReplicationSets, ", ")
	}
	return text + ", with the replication sets of its tables"
}

// lockWords say what a statement locks, and whether rows are written anew.
func lockWords(s planner.DDLStatement) []string {
	if len(s.Locks) == 0 && s.Rewrite == "unknown" {
		return []string{"what it locks and rewrites is not known"}
	}
	var words, modes []string
	var bytes int64
	for _, l := range s.Locks {
		bytes += l.Bytes
		if !slices.Contains(modes, l.Mode) {
			modes = append(modes, l.Mode)
		}
	}
	for _, mode := range modes {
		var tables []string
		for _, l := range s.Locks {
			if l.Mode == mode {
				tables = append(tables, l.Table)
			}
		}
		words = append(words, fmt.Sprintf("%s on %s", mode, Some(tables)))
	}
	switch {
	case len(s.Locks) == 0:
	case s.Rewrite == "yes":
		words = append(words, "rewrites "+size(bytes))
	case s.Rewrite == "unknown":
		words = append(words, "may rewrite "+size(bytes))
	default:
		words = append(words, "no rewrite")
	}
	return words
}

// spanText writes a span of time without the units that are zero: 3s, 1m30s, 1h.
func spanText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
