package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// Everything that decides about a slot or a publication is read, on every version.
func TestReadSlots(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 16, 17, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			db := pgtest.Own(t, major).Database(t, publishedSchema)
			db.Exec(t, `select pg_create_logical_replication_slot('of_test', 'pgoutput')`)
			db.Exec(t, `select pg_create_physical_replication_slot('physical', true)`)
			role, _ := db.Role(t, "")
			slots, publications, err := catalog.ReadSlots(t.Context(), open(t, db.URLAs(role)))
			if err != nil {
				t.Fatal(err)
			}
			if got := describeSlots(slots, db.Name); got != wantSlots {
				t.Errorf("slots:\n%s", got)
			}
			if got := describePublications(publications); got != wantPublications {
				t.Errorf("publications:\n%s", got)
			}
		})
	}
}

func describeSlots(slots []catalog.Slot, database string) string {
	var b strings.Builder
	for _, s := range slots {
		fmt.Fprintf(&b, "%s %q here=%v active=%v confirmed=%v restart=%v %s %d %q temporary=%v failover=%v synced=%v held=%v\n",
			s.Name, s.Plugin, s.Database == database, s.Active, s.Confirmed > 0, s.Restart > 0, s.WALStatus, s.SafeWALSize,
			s.Invalidation, s.Temporary, s.Failover, s.Synced, s.Held > 0)
	}
	return b.String()
}

const wantSlots = `of_test "pgoutput" here=true active=false confirmed=true restart=true reserved -1 "" temporary=false failover=false synced=false held=true
physical "" here=false active=false confirmed=false restart=true reserved -1 "" temporary=false failover=false synced=false held=true
`

func describePublications(list []catalog.Publication) string {
	var b strings.Builder
	for _, p := range list {
		var what []string
		for name, is := range map[string]bool{"insert": p.Insert, "update": p.Update, "delete": p.Delete, "truncate": p.Truncate,
			"root": p.ViaRoot, "all": p.AllTables} {
			if is {
				what = append(what, name)
			}
		}
		slices.Sort(what)
		fmt.Fprintf(&b, "%s %s %v %v\n", p.Name, p.Owner, what, p.Schemas)
		for _, m := range p.Tables {
			fmt.Fprintf(&b, "  %s.%s listed=%v published=%v %v %q\n", m.Schema, m.Name, m.Listed, m.Published, m.Columns, m.Filter)
		}
	}
	return b.String()
}

const publishedSchema = `
	create table plain (id int primary key, a text, b text);
	create table other (id int);
	create table parted (id int primary key) partition by range (id);
	create table part_1 partition of parted for values from (0) to (9);
	create schema s;
	create table s.inside (id int);
	create publication empty;
	create publication inserts for table other with (publish = 'insert, truncate');
	create publication leaves for table parted, plain (id, b) where (id > 3);
	create publication root for table parted with (publish_via_partition_root = true);
	create publication schemas for tables in schema s;
	create publication whole for all tables`

const wantPublications = `empty postgres [delete insert truncate update] []
inserts postgres [insert truncate] []
  public.other listed=true published=true [] ""
leaves postgres [delete insert truncate update] []
  public.part_1 listed=false published=true [] ""
  public.parted listed=true published=false [] ""
  public.plain listed=true published=true [id b] "(id > 3)"
root postgres [delete insert root truncate update] []
  public.parted listed=true published=true [] ""
schemas postgres [delete insert truncate update] [s]
  s.inside listed=false published=true [] ""
whole postgres [all delete insert truncate update] []
  public.other listed=false published=true [] ""
  public.part_1 listed=false published=true [] ""
  public.plain listed=false published=true [] ""
  s.inside listed=false published=true [] ""
`
