package session_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/config"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// hostile are what a role is set to, and what a session must have all the same.
var hostile = []struct {
	name, role, want string
	since            int
}{
	{"datestyle", "SQL, DMY", "ISO, MDY", 0},
	{"intervalstyle", "iso_8601", "postgres", 0},
	{"timezone", "Asia/Kathmandu", "UTC", 0},
	{"extra_float_digits", "-5", "3", 0},
	{"bytea_output", "escape", "hex", 0},
	{"xmloption", "document", "content", 0},
	{"array_nulls", "off", "on", 0},
	{"transform_null_equals", "on", "off", 0},
	{"quote_all_identifiers", "on", "off", 0},
	{"standard_conforming_strings", "off", "on", 0},
	{"search_path", "pg_temp, public", "", 0},
	{"row_security", "on", "off", 0},
	{"check_function_bodies", "on", "off", 0},
	{"client_min_messages", "debug5", "warning", 0},
	{"client_encoding", "LATIN1", "UTF8", 0},
	{"statement_timeout", "5min", "0", 0},
	{"lock_timeout", "5min", "0", 0},
	{"idle_in_transaction_session_timeout", "5min", "0", 0},
	{"idle_session_timeout", "5min", "0", 14},
	{"transaction_timeout", "5min", "0", 17},
	{"default_transaction_isolation", "serializable", "read committed", 0},
	{"default_transaction_deferrable", "on", "off", 0},
	{"default_transaction_read_only", "on", "off", 0},
	{"synchronous_commit", "off", "on", 0},
	{"jit", "on", "off", 0},
	{"tcp_keepalives_idle", "7200", "30", 0},
	{"client_connection_check_interval", "0", "10s", 14},
	{"session_replication_role", "origin", "origin", 0},
}

func TestOpenPinsWhatARoleIsSetTo(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 16, 17, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			server := pgtest.Server(t, major)
			role, _ := server.Role(t, "")
			db := server.Database(t, "")
			for _, s := range hostile {
				if s.since <= major && s.name != "session_replication_role" {
					value := "'" + s.role + "'"
					if s.name == "search_path" {
						value = s.role
					}
					db.Exec(t, fmt.Sprintf("alter role %s set %s = %s", role, s.name, value))
				}
			}
			conn := open(t, peerOf(t, db, role), session.Options{})
			for _, s := range hostile {
				if s.since > major {
					continue
				}
				if got := show(t, conn, s.name); got != s.want {
					t.Errorf("%s is %q, want %q", s.name, got, s.want)
				}
			}
		})
	}
}

func TestOpenTakesOptions(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15)
	role, _ := server.Role(t, "")
	db, other := server.Database(t, ""), server.Database(t, "")
	conn := open(t, peerOf(t, db, role), session.Options{
		Application: "bascule/" + strings.Repeat("x", 54) + "ü/copy",
		Database:    other.Name,
		ReadOnly:    true,
		Settings: map[string]string{
			"maintenance_work_mem": "100MB",
			"lock_timeout":         "3s",
			"transaction_timeout":  "1h", // from 17 on
			"default_tablespace":   `pg_default`,
			"bascule.note":         `a\\b'c`,
		},
	})
	for name, want := range map[string]string{
		"application_name":              "bascule/" + strings.Repeat("x", 54), // 63 bytes end inside the ü
		"default_transaction_read_only": "on",
		"maintenance_work_mem":          "100MB",
		"lock_timeout":                  "3s",
	} {
		if got := show(t, conn, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	var database string
	if err := conn.QueryRow(t.Context(), "select pg_catalog.current_database()").Scan(&database); err != nil || database != other.Name {
		t.Errorf("in database %q (%v), want %q", database, err, other.Name)
	}
}

func TestOpenRefusesASettingTheServerRefuses(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15)
	role, _ := server.Role(t, "")
	peer := peerOf(t, server.Database(t, ""), role)
	_, err := session.Open(t.Context(), peer, session.Options{Settings: map[string]string{"session_replication_role": "replica"}})
	if session.Code(err) != "42501" || session.Transient(err) {
		t.Errorf("got %v (%s)", err, session.Code(err))
	}
}

// A URL with parameters that only libpq knows, and one that the session pins.
func TestOpenTakesURLsOfLibpq(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "")
	url := db.URL + "&keepalives_idle=30&gssencmode=disable&fallback_application_name=psql&TimeZone=Asia/Tokyo&tcp_user_timeout=9"
	conn := open(t, &config.Peer{Address: "peer.prod", URL: config.Secret(url)}, session.Options{})
	if got := show(t, conn, "timezone"); got != "UTC" {
		t.Errorf("timezone is %q", got)
	}
}
