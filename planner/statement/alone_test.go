package statement_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What runs outside of transactions holds the lock that is said while it waits for a
// transaction that writes the table.
func TestServerLocksConcurrently(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"create index concurrently x on app.users (n)",
		"drop index concurrently app.users_name",
		"reindex table concurrently app.users",
		"reindex index concurrently app.users_name",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			db := worldIn(t, 15)
			writer, runner := db.Conn(t), db.Conn(t)
			if _, err := writer.Exec(t.Context(), "begin; delete from app.users where id = 100"); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				_, err := runner.Exec(t.Context(), sql)
				done <- err
			}()
			held := fmt.Sprintf(heldWaiting, runner.PgConn().PID())
			db.Eventually(t, "select count(*) > 0 from ("+held+") l", "t")
			strongest := ""
			for mode := range strings.Lines(db.Query(t, held)) {
				if mode = lockName(strings.TrimSpace(mode)); slices.Index(modes, mode) > slices.Index(modes, strongest) {
					strongest = mode
				}
			}
			if s := one(t, sql); s.Tables[0].Lock != strongest {
				t.Errorf("told %s, locks %s", s.Tables[0].Lock, strongest)
			}
			if _, err := writer.Exec(t.Context(), "rollback"); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// heldWaiting are the locks on app.users of a session that waits for another.
const heldWaiting = `
	select l.mode
	from pg_catalog.pg_locks l
	where l.pid = %d and l.granted and l.relation = 'app.users'::pg_catalog.regclass
		and exists (select from pg_catalog.pg_locks w where w.pid = l.pid and not w.granted)`
