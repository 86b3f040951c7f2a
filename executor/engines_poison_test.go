package executor_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// What pglogical cannot apply it tries for ever, and nothing behind it arrives. The plan
// says so, and an apply goes on from the same place over our own stream: past what only
// pglogical cannot do, and otherwise it halts there, with the row and the reason. Then the
// mirror is mended as any other: by removing the cause, by taking the table out, by the
// block that says what was run on the source alone, by copying the table again, or
// everything.
func TestPglogicalThatCannotGoOn(t *testing.T) {
	t.Parallel()
	for _, target := range []int{15, 17} {
		t.Run(fmt.Sprint("15 to ", target), func(t *testing.T) {
			if target != 15 {
				long(t)
			}
			t.Parallel()
			cannotGoOn(t, newEngined(t, "pglogical", 15, target, pgtest.Own))
		})
	}
}

func cannotGoOn(t *testing.T, x *engined) {
	t.Helper()
	x.source.Exec(t, "create table due (id int primary key, of int references account)")
	x.applied(t)
	x.equal(t)

	x.poisoned(t, "begin; update account set balance = 1 where id = 9; truncate account cascade; insert into account values (1, 'again', 1); insert into due values (1, 1); commit")
	x.applied(t)
	x.goesOn(t)

	x.target.Exec(t, "alter table account drop column owner")
	x.poisoned(t, "begin; insert into event (what) values ('with it'); insert into account values (2, 'owned', 2); commit")
	x.haltsBy(t, "public.account", "owner")
	x.target.Exec(t, "alter table account add column owner text not null default 'again'")
	x.sentToUs(t)
	x.goesOn(t)

	x.target.Exec(t, "alter table due add check (of <> 2)")
	x.poisoned(t, "begin; insert into event (what) values ('with them'); insert into due values (2, 2); commit")
	x.haltsBy(t, "public.due", "due_of_check")
	x.body += "\nexclude = [\"public.due\"]"
	x.applied(t)
	x.goesOn(t, "public.due")
	x.settled(t)

	x.poisoned(t, "alter table account add column rank int not null default 3; insert into account (id, owner, balance, rank) values (3, 'ranked', 3, 3)")
	x.haltsBy(t, "public.account", "rank")
	x.more += x.printed(t)
	x.applied(t)
	x.goesOn(t, "public.due")
	x.settled(t)

	x.target.Exec(t, "drop table item")
	x.poisoned(t, "begin; insert into event (what) values ('with those'); insert into item (body) values ('lost'); commit")
	x.replaced(t, `mirror.app.table["public.item"]`)
	x.goesOn(t, "public.due")
	x.settled(t)

	if !*longFlag {
		return
	}
	x.target.Exec(t, "alter table account add column note text")
	x.more += block("noted", "alter table public.account add column note text")
	if _, _, err := x.tries(t); err == nil || !strings.Contains(err.Error(), "is down") {
		t.Errorf("applied: %v", err)
	}
	x.haltsBy(t, "note", "already exists")
	x.target.Exec(t, "alter table account drop column note")
	x.applied(t)
	x.goesOn(t, "public.due")
	x.settled(t)

	x.more += block("carried", "alter table public.event add column carried int")
	x.applied(t)
	x.source.Exec(t, "create table later (id int primary key)")
	x.carriedIsRecorded(t)
	x.goesOn(t, "public.due")
	x.settled(t)

	x.target.Exec(t, "drop table item; drop table due") // which refers to what is copied anew
	x.poisoned(t, "insert into item (body) values ('lost again')")
	x.allow = []string{"mirror.app"}
	x.replaced(t, "mirror.app")
	x.goesOn(t, "public.due")
	x.settled(t)
	x.removed(t)
}

// poisoned writes what pglogical cannot apply, with more behind it, and waits until the
// plan says that it is down.
func (x *engined) poisoned(t *testing.T, sql string) {
	t.Helper()
	x.writes(t, sql, "insert into event (what) values ('behind it')")
	pgtest.Eventually(t, func() error {
		plan := x.planned(t)
		if len(plan.Changes) != 1 || !strings.Contains(plan.Changes[0].Reason, "is down") {
			return fmt.Errorf("it is not planned that it is down: %+v", plan.Changes)
		}
		return nil
	})
}

// haltsBy applies, and demands that the mirror then stands still for this table, with a
// text that says this.
func (x *engined) haltsBy(t *testing.T, table, says string) {
	t.Helper()
	_, _, err := x.tries(t)
	if err == nil || !strings.Contains(err.Error(), table) || !strings.Contains(err.Error(), says) {
		t.Errorf("applied: %v", err)
	}
	if halt := x.halt(t); !strings.Contains(halt, table) || !strings.Contains(halt, says) || x.handed(t) {
		t.Errorf("halt %q, handed %t: %v\n%s", halt, x.handed(t), err, x.events)
	}
}

// goesOn demands that pglogical has the mirror again, and that all is there.
func (x *engined) goesOn(t *testing.T, leftOut ...string) {
	t.Helper()
	if !x.handed(t) {
		t.Error("not handed back")
	}
	x.writes(t, "update account set balance = balance + 1; insert into event (what) values ('gone on')")
	x.equal(t, leftOut...)
}
