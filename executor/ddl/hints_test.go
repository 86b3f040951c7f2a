package ddl_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/executor/ddl"
)

// What is there already is not said to have run on the source by hand where the target
// refuses it: there the command runs behind the source's.
func TestHints(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ code, where, want, never string }{
		{"42701", "the source", "ran_on_source = true", ""},
		{"42701", "the target of mirror.app", "the target has it already", "ran_on_source"},
		{"42P07", "the target of mirror.app", "the target has it already", "ran_on_source"},
		{"42710", "the target of mirror.app", "the target has it already", "ran_on_source"},
		{"3F000", "the source", "search_path is empty", ""},
		{"3F000", "the target of mirror.app", "search_path is empty", ""},
		{"22012", "the source", "correct the block", ""},
	} {
		hint := (&ddl.CommandError{Address: "ddl.x", Where: tc.where, Err: &pgconn.PgError{Code: tc.code}}).Hint()
		if !strings.Contains(hint, tc.want) || tc.never != "" && strings.Contains(hint, tc.never) {
			t.Errorf("%s on %s: %s", tc.code, tc.where, hint)
		}
	}
}
