package session

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
)

// setting is one that Open pins. since is the server_version_num that knows it.
type setting struct {
	name, value string
	since       int
}

// pinned make a session the same whatever the role, database or server is set to.
// session_replication_role is not among them: who needs it asks for it.
var pinned = []setting{
	// How values and statements are written and read.
	{"client_encoding", "UTF8", 0},
	{"datestyle", "ISO, MDY", 0},
	{"intervalstyle", "postgres", 0},
	{"timezone", "UTC", 0},
	{"extra_float_digits", "3", 0},
	{"bytea_output", "hex", 0},
	{"lc_monetary", "C", 0},
	{"xmloption", "content", 0},
	{"array_nulls", "on", 0},
	{"transform_null_equals", "off", 0},
	{"quote_all_identifiers", "off", 0},
	{"search_path", "", 0},

	// What hides rows, or an error.
	{"row_security", "off", 0},
	{"check_function_bodies", "off", 0},
	{"client_min_messages", "warning", 0},

	// What ends long work.
	{"statement_timeout", "0", 0},
	{"lock_timeout", "0", 0},
	{"idle_in_transaction_session_timeout", "0", 0},
	{"idle_session_timeout", "0", 140000},
	{"transaction_timeout", "0", 170000},

	// What a transaction and a new table are.
	{"default_transaction_isolation", "read committed", 0},
	{"default_transaction_deferrable", "off", 0},
	{"synchronous_commit", "on", 0},
	{"default_tablespace", "", 0},

	// Compiling catalogue queries takes longer than running them.
	{"jit", "off", 0},

	// The server notices that we are gone: without these a process that was killed
	// leaves its locks for hours.
	{"tcp_keepalives_idle", "30", 0},
	{"tcp_keepalives_interval", "10", 0},
	{"tcp_keepalives_count", "6", 0},
}

// sinceVersion are settings that callers ask for and old servers do not know.
var sinceVersion = map[string]int{
	"idle_session_timeout":                140000,
	"transaction_timeout":                 170000,
	"client_connection_check_interval":    140000,
	"default_toast_compression":           140000,
	"createrole_self_grant":               160000,
	"vacuum_buffer_usage_limit":           160000,
	"max_parallel_maintenance_workers":    110000,
	"logical_decoding_work_mem":           130000,
	"maintenance_io_concurrency":          130000,
	"event_triggers":                      170000,
	"io_combine_limit":                    170000,
	"restrict_nonsystem_relation_kind":    170000,
	"debug_logical_replication_streaming": 170000,
}

func isPinned(name string) bool {
	return slices.ContainsFunc(pinned, func(s setting) bool { return s.name == name })
}

// pin sets everything in one simple-protocol round trip. It comes after the
// connection stands, for a pooler refuses startup parameters that it does not
// know.
func pin(ctx context.Context, conn *pgx.Conn, opts Options) error {
	version, err := versionNum(conn.PgConn().ParameterStatus("server_version"))
	if err != nil {
		return err
	}
	_, err = conn.PgConn().Exec(ctx, pinSQL(version, opts)).ReadAll()
	if err != nil {
		return fmt.Errorf("pin the session's settings: %w", err)
	}
	return nil
}

// pinSQL is the statement for a server. standard_conforming_strings comes first,
// and no literal depends on it.
func pinSQL(version int, opts Options) string {
	readOnly := "off"
	if opts.ReadOnly {
		readOnly = "on"
	}
	all := append(slices.Clone(pinned), setting{"default_transaction_read_only", readOnly, 0})
	all = slices.DeleteFunc(all, func(s setting) bool {
		_, overridden := opts.Settings[s.name]
		return overridden || s.since > version
	})
	for _, name := range slices.Sorted(maps.Keys(opts.Settings)) {
		if sinceVersion[strings.ToLower(name)] <= version {
			all = append(all, setting{name, opts.Settings[name], 0})
		}
	}
	var b strings.Builder
	b.WriteString(setStandardStrings)
	for i, s := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, setOne, pgname.Literal(s.name), pgname.Literal(s.value))
	}
	if _, set := opts.Settings[checkInterval]; version >= sinceVersion[checkInterval] && !set {
		b.WriteString(setCheckInterval)
	}
	return b.String()
}

const checkInterval = "client_connection_check_interval"

// versionNum makes server_version_num of server_version, which the server sends
// unasked: 150020 of "15.20 (Debian 15.20-1)", 180000 of "18beta1".
func versionNum(text string) (int, error) {
	number := func(s string) (int, string) {
		end := 0
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		n, _ := strconv.Atoi(s[:end])
		return n, s[end:]
	}
	major, rest := number(text)
	if major == 0 {
		return 0, fmt.Errorf("the server gives its version as %q", text)
	}
	minor := 0
	if strings.HasPrefix(rest, ".") {
		minor, _ = number(rest[1:])
	}
	return major*10000 + minor, nil
}

const (
	setStandardStrings = `set standard_conforming_strings = on; select `

	setOne = `pg_catalog.set_config(%s, %s, false)`

	// A client that is gone ends its running query. Only some systems can tell, and
	// others refuse the setting; they say in version() what they are.
	setCheckInterval = `;
	select pg_catalog.set_config('client_connection_check_interval', '10s', false)
	where pg_catalog.version() like '%linux%'`
)
