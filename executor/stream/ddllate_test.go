package stream_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// holding begins a transaction on the source that has both publications locked.
func (a *auto) holding() *pgx.Conn {
	conn := a.source.Conn(a.t)
	for _, sql := range []string{"begin", "create table first as select 1 as x", "create table second (id int primary key)"} {
		if _, err := conn.Exec(a.t.Context(), sql); err != nil {
			a.t.Fatal(err)
		}
	}
	return conn
}

// Tables that were made while another transaction had made some, and so did not get to
// join their publication, arrive with their rows, whatever is done to them; what leans on
// them in the same transaction finds them.
func TestUndeclaredLate(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table a (id int primary key); insert into a select generate_series(1, 10); create table root (id int primary key) partition by range (id)")
	holder, maker := a.holding(), a.source.Conn(t)
	for _, sql := range []string{
		"create table plain (id int primary key, v text)", "insert into plain values (1, 'x'), (2, 'x')",
		"create table renamed as select * from a", "alter table renamed rename to other", "create table gone as select * from a", "drop table gone",
		"create table changed as select id from a", "alter table changed add n int default 3", "update changed set n = id where id > 5",
		"create table part partition of root for values from (0) to (100)", "insert into root values (7)",
		"begin", "insert into a values (20)", "create table made as select * from a", "insert into made values (21)",
	} {
		runs(t, maker, sql)
	}
	runs(t, holder, "commit")
	for _, sql := range []string{"alter table made add primary key (id)", "create table child as select id from made", "alter table child add foreign key (id) references made",
		"delete from child where id < 3", "commit", "insert into plain values (3, 'x')"} {
		runs(t, maker, sql)
	}
	run := a.run()
	run.catchUp()
	a.sameShapes()
	a.equalNow()
	if got := a.noted.all(); got != "" {
		t.Errorf("noted: %s", got)
	}
	for _, sql := range []string{"update plain set v = 'y' where id > 1", "delete from made where id = 1", "insert into other values (30)", "insert into root values (8)", "update root set id = 9 where id = 7", "alter table changed add primary key (id)", "update changed set n = 0"} {
		runs(t, maker, sql)
	}
	run.catchUp()
	a.sameShapes()
	a.equalNow()
	if got := a.memberNames(); got != "a all id; changed all id; child inserts ; first inserts ; made all id; other inserts ; part all id; plain all id; second all id" {
		t.Error(got)
	}
}

// While the publication stays locked, a table that is yet to join waits, and the stream
// does not for long; it ends when it is told to.
func TestUndeclaredLateWaits(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table a (id int primary key); insert into a select generate_series(1, 10)")
	holder := a.holding()
	a.source.Exec(t, "create table late (id int primary key, v text)")
	a.ddl.LockTimeout = time.Minute
	run := a.run()
	a.source.Eventually(t, "select count(*) > 0 from pg_locks l join pg_stat_activity s using (pid) where not l.granted and s.application_name like 'bascule/app/%'", "t")
	if err := run.end(); err != nil || a.events.count("stream ended before its last batch was acknowledged") > 0 {
		t.Errorf("stopped: %v\n%s", err, a.events)
	}
	a.ddl.LockTimeout = 20 * time.Millisecond
	run = a.run()
	a.source.Exec(t, "insert into late values (1, 'x'); insert into a values (11)")
	a.target.Eventually(t, "select count(*) from a where id = 11", "1")
	if got := a.waits(); got != "late" {
		t.Errorf("waiting: %s", got)
	}
	runs(t, holder, "commit")
	run.catchUp()
	a.source.Exec(t, "update late set v = 'y'; insert into late values (2, 'z')")
	run.catchUp()
	a.equalNow()
	if got := a.memberNames(); got != "a all id; first inserts ; late all id; second all id" {
		t.Error(got)
	}
}
