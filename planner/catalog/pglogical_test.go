package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// What the extension has is read on either side, without a function of its own, and by
// roles that may do little.
func TestReadPglogical(t *testing.T) {
	t.Parallel()
	c := pgtest.Pglogical(t, 15)
	const tables = "create table a (id int primary key, x text, y text); create table b (x int)"
	src, dst := c.Database(t, tables), c.Database(t, tables)
	source, target := src.Conn(t), dst.Conn(t)
	if p, err := catalog.ReadPglogical(t.Context(), source); p != nil || err != nil {
		t.Fatalf("%+v %v", p, err)
	}
	dsn := fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s dbname=", c.Port, c.User, c.Password)
	src.Exec(t, "create extension pglogical; select pglogical.create_node('prod', 'dbname=x')")
	src.Exec(t, `select pglogical.replication_set_add_table('default', 'a', columns := '{id,x}'), pglogical.replication_set_add_table('default_insert_only', 'b', row_filter := 'x > 1')`)
	dst.Exec(t, "create extension pglogical; select pglogical.create_node('next', '"+dsn+dst.Name+"')")
	dst.Exec(t, "select pglogical.create_subscription('s', '"+dsn+src.Name+"', '{default}', false, false, '{}')")

	p, err := catalog.ReadPglogical(t.Context(), source)
	if err != nil || p.Node != "prod" || !p.Readable || !strings.HasPrefix(p.Version, "2.") || len(p.Subscriptions) != 0 {
		t.Fatalf("%+v %v", p, err)
	}
	var sets []string
	for _, s := range p.Sets {
		for _, x := range s.Tables {
			sets = append(sets, fmt.Sprintf("%s %t %s.%s %q %t", s.Name, s.Update, x.Schema, x.Name, x.Columns, x.Filtered))
		}
	}
	if got := strings.Join(sets, "; "); got != `default true public.a ["id" "x"] false; default_insert_only false public.b [] true` {
		t.Errorf("sets: %s", got)
	}

	fares := func(want string) {
		t.Helper()
		pgtest.Eventually(t, func() error {
			p, err := catalog.ReadPglogical(t.Context(), target)
			if err != nil {
				return err
			}
			now, err := catalog.ReadSourceNow(t.Context(), source)
			if err != nil {
				return err
			}
			s := p.Subscription("s")
			if word, _, why := s.Fares(now); word+" "+why != want+" " {
				return fmt.Errorf("it fares %s %s: %+v", word, why, s)
			}
			return nil
		})
	}
	fares(catalog.PglogicalReplicating)
	src.Exec(t, "insert into a values (1, 'x', 'y')")
	dst.Eventually(t, "select x from a", "x")
	if p, err = catalog.ReadPglogical(t.Context(), target); err != nil || p.Subscription("s").Origin == 0 || p.Subscription("s").Provider != "prod" {
		t.Errorf("%+v %v", p, err)
	}
	dst.Exec(t, "select pglogical.alter_subscription_disable('s', true)")
	fares(catalog.PglogicalStopped)

	role, _ := c.Role(t, "")
	plain := open(t, dst.URLAs(role))
	if p, err := catalog.ReadPglogical(t.Context(), plain); err != nil || p.Readable || p.Node != "" {
		t.Errorf("by a plain role: %+v %v", p, err)
	}
	dst.Exec(t, "grant usage on schema pglogical to "+role+"; grant select on all tables in schema pglogical to "+role)
	if p, err := catalog.ReadPglogical(t.Context(), plain); err != nil || !p.Readable || p.Node != "next" || p.Subscription("s").Origin != 0 {
		t.Errorf("by one that may read: %+v %v", p, err)
	}
}

func TestPglogicalFares(t *testing.T) {
	const mega = 1 << 20
	slot := func(confirmed catalog.LSN, active bool, status string) []catalog.Slot {
		return []catalog.Slot{{Name: "pgl", Confirmed: confirmed, Active: active, WALStatus: status}}
	}
	for _, c := range []struct {
		rule    string
		s       catalog.PglogicalSubscription
		slots   []catalog.Slot
		want    string
		explain string
	}{
		{"in step", catalog.PglogicalSubscription{Enabled: true, PID: 1, Synced: true}, slot(100*mega, true, ""), "replicating", ""},
		{"behind", catalog.PglogicalSubscription{Enabled: true, PID: 1, Synced: true}, slot(10*mega, true, ""), "catching up", ""},
		{"starting", catalog.PglogicalSubscription{Enabled: true, PID: 1, Synced: true}, slot(10*mega, false, ""), "starting", ""},
		{"making its slot", catalog.PglogicalSubscription{Enabled: true, PID: 1}, nil, "starting", ""},
		{"no worker", catalog.PglogicalSubscription{Enabled: true, Synced: true}, slot(10*mega, false, ""), "down", ""},
		{"no slot", catalog.PglogicalSubscription{Enabled: true, Synced: true}, nil, "down", "is gone from the source"},
		{"a lost slot", catalog.PglogicalSubscription{Enabled: true, Synced: true}, slot(10*mega, false, "lost"), "down", "is lost"},
		{"disabled", catalog.PglogicalSubscription{Synced: true}, nil, "stopped", ""},
	} {
		c.s.Slot = "pgl"
		word, _, why := c.s.Fares(&catalog.SourceNow{End: 100 * mega, Slots: c.slots})
		if word != c.want || !strings.Contains(why, c.explain) || c.explain == "" && why != "" {
			t.Errorf("%s: %s %q", c.rule, word, why)
		}
	}
}

func TestCauses(t *testing.T) {
	column := func(names ...string) (list []catalog.Column) {
		for _, n := range names {
			list = append(list, catalog.Column{Name: n})
		}
		return list
	}
	sides := func() (*catalog.Database, *catalog.Database) {
		side := func() *catalog.Database {
			return &catalog.Database{Roles: []catalog.RoleFact{{Name: "app"}, {Name: "owner"}},
				Relations: []catalog.Relation{{Schema: "public", Name: "t", Owner: "app", Columns: column("id", "x")}}}
		}
		return side(), side()
	}
	for _, c := range []struct {
		rule string
		edit func(source, target *catalog.Database, set *catalog.PglogicalTable)
		want string
	}{
		{"nothing", func(_, _ *catalog.Database, _ *catalog.PglogicalTable) {}, ""},
		{"no role", func(_, target *catalog.Database, _ *catalog.PglogicalTable) { target.Roles = target.Roles[1:] }, `the target has no role "app"`},
		{"not the owner", func(_, target *catalog.Database, _ *catalog.PglogicalTable) { target.Relations[0].Owner = "owner" }, `role "app" does not own public.t`},
		{"a member of the owner", func(_, target *catalog.Database, _ *catalog.PglogicalTable) {
			target.Relations[0].Owner, target.Roles[0].MemberOf = "owner", []string{"owner"}
		}, ""},
		{"a superuser", func(_, target *catalog.Database, _ *catalog.PglogicalTable) {
			target.Relations[0].Owner, target.Roles[0].Superuser = "owner", true
		}, ""},
		{"no table", func(_, target *catalog.Database, _ *catalog.PglogicalTable) { target.Relations = nil }, "has no table public.t"},
		{"no column", func(source, _ *catalog.Database, _ *catalog.PglogicalTable) {
			source.Relations[0].Columns = column("id", "x", "y")
		}, `has no column "y"`},
		{"one that is not sent", func(source, _ *catalog.Database, set *catalog.PglogicalTable) {
			source.Relations[0].Columns, set.Columns = column("id", "x", "y"), []string{"id", "x"}
		}, ""},
		{"a column that must have a value", func(_, target *catalog.Database, _ *catalog.PglogicalTable) {
			target.Relations[0].Columns = append(column("id", "x"), catalog.Column{Name: "z", NotNull: true})
		}, `column "z"`},
		{"a table of no set", func(_, target *catalog.Database, set *catalog.PglogicalTable) {
			target.Relations, set.Name = nil, "gone"
		}, ""},
	} {
		source, target := sides()
		set := catalog.PglogicalTable{Schema: "public", Name: "t"}
		c.edit(source, target, &set)
		got := catalog.Causes(source, target, []catalog.PglogicalTable{set}, "app")
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s: %q", c.rule, got)
		}
	}
}
