package crash_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"bascule/planner/catalog/pgtest"
)

// startWriters begins two writers, which run until the function it returns is
// called. Each transaction is one function call.
func startWriters(t *testing.T, db *pgtest.DB) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var all sync.WaitGroup
	for writer := 1; writer <= 2; writer++ {
		conn := db.Conn(t)
		all.Go(func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for {
				if _, err := conn.Exec(t.Context(), "select act($1)", writer); err != nil {
					t.Errorf("writer %d: %v", writer, err)
					return
				}
				select {
				case <-done:
					return
				case <-tick.C:
				}
			}
		})
	}
	return func() {
		close(done)
		all.Wait()
		if n := db.Query1(t, "select sum(n) from tally"); n == "0" {
			t.Error("the writers wrote nothing")
		}
	}
}

// brokenRules returns the rules of the bank that a database breaks.
func brokenRules(t *testing.T, db *pgtest.DB) []string {
	t.Helper()
	var broken []string
	for _, r := range rules {
		if got := db.Query(t, r.sql); got != "" && got != "t" {
			broken = append(broken, fmt.Sprintf("%s: %s", r.name, strings.ReplaceAll(got, "\n", "; ")))
		}
	}
	return broken
}

// bankSchema is a bank: money is moved between three tables, and every transaction
// writes what it did into history, with the number of the other writer's
// transactions that it saw. So the balances follow from history, and history says
// which transactions there must be.
const bankSchema = `
	create table owner (id int primary key, name text not null);
	insert into owner select i, 'owner ' || i from generate_series(1, 100) i;
	create table account_a (id int primary key, owner int not null references owner, balance bigint not null check (balance > -1000000),
		version bigint not null default 0, filler text not null);
	create table account_b (like account_a including all, foreign key (owner) references owner);
	create table account_c (like account_a including all, foreign key (owner) references owner);
	insert into account_a select i, 1 + i % 100, 1000, 0, repeat('a', 90) from generate_series(1, 12000) i;
	insert into account_b select i, 1 + i % 100, 1000, 0, repeat('b', 90) from generate_series(12001, 12500) i;
	insert into account_c select i, 1 + i % 100, 1000, 0, repeat('c', 90) from generate_series(12501, 13000) i;
	create index account_a_owner on account_a (owner);
	create index account_a_filler on account_a (filler text_pattern_ops, id);

	create table parent (id int primary key, children bigint not null, newest bigint);
	create table child (id bigint generated always as identity primary key, parent int not null references parent on delete cascade, note text not null);
	alter table parent add foreign key (newest) references child deferrable initially deferred;
	insert into parent select i, 24, null from generate_series(1, 500) i;
	insert into child (parent, note) select 1 + i % 500, repeat('n', 60) from generate_series(1, 12000) i;
	create index child_parent on child (parent);
	create index child_note on child (note);

	create table tally (writer int primary key, n bigint not null);
	insert into tally values (1, 0), (2, 0);
	create table history (writer int references tally, n bigint, kind text not null, one int, other int, amount bigint not null default 0,
		seen bigint not null, primary key (writer, n)) partition by list (writer);
	create table history_1 partition of history for values in (1);
	create table history_2 partition of history for values in (2);
	create index history_kind on history (kind);

	create function move(account int, amount bigint) returns void language plpgsql as $$
	begin
		execute format('update public.%I set balance = balance + $1, version = version + 1 where id = $2',
			case when account <= 12000 then 'account_a' when account <= 12500 then 'account_b' else 'account_c' end)
			using amount, account;
	end $$;

	create function act(who int) returns void language plpgsql as $$
	declare
		mine bigint;
		theirs bigint;
		kind text := case when random() < 0.6 then 'move' when random() < 0.6 then 'child' else 'drop' end;
		one int;
		other int;
		sum bigint := (random() * 100)::int;
		made bigint;
	begin
		update public.tally set n = n + 1 where writer = who returning n into mine;
		select n into theirs from public.tally where writer = 3 - who;
		if kind = 'move' then
			one := 1 + (random() * 12999)::int;
			other := 12001 + (random() * 999)::int;
			perform public.move(least(one, other), -sum);
			perform public.move(greatest(one, other), sum);
			insert into public.history values (who, mine, kind, least(one, other), greatest(one, other), sum, theirs);
			return;
		end if;
		one := 1 + (random() * 499)::int;
		perform from public.parent where id = one for update;
		if kind = 'child' then
			insert into public.child (parent, note) values (one, repeat('w', 60)) returning id into made;
			update public.parent set children = children + 1, newest = made where id = one;
		else
			delete from public.child where id = (select min(c.id) from public.child c where c.parent = one)
				and id is distinct from (select newest from public.parent where id = one);
			if found then
				update public.parent set children = children - 1 where id = one;
			else
				kind := 'none';
			end if;
		end if;
		insert into public.history values (who, mine, kind, one, null, 0, theirs);
	end $$;

	create view account as select 'a' as branch, * from account_a union all select 'b', * from account_b union all select 'c', * from account_c;
	create materialized view wealth as select branch, sum(balance) as total from account group by branch;
	create unique index wealth_branch on wealth (branch);`

// rules hold in every view of the bank. Each query returns no row, or t.
var rules = []struct{ name, sql string }{
	{"money is neither made nor lost", `select sum(balance) = 13000 * 1000 from account`},
	{"all accounts are there", `select count(*) = 13000 from account`},
	{"balances follow from history", `
		select a.id, a.balance, a.version from account a
		left join (
			select id, sum(amount) as amount, count(*) as n
			from (select one, -amount from history where kind = 'move' union all select other, amount from history where kind = 'move') m (id, amount)
			group by id) h on h.id = a.id
		where a.balance <> 1000 + coalesce(h.amount, 0) or a.version <> coalesce(h.n, 0)
		order by a.id limit 5`},
	{"history has no gap", `
		select t.writer, t.n, count(h.n), max(h.n) from tally t left join history h using (writer)
		group by t.writer, t.n having count(h.n) <> t.n or coalesce(max(h.n), 0) <> t.n order by 1`},
	{"what was seen is there", `
		select h.writer, h.n, h.seen, t.n from history h join tally t on t.writer = 3 - h.writer where h.seen > t.n order by 1, 2 limit 5`},
	{"parents know the number of their children", `
		select p.id, p.children, count(c.id) from parent p left join child c on c.parent = p.id
		group by p.id having p.children <> count(c.id) order by p.id limit 5`},
	{"children follow from history", `
		select count(*) = 12000 + (select count(*) filter (where kind = 'child') - count(*) filter (where kind = 'drop') from history) from child`},
	{"the newest child is one", `select p.id, newest from parent p left join child c on c.id = p.newest and c.parent = p.id where newest is not null and c.id is null order by 1 limit 5`},
	{"every child has its parent", `select c.id from child c left join parent p on p.id = c.parent where p.id is null order by 1 limit 5`},
	{"every account has its owner", `select a.id from account a left join owner o on o.id = a.owner where o.id is null order by 1 limit 5`},
	{"the sequence is past all values", `select last_value >= (select max(id) from child) from child_id_seq`},
}
