package executor_test

import (
	"fmt"
	"testing"

	"bascule/planner/catalog/pgtest"
)

func TestSeveralMirrors(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15)
	one := server.Database(t, "create table t (id int primary key); insert into t select generate_series(1, 100); create schema b; create table b.u (id int); insert into b.u values (1)")
	two := server.Database(t, "create schema a; create table a.t (id int primary key); insert into a.t select generate_series(1, 50)")
	c := newCarry(t, one, server.Database(t, ""), "")
	third := server.Database(t, "")
	peers := fmt.Sprintf(`
		peer "one" { url = %q }
		peer "two" { url = %q }
		peer "x"   { url = %q }
		peer "y"   { url = %q }
		`, one.URL, two.URL, c.target.URL, third.URL)
	const toX = `
		mirror "one_x" {
			source     = peer.one
			target     = peer.x
			continuous = false
		}`
	const others = `
		mirror "one_y" {
			source     = peer.one
			target     = peer.y
			continuous = false
			tables     = ["b.*"]
		}
		mirror "two_x" {
			source     = peer.two
			target     = peer.x
			continuous = false
		}`
	plan, result, err := c.applyText(t.Context(), t, peers+toX+others)
	if err != nil || len(result.Outcomes) != 3 {
		t.Fatalf("%v\n%s", err, findings(plan))
	}
	rows := "select (select count(*) from t), (select count(*) from a.t), (select count(*) from b.u)"
	if got := c.target.Query(t, rows); got != "100|50|1" {
		t.Errorf("x has %s rows", got)
	}
	if got := third.Query(t, "select (select count(*) from b.u), to_regclass('t')"); got != "1|" {
		t.Errorf("y has %s rows", got)
	}
	if plan, _, err = c.applyText(t.Context(), t, peers+toX+others); err != nil || !plan.Empty() {
		t.Fatalf("a second plan: %v %d", err, len(plan.Changes))
	}
	const ledger = "select string_agg(address, ' ' order by address) from bascule.mirror"
	if _, _, err = c.applyText(t.Context(), t, peers+others); err != nil {
		t.Fatal(err)
	}
	if got := c.target.Query1(t, ledger); got != "mirror.two_x" {
		t.Errorf("the ledger of x has %s", got)
	}
	if _, _, err = c.applyText(t.Context(), t, peers); err != nil {
		t.Fatal(err)
	}
	if got := c.target.Query(t, rows+", to_regnamespace('bascule')"); got != "100|50|1|" {
		t.Errorf("x has %s rows", got)
	}
}

func TestAllDatabasesOfAServer(t *testing.T) {
	t.Parallel()
	from, to := pgtest.Server(t, 15), pgtest.Own(t, 15)
	var list string
	rows := map[string]string{}
	for i := range 3 {
		db := from.Database(t, fmt.Sprintf("create table t (id int); insert into t select generate_series(1, %d)", 10*(i+1)))
		list += fmt.Sprintf("%q, ", db.Name)
		rows[db.Name] = fmt.Sprint(10 * (i + 1))
	}
	c := newCarry(t, from.Database(t, ""), to.Database(t, ""), "")
	text := fmt.Sprintf(`
		locals {
			databases = toset([%s])
		}
		peer "from" {
			for_each = local.databases
			url      = %q
			database = each.key
		}
		peer "to" {
			for_each = local.databases
			url      = %q
			database = each.key
		}
		mirror "all" {
			for_each   = local.databases
			source     = peer.from[each.key]
			target     = peer.to[each.key]
			continuous = false
			schema {
				create_database = true
			}
		}`, list, from.URL("postgres"), to.URL("postgres"))
	plan, result, err := c.applyText(t.Context(), t, text)
	if err != nil || len(result.Outcomes) != 3 {
		t.Fatalf("%v\n%s", err, findings(plan))
	}
	for _, change := range plan.Changes {
		db := &pgtest.DB{Cluster: to, Name: change.Mirror.Options.Database.Name}
		if got := db.Query1(t, "select count(*) from t"); got != rows[db.Name] {
			t.Errorf("%s has %s rows", change.Address, got)
		}
	}
	if plan, _, err := c.applyText(t.Context(), t, text); err != nil || !plan.Empty() {
		t.Errorf("a second plan: %v, %d changes", err, len(plan.Changes))
	}
}
