package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Pair starts a primary of this test's own and a standby of it that keeps a copy of
// its failover slots (17 and newer). Nothing is sent to a logical walsender before the
// standby has it. Promote makes the standby a primary.
func Pair(t testing.TB, major int) (primary, standby *Cluster) {
	t.Helper()
	const slot = "standby"
	primary = Own(t, major, WithSettings(map[string]string{"synchronized_standby_slots": slot}))
	primary.exec(t, superuser, "select pg_create_physical_replication_slot('"+slot+"', true)")
	standby = Own(t, major, WithSettings(map[string]string{
		"primary_conninfo": fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=%s",
			primary.Host, primary.Port, primary.User, primary.Password, superuser),
		"primary_slot_name": slot, "hot_standby_feedback": "on", "sync_replication_slots": "on",
	}))
	standby.Stop(t)
	primary.Stop(t)
	standby.becomeCopy(t, primary)
	primary.Start(t)
	standby.Start(t)
	return primary, standby
}

// becomeCopy gives the cluster the data of another, both stopped, and makes it a
// standby. Its settings stay.
func (c *Cluster) becomeCopy(t testing.TB, of *Cluster) {
	t.Helper()
	conf, err := os.ReadFile(filepath.Join(c.data(), "postgresql.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"rm", "-rf", c.data()}, {"cp", "-a", of.data(), c.data()}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", command, err, out)
		}
	}
	for name, data := range map[string][]byte{"postgresql.conf": conf, "standby.signal": nil} {
		if err := c.acct.writeFile(filepath.Join(c.data(), name), data); err != nil {
			t.Fatal(err)
		}
	}
}

// Promote makes a standby a primary.
func (c *Cluster) Promote(t testing.TB) {
	t.Helper()
	c.mustOwn(t)
	db := &DB{Cluster: c, Name: superuser, URL: c.URL(superuser)}
	db.Exec(t, "select pg_promote()")
	db.Eventually(t, "select pg_is_in_recovery()", "f")
}

// On is the same database on another cluster, which is a copy.
func (d *DB) On(c *Cluster) *DB { return &DB{Cluster: c, Name: d.Name, URL: c.URL(d.Name)} }
