package verify_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/verify"
	"bascule/planner/catalog/pgtest"
)

const scoped = `
	create schema archive;
	create table public.events (id serial primary key, raw text, kind text default 'k' not null, tenant int, check (tenant > 0), unique (kind, id), check (raw <> ''));
	create index on events (raw); create index on events (tenant);
	create table public.events_2 (id int primary key references events, e events);
	create function of(events) returns int language sql as 'select 1';
	insert into events (raw, kind, tenant) select 'r' || i, 'k' || i, 1 + i % 3 from generate_series(1, 30) i;
	insert into events_2 values (1), (2);
	comment on column events.raw is 'raw'; comment on index events_pkey is 'key';
	create table "Odd "".""" (a int); insert into "Odd "".""" values (1);
	create table other (a int); insert into other values (1);
	create function other_f() returns int language sql return (select max(a) from other);`

func TestATableThatMoves(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, scoped)
	target.Exec(t, scoped+`
		alter table events drop column raw; alter table events set schema archive; alter table archive.events rename to "Events";
		delete from events_2; delete from archive."Events" where tenant <> 2;
		alter table events_2 drop constraint events_2_id_fkey;`)
	events := verify.Table{Schema: "public", Name: "events", TargetSchema: "archive", TargetName: "Events", ExcludeColumns: []string{"raw"}, Where: "tenant = 2 -- two"}
	for _, c := range []struct {
		rule string
		opts verify.Options
		want string
	}{
		{"all else", verify.Options{Tables: []verify.Table{events}, Owners: true, Privileges: true},
			"constraint public.events_2 events_2_id_fkey: missing on the target\nrows public.events_2: 2 on the source, 0 on the target"},
		{"only that", verify.Options{Tables: []verify.Table{events}, Only: true}, ""},
		{"only that and another", verify.Options{Tables: []verify.Table{events, {Schema: "public", Name: `Odd "."`}}, Only: true}, ""},
		{"only the other", verify.Options{Tables: []verify.Table{{Schema: "public", Name: "events_2"}}, Only: true, CountRows: true},
			"column public.events_2.e: type: \"public.events\" on the source, \"archive.\\\"Events\\\"\" on the target\nconstraint public.events_2 events_2_id_fkey: missing on the target\nrows public.events_2: 2 on the source, 0 on the target"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			same(t, compare(t, source, target, c.opts), c.want)
		})
	}
}

func TestWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, scoped)
	target.Exec(t, scoped+"drop function other_f(); drop table other; create table mine (a int); update events set kind = 'x'")
	var left []verify.Object
	for _, o := range []string{"'pg_class'::regclass::oid, 'other'::regclass::oid", "'pg_proc'::regclass::oid, 'other_f'::regproc::oid"} {
		var l verify.Object
		if err := source.Conn(t).QueryRow(t.Context(), "select "+o).Scan(&l.Class, &l.OID); err != nil {
			t.Fatal(err)
		}
		left = append(left, l)
	}
	same(t, compare(t, source, target, verify.Options{LeftOut: left, MoreOnTarget: true}), "rows public.events: 30 on both, with other content")
	same(t, compare(t, source, target, verify.Options{LeftOut: left, MoreOnTarget: true, CountRows: true}), "")
	same(t, compare(t, source, target, verify.Options{LeftOut: left, SkipRows: true}),
		"column public.mine.a: only on the target\ntable public.mine: only on the target")
}

func TestSessionsAreAsBefore(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "create table a (t timestamptz); insert into a values ('2024-01-01 00:00+00')")
	target.Exec(t, "create table a (t timestamptz); insert into a values ('2024-01-01 00:00+00')")
	s, d := source.Conn(t), target.Conn(t)
	if _, err := s.Exec(t.Context(), "set timezone = 'Asia/Tokyo'; set datestyle = 'German'"); err != nil {
		t.Fatal(err)
	}
	r, err := verify.Compare(t.Context(), s, d, verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, r, "")
	var zone string
	if err := s.QueryRow(t.Context(), "show timezone").Scan(&zone); err != nil || zone != "Asia/Tokyo" || s.PgConn().TxStatus() != 'I' {
		t.Errorf("%s, %v", zone, err)
	}
}

func TestATableThatCannotBeRead(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "create table a (id int); create table b (id int)")
	target.Exec(t, "create table a (id int); create table b (id int)")
	role, _ := target.Role(t, "")
	target.Exec(t, "grant select on a to "+role)
	conn, err := pgx.Connect(t.Context(), target.URLAs(role))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	_, err = verify.Compare(t.Context(), source.Conn(t), conn, verify.Options{})
	if err == nil || err.Error() != `target: rows of public.b: ERROR: permission denied for table b (SQLSTATE 42501)` {
		t.Errorf("got %v", err)
	}
}
