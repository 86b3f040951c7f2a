package catalog_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// majors are the versions that tests run on, where they are there.
var majors = []int{15, 16, 17, 18}

func each(t *testing.T, test func(t *testing.T, server *pgtest.Cluster, major int)) {
	t.Parallel()
	for _, major := range majors {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			test(t, pgtest.Server(t, major), major)
		})
	}
}

func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// Everything that Read says of a database with one of each kind, as text. The same
// on all versions, but for what only newer ones have.
func TestReadEveryKind(t *testing.T) {
	each(t, func(t *testing.T, server *pgtest.Cluster, major int) {
		db := server.Database(t, file(t, "objects.sql"))
		other := db.Conn(t) // whose temporary table is there meanwhile
		if _, err := other.Exec(t.Context(), "create temporary table passing (id serial primary key)"); err != nil {
			t.Fatal(err)
		}
		got := read(t, open(t, db.URL), catalog.ReadOptions{})
		golden(t, "objects", render(got))
		if got.Identity.Name != db.Name || got.Version.Major() != major || len(got.Identity.SystemIdentifier) < 10 {
			t.Errorf("identity %+v, version %+v", got.Identity, got.Version)
		}
		if got.LargeObjects.Count != 3 || got.LargeObjects.Bytes <= 0 || got.LargeObjects.Unreadable != 0 {
			t.Errorf("large objects: %+v", got.LargeObjects)
		}
	})
}

// render writes a reading without what differs from run to run: oids, sizes.
func render(db *catalog.Database) string {
	var b strings.Builder
	names := map[uint32]string{}
	for _, s := range db.Schemas {
		fmt.Fprintf(&b, "schema %s %q use=%v create=%v\n", s.Name, s.Extension, s.CanUse, s.CanCreate)
	}
	for _, r := range db.Relations {
		names[r.OID] = r.Schema + "." + r.Name
	}
	for _, x := range db.Indexes {
		names[x.OID] = x.Schema + "." + x.Name
	}
	for _, c := range db.Constraints {
		names[c.OID] = c.Name
	}
	for _, r := range db.Relations {
		renderRelation(&b, r, names)
	}
	for _, x := range db.Indexes {
		fmt.Fprintf(&b, "index %s: unique=%v primary=%v valid=%v clustered=%v identity=%v partitioned=%v parent=%s constraint=%s method=%s statistics=%v\n",
			names[x.OID], x.Unique, x.Primary, x.Valid, x.Clustered, x.ReplicaIdentity, x.Partitioned,
			names[x.Parent], names[x.Constraint], x.Method, x.StatisticsTargets)
	}
	for _, c := range db.Constraints {
		if c.Kind == 'n' { // from 18 on
			continue
		}
		fmt.Fprintf(&b, "constraint %s on %s: %c index=%s referenced=%s validated=%v deferrable=%v deferred=%v parent=%s local=%v\n",
			c.Name, names[c.Table], c.Kind, names[c.Index], names[c.Referenced], c.Validated, c.Deferrable,
			c.Deferred, names[c.Parent], c.Local)
	}
	for _, o := range db.Objects {
		if o.Extension == "" {
			fmt.Fprintf(&b, "object %s %s.%s table=%s super=%v\n", o.Kind, o.Schema, o.Name, names[o.Table], o.NeedsSuperuser)
		}
	}
	for _, e := range db.Extensions {
		fmt.Fprintf(&b, "extension %s in %s relocatable=%v\n", e.Name, e.Schema, e.Relocatable)
	}
	fmt.Fprintf(&b, "privileges %d, role uses %v\n", db.ACLs, db.RoleUses)
	return b.String()
}

func renderRelation(b *strings.Builder, r catalog.Relation, names map[uint32]string) {
	var parents []string
	for _, p := range r.Parents {
		parents = append(parents, names[p])
	}
	fmt.Fprintf(b, "relation %s %c%c am=%s parents=%v partition=%v identity=%c key=%v rls=%v populated=%v triggers=%d typed=%v stored=%v\n",
		names[r.OID], r.Kind, r.Persistence, r.AccessMethod, parents, r.IsPartition, r.ReplicaIdentity, r.HasPrimaryKey,
		r.RowSecurity, r.Populated, r.UserTriggers, r.OfType != 0, r.Bytes > 0 || r.IndexBytes > 0)
	for _, c := range r.Columns {
		fmt.Fprintf(b, "  %d %s %s notnull=%v default=%v identity=%q generated=%q collation=%q binary=%v\n",
			c.Num, c.Name, c.Type, c.NotNull, c.Default, letterOf(c.Identity), letterOf(c.Generated), c.Collation, c.Binary)
	}
	if s := r.Sequence; s != nil {
		fmt.Fprintf(b, "  by %d from %d to %d start %d cache %d cycle=%v owner=%s.%d identity=%v\n",
			s.Increment, s.Min, s.Max, s.Start, s.Cache, s.Cycle, names[s.OwnedBy], s.OwnedByColumn, s.Identity)
	}
}

func letterOf(r rune) string {
	if r == 0 {
		return ""
	}
	return string(r)
}
