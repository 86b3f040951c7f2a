package executor_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// Both connections to servers that speak TLS alone carry a mirror, whatever is checked
// of their certificates.
func TestFollowsOverTLS(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15, pgtest.WithTLS(), pgtest.WithHBA("hostssl all all 127.0.0.1/32 scram-sha-256"))
	for _, mode := range []string{"require", "verify-full"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			source := server.Database(t, "create table t (id int primary key, a text); insert into t select i, repeat('a', 100) from generate_series(1, 1000) i")
			target := server.Database(t, "")
			f := newFollower(t, source, target, "")
			if mode == "verify-full" {
				checked := "&sslrootcert=" + server.CA()
				f.sourceURL, f.targetURL = withMode(source, mode)+checked, withMode(target, mode)+checked
			}
			f.applied(t)
			f.runs(t)
			f.writes(t, "insert into t select i, repeat(md5(i::text), 50) from generate_series(2000, 20000) i; update t set a = 'b' where id % 3 = 0",
				"delete from t where id % 7 = 0", "insert into t values (-1, repeat('large', 1000000))")
			f.same(t)
			const plain = "select count(*) filter (where s.ssl), count(*) filter (where not s.ssl) from pg_stat_ssl s join pg_stat_activity a using (pid) where a.application_name like 'bascule/app/%s' and a.datname = current_database()"
			for db, role := range map[*pgtest.DB]string{source: "stream", target: "apply"} {
				if got := db.Query(t, fmt.Sprintf(plain, role)); got != "1|0" {
					t.Errorf("sessions of bascule/app/%s with and without TLS: %s", role, got)
				}
			}
		})
	}
}

// withMode is the database's URL with another sslmode.
func withMode(db *pgtest.DB, mode string) string {
	return strings.Replace(db.URL, "sslmode=require", "sslmode="+mode, 1)
}
