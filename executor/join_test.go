package executor_test

import (
	"fmt"
	"testing"

	"bascule/executor/verify"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// A role that is no superuser, and may create roles, creates the owners that the
// target lacks and gives them what is theirs.
func TestRolesAreCreatedByAPlainRole(t *testing.T) {
	t.Parallel()
	const roles = `
		create role far_group createdb; create role far_owner in role far_group;
		create schema shop authorization far_owner;
		create table shop.a (id int primary key); alter table shop.a owner to far_owner;
		insert into shop.a select generate_series(1, 100);
		create view shop.v as select * from shop.a; alter view shop.v owner to far_owner;
		create schema club authorization far_group; create table club.b (id int); alter table club.b owner to far_group;
		grant select on shop.a to far_group;`
	for _, major := range []int{15, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.Own(t, 15).Database(t, roles), pgtest.Own(t, major).Database(t, "")
			applier, _ := target.Role(t, "createrole")
			target.Exec(t, "grant create on database "+target.Name+" to "+applier)
			c := newCarry(t, source, target, "schema {\nowners = true\nroles = true\nprivileges = true\n}")
			c.targetURL = target.URLAs(applier)
			plan, _, err := c.apply(t.Context(), t)
			if err != nil {
				t.Fatalf("%v\n%s", err, findings(plan))
			}
			c.equal(t, plan, verify.Options{MoreOnTarget: true})
			if got := target.Query1(t, "select pg_get_userbyid(relowner) from pg_class where oid = 'shop.a'::regclass"); got != "far_owner" {
				t.Errorf("the owner is %s", got)
			}
			lost := 0
			for _, f := range plan.Findings {
				if f.Code == "B122" && f.Severity == planner.Warning {
					lost++
				}
			}
			if want := map[int]int{15: 0, 17: 1}[major]; lost != want { // from 16 on nobody gives what he does not have
				t.Errorf("%d warnings of attributes that are lost, want %d\n%s", lost, want, findings(plan))
			}
		})
	}
}
