-- Every kind of thing that a PostgreSQL 15 database can hold, each with rows.
--
-- It loads as a superuser into an empty UTF8 database with psql -v ON_ERROR_STOP=1,
-- or whole through the simple protocol, and more than once on a server: its roles,
-- which are the server's, are made when they are missing. It is one file although
-- it is long, for a driver cannot include another. Nothing in it is random or reads
-- the clock, so that two loads are equal.
--
-- What it leaves out, and why: temporary objects (no other session sees them),
-- subscriptions (a database that has one cannot be dropped), security labels (no
-- provider is packaged), configuration tables of extensions (no contrib extension
-- has one), tablespaces (they need a folder). What pg_dump's own restore cannot
-- bring back is in search_path.sql.

set client_min_messages = error; -- outside of a transaction the commits below only warn
set timezone = 'UTC';

-- ---------------------------------------------------------------- roles

do $$
declare
	r text;
begin
	foreach r in array array['fx_owner', 'fx_writer', 'fx_reader', 'fx_group', 'fx Ähm "quoted"'] loop
		begin
			execute format('create role %I', r);
		exception when duplicate_object or unique_violation then null;
		end;
	end loop;
	begin
		if not pg_has_role('fx_reader', 'fx_group', 'member') then
			grant fx_group to fx_reader;
		end if;
	exception when others then null; -- another load did it just now
	end;
end
$$;

-- ---------------------------------------------------------------- the database

do $$
declare
	db text := current_database();
begin
	execute format('comment on database %I is %L', db, E'everything, it''s all here\n\\ second line');
	execute format('alter database %I set search_path = fx, "Mixed Case", public', db);
	execute format('alter database %I set default_statistics_target = 250', db);
	execute format('alter database %I set datestyle = %L', db, 'German, DMY');
	execute format('alter database %I set fx.custom = %L', db, 'a, b''c');
	execute format('alter role fx_reader in database %I set work_mem = %L', db, '7MB');
	execute format('alter role fx_reader in database %I set search_path = public, fx', db);
	execute format('grant connect, create on database %I to fx_owner', db);
	execute format('grant temporary on database %I to fx_reader with grant option', db);
end
$$;

-- ---------------------------------------------------------------- schemas

create schema fx authorization fx_owner;
create schema "Mixed Case";
create schema "shop.eu";
create schema extensions;
create schema "empty""schema";
comment on schema fx is 'most of it';
comment on schema public is 'not the comment that every database has';
grant usage on schema fx to fx_reader, fx_writer, "fx Ähm ""quoted""";
grant usage, create on schema fx to fx_owner with grant option;
grant usage on schema "Mixed Case" to public;

-- default privileges, made before the objects that they act on
alter default privileges for role fx_owner in schema fx grant select on tables to fx_reader;
alter default privileges for role fx_owner in schema fx grant usage on sequences to fx_reader with grant option;
alter default privileges for role fx_owner revoke execute on functions from public;
alter default privileges for role fx_owner grant usage on types to fx_writer;
alter default privileges for role fx_owner grant usage on schemas to fx_group;

-- ---------------------------------------------------------------- extensions

create extension hstore schema extensions;
create extension citext schema extensions;
create extension pg_trgm schema extensions;
create extension btree_gist schema public;
create extension btree_gin schema extensions;
create extension ltree schema extensions;
create extension bloom schema extensions;
create extension cube schema extensions;
create extension isn schema extensions;
create extension lo schema extensions;
create extension postgres_fdw schema extensions;
create extension file_fdw schema extensions;
create extension "uuid-ossp" schema extensions version '1.1';
comment on extension citext is 'a comment of our own';

-- ---------------------------------------------------------------- types

create type fx.mood as enum ('sad', 'happy');
alter type fx.mood add value 'ok' before 'happy';
alter type fx.mood add value 'ecstatic' after 'happy';
alter type fx.mood add value 'grumpy' before 'sad';
alter type fx.mood rename value 'sad' to 'very sad';
commit; -- in one transaction with its making a label cannot be used
create type fx.nothing as enum ();

create type fx.point3 as (x double precision, y double precision, z double precision);
create type fx.address as (street text collate "C", number integer, at fx.point3, moods fx.mood[]);
create type fx.shrunk as (a integer, gone text, b integer);
alter type fx.shrunk drop attribute gone;
alter type fx.shrunk add attribute c date;
create type fx.hollow as ();

create domain fx.percent as numeric(5,2) default 50 not null
	constraint percent_low check (value >= 0) constraint percent_high check (value <= 100);
create domain fx.code as character varying(12) collate "C" check (value ~ '^[A-Z]+$' and value in ('A', 'BB', 'CCC'));
create domain fx.codes as fx.code[] check (array_length(value, 1) < 4);
create domain fx.place as fx.address check ((value).number > 0);
create domain fx.old_percent as integer;
comment on domain fx.percent is 'zero to a hundred';
comment on constraint percent_low on domain fx.percent is 'not less than nothing';
comment on type fx.mood is 'how it is';
comment on column fx.address.street is 'a column of a type';

create function fx.float_distance(double precision, double precision) returns double precision
	language sql immutable strict return $1 - $2;
create type fx.span as range (subtype = double precision, subtype_diff = fx.float_distance, multirange_type_name = fx.spans);
create type fx.letters as range (subtype = text, collation = "C");

create type fx.shell;

-- a base type that works like integer, with an ordering of its own
create type fx.rank;
create function fx.rank_in(cstring) returns fx.rank language internal immutable strict parallel safe as 'int4in';
create function fx.rank_out(fx.rank) returns cstring language internal immutable strict parallel safe as 'int4out';
create function fx.rank_recv(internal) returns fx.rank language internal immutable strict parallel safe as 'int4recv';
create function fx.rank_send(fx.rank) returns bytea language internal immutable strict parallel safe as 'int4send';
create type fx.rank (input = fx.rank_in, output = fx.rank_out, receive = fx.rank_recv, send = fx.rank_send,
	like = integer, category = 'N', preferred = false, default = '7', delimiter = ';');
create function fx.rank_lt(fx.rank, fx.rank) returns boolean language internal immutable strict as 'int4lt';
create function fx.rank_le(fx.rank, fx.rank) returns boolean language internal immutable strict as 'int4le';
create function fx.rank_eq(fx.rank, fx.rank) returns boolean language internal immutable strict as 'int4eq';
create function fx.rank_ne(fx.rank, fx.rank) returns boolean language internal immutable strict as 'int4ne';
create function fx.rank_ge(fx.rank, fx.rank) returns boolean language internal immutable strict as 'int4ge';
create function fx.rank_gt(fx.rank, fx.rank) returns boolean language internal immutable strict as 'int4gt';
create function fx.rank_cmp(fx.rank, fx.rank) returns integer language internal immutable strict as 'btint4cmp';
create function fx.rank_hash(fx.rank) returns integer language internal immutable strict as 'hashint4';
create function fx.rank_eq_int(fx.rank, integer) returns boolean language internal immutable strict as 'int4eq';

create operator fx.< (leftarg = fx.rank, rightarg = fx.rank, function = fx.rank_lt, commutator = operator(fx.>),
	negator = operator(fx.>=), restrict = scalarltsel, join = scalarltjoinsel);
create operator fx.<= (leftarg = fx.rank, rightarg = fx.rank, function = fx.rank_le, commutator = operator(fx.>=), negator = operator(fx.>));
create operator fx.= (leftarg = fx.rank, rightarg = fx.rank, function = fx.rank_eq, commutator = operator(fx.=),
	negator = operator(fx.<>), restrict = eqsel, join = eqjoinsel, hashes, merges);
create operator fx.<> (leftarg = fx.rank, rightarg = fx.rank, function = fx.rank_ne, commutator = operator(fx.<>), negator = operator(fx.=));
create operator fx.>= (leftarg = fx.rank, rightarg = fx.rank, function = fx.rank_ge);
create operator fx.> (leftarg = fx.rank, rightarg = fx.rank, function = fx.rank_gt);
create operator fx.= (leftarg = fx.rank, rightarg = integer, function = fx.rank_eq_int);
create operator fx.!! (rightarg = bigint, function = pg_catalog.int8um);
comment on operator fx.= (fx.rank, fx.rank) is 'the same rank';
comment on operator fx.!! (none, bigint) is 'a prefix operator';

create operator family fx.rank_ops using btree;
create operator class fx.rank_ops default for type fx.rank using btree family fx.rank_ops as
	operator 1 fx.<, operator 2 fx.<=, operator 3 fx.=, operator 4 fx.>=, operator 5 fx.>, function 1 fx.rank_cmp(fx.rank, fx.rank);
create operator class fx.rank_hash_ops default for type fx.rank using hash as
	operator 1 fx.=, function 1 fx.rank_hash(fx.rank);
create operator family fx.mixed_ops using btree;
alter operator family fx.mixed_ops using btree add
	operator 1 < (integer, bigint), operator 3 = (integer, bigint), function 1 (integer, bigint) btint48cmp(integer, bigint);
create function fx.int_backwards(integer, integer) returns integer language sql immutable strict as 'select btint4cmp($2, $1)';
create operator class fx.backwards for type integer using btree as
	operator 1 >, operator 2 >=, operator 3 =, operator 4 <=, operator 5 <, function 1 fx.int_backwards(integer, integer);
comment on operator class fx.rank_ops using btree is 'ranks in order';
comment on operator family fx.mixed_ops using btree is 'across types';

create function fx.mood_to_int(fx.mood) returns integer language sql immutable strict as
	'select pg_catalog.array_position(pg_catalog.enum_range(null::fx.mood), $1)';
create cast (fx.mood as integer) with function fx.mood_to_int(fx.mood) as assignment;
create cast (fx.rank as integer) without function as implicit;
create cast (integer as fx.rank) without function;
create cast (fx.point3 as text) with inout;
comment on cast (fx.mood as integer) is 'its place in the list';

-- ---------------------------------------------------------------- collations, conversions, languages, access methods

create collation fx.german (provider = libc, locale = 'C');
create collation fx.numeric_order (provider = icu, locale = 'und-u-kn-true');
create collation fx.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create collation "Mixed Case"."Copy of C" from "C";
comment on collation fx.any_case is 'a = A';

create conversion fx.latin for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create default conversion fx.latin_back for 'UTF8' to 'LATIN1' from utf8_to_iso8859_1;
comment on conversion fx.latin is 'like the one built in';

create function fx.fxlang_call() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
create function fx.fxlang_inline(internal) returns void language c as '$libdir/plpgsql', 'plpgsql_inline_handler';
create function fx.fxlang_check(oid) returns void language c as '$libdir/plpgsql', 'plpgsql_validator';
create trusted language fxlang handler fx.fxlang_call inline fx.fxlang_inline validator fx.fxlang_check;
comment on language fxlang is 'plpgsql by another name';
grant usage on language fxlang to fx_writer;

create access method fx_heap type table handler heap_tableam_handler;
create access method fx_gist type index handler gisthandler;
create operator class fx.box_ops default for type box using fx_gist as
	operator 1 <<, operator 2 &<, operator 3 &&, operator 4 &>, operator 5 >>, operator 6 ~=, operator 7 @>, operator 8 <@,
	function 1 gist_box_consistent(internal, box, smallint, oid, internal), function 2 gist_box_union(internal, internal),
	function 5 gist_box_penalty(internal, internal, internal), function 6 gist_box_picksplit(internal, internal), function 7 gist_box_same(box, box, internal);
comment on access method fx_heap is 'heap by another name';

create transform for fx.rank language sql
	(from sql with function prsd_lextype(internal), to sql with function fx.rank_recv(internal));

-- ---------------------------------------------------------------- text search

create text search parser fx.parser (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype, headline = prsd_headline);
create text search template fx.template (init = dsimple_init, lexize = dsimple_lexize);
create text search dictionary fx.stopless (template = fx.template, accept = true);
create text search dictionary fx.stems (template = pg_catalog.snowball, language = 'german', stopwords = 'german');
create text search configuration fx.german (parser = fx.parser);
alter text search configuration fx.german add mapping for asciiword, word with fx.stems, fx.stopless;
alter text search configuration fx.german add mapping for numword, email with fx.stopless;
create text search configuration fx.english_copy (copy = pg_catalog.english);
comment on text search configuration fx.german is 'words';
comment on text search dictionary fx.stems is 'word stems';
comment on text search parser fx.parser is 'the default by another name';
comment on text search template fx.template is 'simple by another name';

-- ---------------------------------------------------------------- sequences

create sequence fx.plain_sequence;
select setval('fx.plain_sequence', 4711);
create sequence fx.never_called start 17;
create sequence fx.set_not_called;
select setval('fx.set_not_called', 99, false);
create sequence fx.downwards as smallint increment -3 minvalue -300 maxvalue 30 start 30 cycle;
select nextval('fx.downwards'), nextval('fx.downwards');
create sequence fx.at_the_end minvalue -5 maxvalue 5 start 5 cycle cache 1;
select nextval('fx.at_the_end');
create sequence fx.cached as bigint increment 10 cache 20 maxvalue 9223372036854775807;
select nextval('fx.cached');
create unlogged sequence fx.unlogged_sequence;
select nextval('fx.unlogged_sequence'), nextval('fx.unlogged_sequence');
create sequence "Mixed Case"."Seq.with ""quotes""" start 5;
select nextval('"Mixed Case"."Seq.with ""quotes"""');
alter sequence fx.plain_sequence owner to fx_owner;
grant usage, select on sequence fx.plain_sequence to fx_reader with grant option;
comment on sequence fx.plain_sequence is 'counts';

-- ---------------------------------------------------------------- tables

create table fx.colours (
	id integer generated always as identity (start with 100 increment by 5) primary key,
	label text not null unique,
	mood fx.mood default 'happy',
	shade fx.percent
);
insert into fx.colours (label, mood) values ('red', 'grumpy'), ('green', 'ok'), ('blue', 'ecstatic'), (E'tab\there', null);
insert into fx.colours (id, label, mood, shade) overriding system value values (-1, 'chosen by hand', 'very sad', 0.01);
alter table fx.colours owner to fx_owner;
comment on table fx.colours is E'a table\nwith two lines';
comment on column fx.colours.label is 'what it''s called';
grant select, insert (label, mood), update (mood) on fx.colours to fx_writer;
grant select (id, label) on fx.colours to fx_reader with grant option;
grant select on fx.colours to fx_group with grant option;
set session authorization fx_group;
set session authorization default;

create table fx.people (
	id serial primary key,
	code bigserial,
	tiny smallserial,
	name character varying(40) collate "C" not null,
	nick extensions.citext unique,
	status character varying(10) default 'new' constraint people_status check (status in ('new', 'old', 'gone')),
	boss integer references fx.people on delete set null on update cascade deferrable initially deferred,
	favourite integer default 100 constraint likes references fx.colours (id) match full on delete set default,
	born date,
	weight numeric(6,2) check (weight > 0) no inherit,
	full_name text generated always as (upper(name) || ' (' || coalesce(status, '?') || ')') stored,
	tags text[] default array['a', 'b''c'],
	extra jsonb default '{"a": [1, 2, null]}',
	made timestamp with time zone default '2024-02-29 12:00:00.123456+00',
	constraint grown check (born < '2020-01-01' and name <> ''),
	constraint people_pair unique (name, status) include (born) with (fillfactor = 80)
) with (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false, parallel_workers = 2);
insert into fx.people (name, nick, boss, status, born, weight, favourite)
	select 'name ' || i, 'Nick' || i, case when i > 1 then i / 2 end, (array['new', 'old', 'gone'])[1 + i % 3],
		date '1950-01-01' + i * 37, i + 0.25, 100 + 5 * (i % 4)
	from generate_series(1, 300) i;
commit; -- no table is altered while a deferred constraint waits
alter table fx.people alter column name set statistics 333;
alter table fx.people alter column born set (n_distinct = -0.5);
alter table fx.people alter column extra set storage external;
alter table fx.people alter column tags set storage main;
alter table fx.people alter column made set storage plain;
alter table fx.people alter column extra set compression pglz;
alter sequence fx.people_code_seq cycle maxvalue 100000;
create index people_born on fx.people (born desc nulls last, lower(name) text_pattern_ops) include (status) where status <> 'gone';
alter index fx.people_born alter column 2 set statistics 77;
create index people_made on fx.people using brin (made timestamptz_minmax_multi_ops (values_per_range = 16)) with (pages_per_range = 4, autosummarize = on);
create index people_tags on fx.people using gin (tags, extra jsonb_path_ops) with (fastupdate = off);
create index people_trgm on fx.people using gist (full_name extensions.gist_trgm_ops (siglen = 32));
create index people_hash on fx.people using hash (nick) with (fillfactor = 60);
create index people_bloom on fx.people using bloom (id, favourite) with (length = 80, col1 = 2);
create index people_spgist on fx.people using spgist (full_name);
create unique index people_expression on fx.people ((id % 1000), (extra ->> 'a'), code);
create index people_collated on fx.people (name collate fx.numeric_order desc, full_name collate "C" text_pattern_ops);
create index "People ""quoted"" ünïcode" on fx.people (id, code);
alter table fx.people cluster on people_pair;
create statistics fx.people_stats (ndistinct, dependencies, mcv) on status, favourite, boss from fx.people;
create statistics fx.people_expr on (extract(year from born)), lower(name) from fx.people;
create statistics fx.people_one on (id % 7) from fx.people;
alter statistics fx.people_stats set statistics 321;
alter statistics fx.people_stats owner to fx_owner;
comment on statistics fx.people_stats is 'they go together';
comment on constraint people_status on fx.people is 'three of them';
comment on index fx.people_born is 'by age';
alter table fx.people owner to "fx Ähm ""quoted""";
grant all on fx.people to fx_writer with grant option;
revoke delete, truncate on fx.people from fx_writer;
set session authorization fx_writer;
grant select, update on fx.people to fx_reader;
reset session authorization;

-- unique and exclusion constraints of all sorts, replica identities
create table fx.keys (
	a integer,
	b text,
	c integer unique nulls not distinct,
	during tstzrange not null default '[2024-01-01,2024-02-01)',
	room integer,
	d integer constraint keys_d unique deferrable initially deferred,
	e integer constraint keys_e unique deferrable initially immediate,
	primary key (b, a) include (c) deferrable,
	constraint no_overlap exclude using gist (room with =, during with &&) where (room > 0) deferrable initially deferred,
	exclude using btree (e with =) include (d)
);
insert into fx.keys select i, 'b' || i, i, tstzrange(timestamptz '2024-01-01 00:00+00' + i * interval '1 day', timestamptz '2024-01-02 00:00+00' + i * interval '1 day'), i % 5, -i, i * 2
	from generate_series(1, 20) i;
insert into fx.keys (a, b, room) values (0, '', null);
commit;
create unique index keys_identity on fx.keys (a, b);
alter table fx.keys replica identity using index keys_identity;
create table fx.identity_full (a json, b point, c xml);
insert into fx.identity_full values ('{"a":1, "a":2}', '(1,2)', '<a>b</a>'), (null, null, null);
insert into fx.identity_full values ('{"a":1, "a":2}', '(1,2)', '<a>b</a>');
alter table fx.identity_full replica identity full;
create table fx.identity_nothing (id integer primary key);
insert into fx.identity_nothing values (1);
alter table fx.identity_nothing replica identity nothing;

-- constraints that rows of before violate
create table fx.not_valid (id integer primary key, parent integer, age integer);
insert into fx.not_valid values (1, 99, -5), (2, 1, 20), (3, null, null);
alter table fx.not_valid add constraint adult check (age >= 18) not valid;
alter table fx.not_valid add constraint parent_exists foreign key (parent) references fx.not_valid not valid;
create domain fx.even as integer;
create table fx.even_numbers (n fx.even);
insert into fx.even_numbers values (1), (2);
alter domain fx.even add constraint is_even check (value % 2 = 0) not valid;

-- a circle of foreign keys
create table fx.chicken (id integer primary key, from_egg integer not null);
create table fx.egg (id integer primary key, from_chicken integer not null references fx.chicken on delete restrict deferrable initially deferred);
with e as (insert into fx.egg values (10, 1), (20, 2)) insert into fx.chicken values (1, 20), (2, 10);
alter table fx.chicken add constraint egg_first foreign key (from_egg) references fx.egg on delete cascade on update no action deferrable;
create table fx.triple (x integer, y integer, z integer, primary key (x, y));
create table fx.refers (p integer, q integer, r integer,
	constraint partial_null foreign key (p, q) references fx.triple on delete set null (q) on update set null,
	constraint some_default foreign key (q, r) references fx.triple (x, y) match simple on delete set default (r));
insert into fx.triple select i, i + 1, i + 2 from generate_series(1, 9) i;
insert into fx.refers values (1, 2, 3), (null, 5, null), (4, null, 1);

-- odd tables
create table fx.no_columns ();
insert into fx.no_columns default values;
insert into fx.no_columns default values;
insert into fx.no_columns default values;
create table fx.only_generated (g integer generated always as (42) stored, h text generated always as ('h') stored);
insert into fx.only_generated default values;
insert into fx.only_generated default values;
create table fx.one_dropped (gone integer);
insert into fx.one_dropped values (1), (2);
alter table fx.one_dropped drop column gone;
create table fx.dropped (a integer, b text, c integer, d text default 'd', e integer);
insert into fx.dropped values (1, 'b', 3, 'd', 5), (6, 'seven', 8, 'nine', 10);
alter table fx.dropped drop column a, drop column d;
alter table fx.dropped add column f timestamp default '2001-02-03 04:05:06.789', add column c2 integer generated always as (c * 2) stored;
insert into fx.dropped values (null, null, null, '-infinity');
alter table fx.dropped rename column e to "E";
create table fx.fast_default (id integer);
insert into fx.fast_default values (1), (2);
alter table fx.fast_default add column added text default 'there before' not null, add column nothing text;
alter table fx.fast_default alter column added set default 'later';
insert into fx.fast_default values (3);
create table fx.typed of fx.shrunk (a with options primary key, b with options default 5 not null);
insert into fx.typed values (1, 2, '2020-02-02'), (3, default, null);
create table fx.own_heap (id integer, t text) using fx_heap;
insert into fx.own_heap values (1, 'in a heap by another name');
create unlogged table fx.unlogged (id integer generated by default as identity (sequence name fx.unlogged_numbers maxvalue 500), t text);
insert into fx.unlogged (t) select 'row ' || i from generate_series(1, 50) i;
create table fx.ranked (r fx.rank primary key, s fx.rank[] default '{1;2}');
insert into fx.ranked (r) values ('3'), ('1'), ('2');
create index ranked_hash on fx.ranked using hash (r);
create index ranked_backwards on fx.identity_nothing (id fx.backwards);
create table fx.wide_oid (id integer primary key, doc extensions.lo);
create table fx.ddl_log (n integer generated always as identity, tag text);
insert into fx.ddl_log (tag) values ('the fixture itself');
create function fx.greeting(who text default 'you') returns text language plpgsql stable as $$ begin return 'hello ' || who; end $$;
create table fx.defaults (
	id integer default nextval('fx.plain_sequence') primary key,
	moment timestamp with time zone default now(),
	who name default current_user,
	random double precision default random(),
	mood fx.mood default ('very ' || 'sad')::fx.mood,
	word text default fx.greeting('default')
);
insert into fx.defaults values (1, 'epoch', 'someone', 0.5, 'ok', 'hello');

-- names
create table "Mixed Case"."Table with ""quotes"" and . dot" ("Id" integer primary key, "select" text, "new
line" integer check ("new
line" > 0), "ünïcödé 日本" text default 'ß', "a.b" integer generated always as identity, "tab	in" integer, "back\slash" integer, "$1" integer, "it's" integer);
insert into "Mixed Case"."Table with ""quotes"" and . dot" ("Id", "select", "new
line", "it's") values (1, 'x', 1, 2), (2, E'y\\.\n\\N', 5, null);
create index "Index with ""quotes""
and newline" on "Mixed Case"."Table with ""quotes"" and . dot" ("new
line", "ünïcödé 日本");
create table "Mixed Case"."line
break" (a integer);
insert into "Mixed Case"."line
break" values (7);
comment on table "Mixed Case"."line
break" is 'a name with a newline; drop table x; --';
create table fx.this_name_is_as_long_as_any_name_can_be_sixty_three_bytes_long_ (
	this_column_is_as_long_as_any_name_can_be_sixty_three_bytes_lon integer primary key);
insert into fx.this_name_is_as_long_as_any_name_can_be_sixty_three_bytes_long_ values (63);
create table "shop.eu".orders (id integer primary key, note text);
create table public.orders (id integer primary key references "shop.eu".orders, note integer);
create table "Mixed Case"."Orders" (id integer primary key references public.orders);
insert into "shop.eu".orders select i, 'eu ' || i from generate_series(1, 10) i;
insert into public.orders select i, i from generate_series(1, 5) i;
insert into "Mixed Case"."Orders" values (1);
create table public."order" ("user" integer, "table" text, "%s" text, "*" text);
insert into public."order" values (1, 'a', '%d', '*');

-- ---------------------------------------------------------------- values

create table fx.numbers (
	n integer primary key, i2 smallint, i4 integer, i8 bigint, num numeric, num2 numeric(20,5), num3 numeric(3,-2), f4 real, f8 double precision, cash money, o oid, b boolean);
insert into fx.numbers values
	(1, -32768, -2147483648, -9223372036854775808, 'NaN', -99999.99999, -99900, 'NaN', 'NaN', '-92233720368547758.08', 0, true),
	(2, 32767, 2147483647, 9223372036854775807, 'Infinity', 99999.00001, 12300, 'Infinity', '-Infinity', '92233720368547758.07', 4294967295, false),
	(3, 0, 0, 0, '-Infinity', 0, 0, '-0', '-0', '0', 1, null),
	(4, 1, 1, 1, 1e-1000, 0.00001, 100, 1e-45, 4.9e-324, '0.01', 2, true),
	(5, 2, 2, 2, 12345678901234567890123456789012345678901234567890.000100, 1, 0, 3.4028235e38, 1.7976931348623157e308, '1', 3, true),
	(6, 3, 3, 3, 0.1, 0.1, 0, 0.1, 0.30000000000000004, '1.10', 4, false),
	(7, null, null, null, null, null, null, null, null, null, null, null);
create table fx.moments (n integer primary key, d date, t time, tz time with time zone, ts timestamp, tstz timestamp with time zone, i interval, t0 time(0), ts3 timestamp(3), iy interval year to month, is2 interval second(2));
insert into fx.moments values
	(1, '-infinity', '00:00', '00:00+15:59', '-infinity', '-infinity', '-178000000 years', '23:59:59', '2000-01-01 00:00:00.999', '1 year 2 mons', '1.25'),
	(2, 'infinity', '24:00:00', '23:59:59.999999-15:59', 'infinity', 'infinity', '178000000 years', '24:00:00', 'infinity', '-3 mons', '-0.5'),
	(3, '4713-01-01 BC', '12:34:56.000001', '12:00:00+05:45', '4713-01-01 00:00:00 BC', '4713-01-01 00:00:00+00 BC', '-1 year +2 mons -3 days +04:05:06.789', '00:00', '1999-12-31', '0', '0'),
	(4, '5874897-12-31', '23:59:59.999999', '00:00:00+00', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '1 microsecond', '00:00', '1970-01-01', '0', '59.99'),
	(5, '0001-12-31 BC', null, null, '2024-03-31 02:30:00', '2024-03-31 01:30:00+00', '1 day', null, null, null, null),
	(6, '1582-10-10', '01:02', '01:02+03', '1582-10-10 00:00', '1900-01-01 00:00+00:19:32', '24:00:00', '01:02', '0044-03-15 BC', '100 years', '60');
create table fx.texts (n integer primary key, t text, v character varying(10), c character(10), c1 "char", na name, by bytea, ci extensions.citext, an text collate fx.any_case, nu text collate fx.numeric_order);
insert into fx.texts values
	(1, '', '', '', '', '', '', '', '', ''),
	(2, E'\\N', E'\\.', E'\\', E'\\', E'\\N', '\x00', E'\\N', 'A', '10'),
	(3, E'tab\tnew\nline\rreturn\bback\fform\vvert\\', E'\n', E'a b', 'x', 'a name', '\xdeadbeef00ff5c5c', 'MiXed', 'a', '9'),
	(4, U&'\0001\007F\0080\00A0\200B\FEFF\+01F600\+10FFFF', U&'\+01F468\200D\+01F469', 'ß', E'\\377', '日本', decode(repeat('00ff', 300), 'hex'), 'ÄÖÜ', 'Á', '010'),
	(5, e'e\u0301 vs \u00e9', 'trailing  ', 'trailing  ', ' ', 'n', '\x27', ' ', 'b', '2'),
	(6, repeat('x', 100000), null, null, null, null, null, null, null, null),
	(7, '"quoted","csv"', '''', '$$', '$', '"', '\x22', '%', '&', '1e3');
create table fx.documents (n integer primary key, j json, jb jsonb, x xml, jp jsonpath, tv tsvector, tq tsquery, hs extensions.hstore, lt extensions.ltree, u uuid);
insert into fx.documents values
	(1, '{"b" : 1,  "a":2, "b": 3}', '{"b" : 1, "a":2, "b": 3}', '<?xml version="1.0"?><a b="c">d</a>', '$.a[*] ? (@ > 1)', 'a:1 b:2A,3 ''c d'':4', 'a & !b | (c <2> d:*A)', 'a=>1, b=>NULL, "c d"=>"e\"f"', 'Top.Science.Astronomy', '00000000-0000-0000-0000-000000000000'),
	(2, 'null', 'null', '', 'strict $', '', '', '', '', 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
	(3, '"\u0041 \n"', '[1e1000, -0.0, 1.0, "\u00e9", {}, []]', 'plain text', '$."x y".size()', 'the quick brown fox', '''it''''s''', '""=>""', 'a.b', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
	(4, null, null, '<!-- c -->', null, null, null, null, null, null);
create table fx.geometry (n integer primary key, p point, l line, s lseg, b box, pa path, pc path, po polygon, c circle, cu extensions.cube);
insert into fx.geometry values
	(1, '(0.1,-0.2)', '{1,-1,0.3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '((0,0),(1,1),(2,0))', '<(0.1,0.2),3>', '(1,2),(3,4)'),
	(2, '(NaN,Infinity)', '{0,1,-1}', '[(-0,1e300),(1e-300,1)]', '(Infinity,Infinity),(-Infinity,-Infinity)', '[(0,0)]', '((0,0))', '((0,0))', '<(0,0),0>', '0'),
	(3, null, null, null, null, null, null, null, null, null);
create index geometry_own_method on fx.geometry using fx_gist (b);
create table fx.networks (n integer primary key, i inet, c cidr, m macaddr, m8 macaddr8, bt bit(5), vb bit varying, lsn pg_lsn, x xid, x8 xid8, sn pg_snapshot, ts txid_snapshot, ti tid, isbn extensions.isbn13);
insert into fx.networks values
	(1, '0.0.0.0/0', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'10101', B'', '0/0', '0', '0', '10:20:10,14,15', '10:20:10,14,15', '(0,1)', '978-0-11-000533-1'),
	(2, '::ffff:1.2.3.4/128', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff', B'00000', B'1', 'FFFFFFFF/FFFFFFFF', '4294967295', '18446744073709551615', '1:1:', '1:1:', '(4294967295,65535)', null),
	(3, '192.168.1.5/24', null, null, null, null, repeat('10', 500)::varbit, null, null, null, null, null, null, null);
create table fx.ranges (n integer primary key, i4 int4range, i8 int8range, nu numrange, ts tsrange, tz tstzrange, d daterange, own fx.span, let fx.letters,
	i4m int4multirange, num nummultirange, tzm tstzmultirange, dm datemultirange, ownm fx.spans);
insert into fx.ranges values
	(1, 'empty', '(,)', '[1.10,2.20)', '[2024-01-01,infinity]', '(,"2024-01-01 00:00+00")', '[2024-01-01,2024-01-31]', '[0.1,0.2]', '[a,"b,c")', '{}', '{[1,2),[3,4)}', '{(,)}', '{[2024-01-01,2024-01-02],[2025-01-01,)}', '{[1,2],(3,4)}'),
	(2, '[1,1]', '[1,9223372036854775806]', 'empty', '(,)', '[,]', '(,)', '(,)', '["",]', '{[1,3),[5,)}', '{}', '{}', '{}', '{}'),
	(3, null, null, null, null, null, null, null, null, null, null, null, null, null);
create table fx.composites (n integer primary key, p fx.point3, a fx.address, s fx.shrunk, pl fx.place, m fx.mood, co fx.code, cs fx.codes, h fx.hollow,
	ps fx.point3[], ms fx.mood[], ds fx.percent[], rs int4range[], js json[], pair fx.colours);
insert into fx.composites values
	(1, '(0.1,NaN,)', '("Main ""St"", 5",1,"(1,2,3)","{ok,happy}")', '(1,2,2020-01-01)', '(x,1,,)', 'ecstatic', 'BB', '{A,BB}', '()',
		'{"(1,2,3)",NULL,"(,,)"}', '{ok,NULL,"very sad"}', '{1.5,99.99}', '{"[1,2)",empty,NULL}', array['{"a": "b,c"}', '[]']::json[], '(1,x,happy,5)'),
	(2, '(,,)', '(,,,)', null, null, 'grumpy', null, '{}', null, '{}', '{}', '{}', '{}', '{}', null),
	(3, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
create table fx.arrays (n integer primary key, i integer[], t text[], d2 integer[][], low integer[], b boolean[], by bytea[], f double precision[], nu numeric(4,1)[], ts timestamptz[], v character varying(3)[]);
insert into fx.arrays values
	(1, '{1,2,NULL}', array['', 'NULL', null, 'a,b', '"', E'\\', ' ', '{}'], '{{1,2},{3,4}}', '[-2:0]={7,8,9}', '{t,f,NULL}', array['\x00'::bytea, '\xff'], '{NaN,-0,Infinity}', '{1.5,NULL}', '{infinity,"2024-01-01 00:00+00"}', '{abc,""}'),
	(2, '{}', '{}', '{}', '[5:5]={1}', '{}', '{}', '{}', '{}', '{}', '{}'),
	(3, null, null, '[0:1][2:3]={{1,2},{3,4}}', null, null, null, null, null, null, null);
-- values that are numbers inside and names outside
create table fx.catalogue (n integer primary key, c regclass, t regtype, p regproc, pp regprocedure, o regoper, oo regoperator, r regrole, ns regnamespace, co regcollation, tc regconfig, td regdictionary, iv int2vector, ov oidvector, acl aclitem, acls aclitem[], cid cid);
insert into fx.catalogue values
	(1, 'fx.people', 'fx.mood', 'fx.greeting', 'fx.greeting(text)', 'pg_catalog.||/', 'fx.=(fx.rank,fx.rank)', 'fx_owner', '"Mixed Case"', 'fx.any_case', 'fx.german', 'fx.stems', '1 2 3', '10 20', 'fx_reader=r/fx_owner', '{fx_reader=r*w/fx_owner,=U/fx_owner}', '7'),
	(2, '"Mixed Case"."Table with ""quotes"" and . dot"', 'integer[]', 'pg_catalog.now', 'pg_catalog.lower(text)', null, null, '"fx Ähm ""quoted"""', 'pg_catalog', '"C"', 'pg_catalog.english', 'pg_catalog.simple', '', '', null, '{}', '0'),
	(3, '0', '-', '-', '-', '0', '0', '-', '-', '-', '-', '-', null, null, null, null, null);
create table fx.big (id integer primary key, external text, extended text, main text, bytes bytea);
alter table fx.big alter column external set storage external, alter column main set storage main;
insert into fx.big
	select n, v, v, left(v, 3000), convert_to(v, 'UTF8')
	from (select n, string_agg(md5(n || ':' || i), '' order by i) v from generate_series(1, 2) n, generate_series(1, 32768) i group by n) x;
insert into fx.big values (3, repeat('compressible ', 90000), repeat('compressible ', 90000), 'short', '\x'), (4, null, null, null, null);

-- ---------------------------------------------------------------- partitions

create table fx.events (
	id bigint generated by default as identity,
	at timestamp with time zone not null,
	region text not null collate "C",
	kind fx.mood,
	amount numeric default 0 check (amount >= 0),
	note text default 'n',
	primary key (id, at, region)
) partition by range (at);
comment on table fx.events is 'partitioned';
create table fx.events_2023 partition of fx.events (note default 'of 2023', constraint noted check (note <> '')) for values from ('2023-01-01 00:00+00') to ('2024-01-01 00:00+00');
create table fx.events_2024 partition of fx.events for values from ('2024-01-01 00:00+00') to ('2025-01-01 00:00+00') partition by list (region);
create table fx.events_2024_eu partition of fx.events_2024 for values in ('de', 'fr', 'it') partition by hash (id);
create table fx.events_2024_eu_0 partition of fx.events_2024_eu for values with (modulus 2, remainder 0);
create table fx.events_2024_eu_1 partition of fx.events_2024_eu for values with (modulus 2, remainder 1);
create table fx.events_2024_rest partition of fx.events_2024 default;
-- made apart, with other order, a dropped column and an index of its own
create table fx.events_2025 (junk integer, note text, region text not null collate "C", amount numeric default 1, junk2 text, at timestamp with time zone not null, kind fx.mood, id bigint not null);
alter table fx.events_2025 drop column junk, drop column junk2;
alter table fx.events_2025 add constraint amount_ok check (amount >= 0);
insert into fx.events_2025 values ('before', 'us', 3, '2025-05-05 00:00+00', 'ok', -1);
create index events_2025_own on fx.events_2025 (note);
alter table fx.events_2025 add constraint events_2025_amount check (amount >= 0);
alter table fx.events_2025 rename constraint amount_ok to events_amount_check;
alter table fx.events attach partition fx.events_2025 for values from ('2025-01-01 00:00+00') to (maxvalue);
create table fx.events_old partition of fx.events default;
create index events_kind on fx.events (kind, at) where amount > 0;
create unique index events_unique on fx.events (region, id, at) include (kind);
create index events_invalid on only fx.events_2024 (note);
create table "Mixed Case"."Events of 1999" partition of fx.events for values from ('1999-01-01 00:00+00') to ('2000-01-01 00:00+00');
insert into fx.events (at, region, kind, amount, note)
	select timestamptz '2022-11-05 00:00+00' + i * interval '37 hours', (array['de', 'fr', 'it', 'us', 'jp'])[1 + i % 5], (array['ok', 'happy', null])[1 + i % 3]::fx.mood, i % 100, 'note ' || i
	from generate_series(1, 800) i;
insert into fx.events (at, region) values ('1999-05-05 00:00+00', 'xx'), ('-infinity', 'yy');
create table fx.event_notes (id integer primary key, event_id bigint, event_at timestamp with time zone, region text, foreign key (event_id, event_at, region) references fx.events on delete cascade);
insert into fx.event_notes select row_number() over (order by id), id, at, region from fx.events where id % 50 = 0;
create table fx.by_people (person integer references fx.people, what text, n integer) partition by range ((n % 4), what collate "C" text_pattern_ops);
create table fx.by_people_0 partition of fx.by_people for values from (minvalue, minvalue) to (2, minvalue);
create unlogged table fx.by_people_1 partition of fx.by_people for values from (2, minvalue) to (maxvalue, maxvalue) with (fillfactor = 50);
insert into fx.by_people select i, 'what ' || i, i from generate_series(1, 20) i;
create table fx.no_partitions (a integer) partition by list (a);
create table fx.events_detached (like fx.events including all excluding identity);
insert into fx.events_detached (id, at, region) values (1, '2020-01-01 00:00+00', 'q');
alter table fx.events owner to fx_owner;
alter table fx.events_2024 owner to fx_writer;
grant select on fx.events_2023 to fx_reader;
alter table fx.events_2024_rest alter column note set statistics 11;

-- ---------------------------------------------------------------- inheritance

create table fx.animal (id integer primary key, name text not null default 'nameless', legs integer check (legs >= 0), constraint only_here check (id < 1000) no inherit);
create table fx.pet (owner_name text) inherits (fx.animal);
create table fx.wild (habitat text, risk integer default 1);
create table fx.fox (legs integer default 4, colour text, name text) inherits (fx.animal, fx.wild);
-- joined later: other column order
create table fx.bird (wings integer, legs integer, name text not null, id integer not null, constraint animal_legs_check check (legs >= 0));
alter table fx.bird drop column wings;
alter table fx.bird inherit fx.animal;
alter table fx.bird alter column name set default 'tweety';
create table fx.penguin () inherits (fx.bird);
alter table fx.animal add column fur boolean default true;
insert into fx.animal values (1, 'creature', 3), (2, default, null);
insert into fx.pet values (3, 'rex', 4, 'ann', true);
insert into fx.wild values ('sea', 5);
insert into fx.fox (id, habitat, colour) values (4, 'forest', 'red');
insert into fx.bird (legs, name, id) values (2, 'eagle', 5);
insert into fx.penguin values (2, 'pingu', 6, false);
create index pet_owner on fx.pet (owner_name);

-- ---------------------------------------------------------------- functions and procedures

create function fx.add(a integer, b integer default 1, out sum integer, out twice integer) language sql immutable parallel safe cost 5 as 'select a + b, 2 * (a + b)';
create function fx.add(a text, b text) returns text language sql begin atomic select a || b; end;
create function fx.standard(p integer) returns table (id integer, name text) language sql stable rows 7 security definer set search_path = fx, pg_temp set work_mem = '8MB'
	begin atomic select people.id, people.name from fx.people where people.id < p; select c.id, c.label from fx.colours c where c.id > p; end;
create function fx.returning(p integer) returns integer language sql return p + coalesce((select max(id) from fx.colours), 0);
-- its body depends on a primary key, so it comes after it
create function fx.grouped() returns setof text language sql begin atomic select name || count(*) from fx.people group by id; end;
create function fx.variadic_sum(variadic numbers numeric[]) returns numeric language plpgsql leakproof strict as $body$
declare
	total numeric := 0; n numeric;
begin
	foreach n in array numbers loop total := total + n; end loop; -- it's $$ inside
	return total;
end $body$;
create function fx.any_first(anyarray) returns anyelement language sql as 'select $1[1]';
create function fx.series(integer, integer) returns setof integer language internal immutable strict rows 100 support pg_catalog.generate_series_int4_support as 'generate_series_int4';
create function fx.my_row_number() returns bigint language internal immutable window as 'window_row_number';
-- names that only the database's search_path finds
set check_function_bodies = off;
create function fx.by_name() returns bigint language sql stable as 'select count(*) from people join colours on colours.id = people.favourite';
create function fx.by_name_plpgsql() returns bigint language plpgsql as $$ begin return (select count(*) from "Orders"); end $$;
reset check_function_bodies;
create function fx.in_own_language(n integer) returns integer language fxlang as $$ begin return n * 3; end $$;
create function fx.with_transform(fx.rank) returns integer language sql transform for type fx.rank as 'select 1';
create function fx."Odd ""name""
of function"("Arg 1" fx.mood, inout "it's" text default 'x''y\z') language sql as 'select $2';
create function fx.row_of(fx.people) returns text language sql stable as 'select ($1).name';
create procedure fx.log_it(what text, inout n integer default 0) language plpgsql as $$ begin insert into fx.ddl_log (tag) values (what) returning ddl_log.n into n; end $$;
create procedure fx.log_standard(what text) language sql begin atomic insert into fx.ddl_log (tag) values (what); insert into fx.ddl_log (tag) values ('twice'); end;
create procedure fx.with_settings() language plpgsql security definer set datestyle = 'ISO, YMD' as $$ begin null; end $$;
comment on function fx.add(integer, integer) is 'adds';
comment on procedure fx.log_it(text, integer) is 'logs';
alter function fx.add(integer, integer) owner to fx_owner;
alter procedure fx.log_it(text, integer) owner to fx_writer;
revoke execute on function fx.add(text, text) from public;
grant execute on function fx.add(text, text) to fx_reader with grant option;
grant execute on procedure fx.log_it(text, integer) to fx_reader;

create function fx.concat_step(text, text) returns text language sql immutable as 'select coalesce($1 || '','', '''') || $2';
create function fx.average_step(state numeric[], n numeric) returns numeric[] language sql immutable as 'select array[state[1] + n, state[2] + 1]';
create function fx.average_end(state numeric[]) returns numeric language sql immutable as 'select state[1] / nullif(state[2], 0)';
create function fx.average_join(a numeric[], b numeric[]) returns numeric[] language sql immutable parallel safe as 'select array[a[1] + b[1], a[2] + b[2]]';
create function fx.average_back(state numeric[], n numeric) returns numeric[] language sql immutable as 'select array[state[1] - n, state[2] - 1]';
create aggregate fx.concat(text) (sfunc = fx.concat_step, stype = text);
create aggregate fx.average(numeric) (sfunc = fx.average_step, stype = numeric[], initcond = '{0,0}', finalfunc = fx.average_end, combinefunc = fx.average_join,
	msfunc = fx.average_step, minvfunc = fx.average_back, mstype = numeric[], mfinalfunc = fx.average_end, minitcond = '{0,0}', sspace = 128, parallel = safe);
create aggregate fx.lowest(integer) (sfunc = int4smaller, stype = integer, sortop = <);
create aggregate fx.percentile(double precision order by anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
create aggregate fx.hypothetical_rank(variadic "any" order by variadic "any") (sfunc = ordered_set_transition_multi, stype = internal, finalfunc = rank_final, finalfunc_extra, hypothetical);
create aggregate fx.count_all(*) (sfunc = int8inc, stype = bigint, initcond = '0');
comment on aggregate fx.concat(text) is 'joins';
alter aggregate fx.average(numeric) owner to fx_owner;
grant execute on function fx.average(numeric) to fx_reader;

-- ---------------------------------------------------------------- views

create view fx.adults as select id, name, status from fx.people where born < '1960-01-01';
create view fx.old_adults (number, called) with (security_barrier) as select id, name from fx.adults where status = 'old';
create view fx.checked with (check_option = local) as select id, label, shade from fx.colours where id >= 0;
create view fx.checked_twice as select * from fx.checked where label <> '' with cascaded check option;
create view fx.invoker with (security_invoker = true) as select * from fx.colours;
create recursive view fx.chain (id, boss, depth) as select id, boss, 1 from fx.people where boss is null union all select p.id, p.boss, c.depth + 1 from fx.people p join chain c on c.id = p.boss;
-- needs the primary key to group by: pg_dump makes a stand-in first
create view fx.grouped_view as select id, name, count(*) over () as n, max(born) as born from fx.people group by id;
create view fx.on_grouped as select * from fx.grouped_view where id < 10;
create view fx."View of ""names""" as select "Id", "select", "new
line" as "other
line" from "Mixed Case"."Table with ""quotes"" and . dot";
create view fx.writable as select id, label from fx.colours;
alter view fx.writable alter column label set default 'from the view';
create view fx.several as
	with w as (select id, row_number() over (partition by status order by id rows between 1 preceding and current row) n from fx.people)
	select w.*, x.v, row(w.id, x.v)::text as pair, case when w.n > 1 then 'more' else null end as c, array(select 1), current_date > '2000-01-01' as d,
		fx.add('a', 'b'), operator(fx.!!) 5::bigint as minus, 'x' collate fx.german as co
	from w left join lateral (values (w.id, 'a'::character varying), (2, 'b')) x (k, v) on x.k = w.id
	where w.id = any (array[1, 2, 3]) and x.v::text like 'a%' or exists (select from fx.no_columns);
create view fx.no_column_view as select;
create view fx.rank_view as select r from fx.ranked where r operator(fx.>) '1';
comment on view fx.adults is 'grown up';
comment on column fx.adults.name is 'of the adult';
alter view fx.adults owner to fx_owner;
grant select on fx.adults to fx_reader;
grant select (number) on fx.old_adults to fx_writer;

create materialized view fx.totals with (fillfactor = 90) as select region, count(*) as n, sum(amount) as amount from fx.events group by region;
create unique index totals_region on fx.totals (region);
create materialized view fx.totals_of_totals as select sum(n) as n, max(region) as last from fx.totals;
create view fx.over_totals as select * from fx.totals_of_totals;
create materialized view fx.a_last_one as select n + 1 as n from fx.over_totals;
create materialized view fx.not_populated as select * from fx.totals with no data;
create materialized view fx.on_primary_key as select id, name, count(*) as n from fx.people group by id;
create materialized view fx.stale as select count(*) as n from fx.identity_nothing;
alter materialized view fx.totals cluster on totals_region;
alter materialized view fx.totals alter column region set statistics 99;
alter materialized view fx.totals owner to fx_owner;
grant select on fx.totals to fx_owner with grant option;
comment on materialized view fx.totals is 'as of now';

-- ---------------------------------------------------------------- rules and triggers

create rule writable_insert as on insert to fx.old_adults do instead nothing;
create rule writable_update as on update to fx.old_adults do also (notify fx_changed; insert into fx.ddl_log (tag) values (new.called));
create rule keep_one as on delete to fx.identity_nothing where old.id = 1 do instead nothing;
create rule off_rule as on insert to fx.wild do also insert into fx.ddl_log (tag) values (new.habitat);
create rule replica_rule as on update to fx.wild do also notify replica;
create rule always_rule as on delete to fx.wild do also notify always;
alter table fx.wild disable rule off_rule;
alter table fx.wild enable replica rule replica_rule;
alter table fx.wild enable always rule always_rule;
comment on rule keep_one on fx.identity_nothing is 'the first stays';

create function fx.touch() returns trigger language plpgsql as $$ begin if tg_argv[0] is not null then new.note := tg_argv[0]; end if; return new; end $$;
create function fx.refuse() returns trigger language plpgsql as $$ begin raise exception 'no % on %', tg_op, tg_relid::regclass; end $$;
create function fx.quiet() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger plain before insert or update of c, "E" on fx.dropped for each row when (new.c is distinct from 5) execute function fx.touch('it''s', E'back\\slash');
create trigger is_disabled after insert on fx.colours for each row execute function fx.quiet();
create trigger is_replica after insert on fx.colours for each row execute function fx.quiet();
create trigger is_always after insert on fx.colours for each row execute function fx.quiet();
alter table fx.colours disable trigger is_disabled;
alter table fx.colours enable replica trigger is_replica;
alter table fx.colours enable always trigger is_always;
create trigger "Read only ""table""" before insert or update or delete or truncate on fx.numbers for each statement execute function fx.refuse();
create trigger read_only_rows before insert or update or delete on fx.moments for each row execute function fx.refuse();
create trigger transition after update on fx.people referencing old table as before new table as "after all" for each statement execute function fx.quiet();
create constraint trigger checked_late after insert or update on fx.people from fx.colours deferrable initially deferred for each row when (new.id > 0) execute function fx.quiet();
create constraint trigger not_late after delete on fx.egg not deferrable for each row execute function fx.quiet();
create trigger on_view instead of insert or update or delete on fx.writable for each row execute function fx.quiet();
create trigger view_statement after insert on fx.writable for each statement execute function fx.quiet();
create trigger on_partitioned after insert or update on fx.events for each row execute function fx.quiet();
create trigger before_partitioned before insert on fx.events for each row when (new.amount > 1000000) execute function fx.touch('huge');
create trigger on_leaf before insert on fx.events_2023 for each row execute function fx.touch();
alter table fx.events_2024_rest disable trigger on_partitioned;
alter table fx.events_2023 enable always trigger on_partitioned;
create trigger suppress before update on fx.texts for each row execute function suppress_redundant_updates_trigger();
create trigger doc before update or delete on fx.wide_oid for each row execute function extensions.lo_manage(doc);
comment on trigger plain on fx.dropped is 'touches';

-- ---------------------------------------------------------------- row security

create table fx.secrets (id integer primary key, tenant name default current_user, body text);
insert into fx.secrets values (1, 'fx_reader', 'for the reader'), (2, 'fx_writer', 'for the writer'), (3, 'nobody', 'for nobody');
alter table fx.secrets enable row level security;
alter table fx.secrets force row level security;
alter table fx.secrets owner to fx_owner;
create policy own_rows on fx.secrets for all to fx_reader, fx_writer using (tenant = current_user) with check (tenant = current_user and body <> '');
create policy "Read ""all""" on fx.secrets as permissive for select to public using (id < 0);
create policy never_delete on fx.secrets as restrictive for delete using (false);
create policy add_only on fx.secrets for insert to "fx Ähm ""quoted""" with check (exists (select from fx.colours c where c.id = secrets.id));
comment on policy own_rows on fx.secrets is 'yours only';
grant select, insert on fx.secrets to fx_reader, fx_writer;
create table fx.policy_off (id integer);
insert into fx.policy_off values (1);
create policy unused on fx.policy_off for update using (id > 0);
alter table fx.policy_off disable row level security;
alter table fx.events enable row level security;
create policy partitioned_policy on fx.events using (region <> 'secret');

-- ---------------------------------------------------------------- foreign data

create foreign data wrapper fx_wrapper options (debug 'true', "Odd name" 'it''s');
comment on foreign data wrapper fx_wrapper is 'does nothing';
create server fx_far type 'postgres' version '15' foreign data wrapper postgres_fdw options (host '127.0.0.1', port '1', dbname 'nowhere', fetch_size '50');
create server fx_files foreign data wrapper file_fdw;
create server "fx Hollow" foreign data wrapper fx_wrapper;
create user mapping for fx_reader server fx_far options ("user" 'remote', password 'not a real one');
create user mapping for public server "fx Hollow";
create foreign table fx.far_orders (id integer options (column_name 'order_id') not null, note character varying(5) collate "C" default 'x', twice integer generated always as (id * 2) stored, check (id > 0))
	server fx_far options (schema_name 'public', table_name 'orders');
create foreign table fx.file_lines (line text) server fx_files options (filename '/dev/null', format 'csv');
create table fx.with_foreign (id integer, part text) partition by list (part);
create foreign table fx.with_foreign_far partition of fx.with_foreign for values in ('far') server fx_far options (table_name 'parts');
create table fx.with_foreign_near partition of fx.with_foreign for values in ('near');
insert into fx.with_foreign_near values (1, 'near');
create trigger on_foreign before insert on fx.far_orders for each row execute function fx.quiet();
comment on foreign table fx.far_orders is 'far away';
comment on server fx_far is 'nobody is there';
alter foreign table fx.far_orders owner to fx_owner;
alter server fx_far owner to fx_owner;
grant usage on foreign server fx_far to fx_writer;
grant usage on foreign data wrapper fx_wrapper to fx_owner with grant option;

-- ---------------------------------------------------------------- large objects

select lo_from_bytea(424242, '\x00ff5c0a0d');
select lo_from_bytea(424243, decode(repeat('0123456789abcdef', 40000), 'hex'));
select lo_create(424244);
comment on large object 424242 is 'five bytes';
alter large object 424243 owner to fx_owner;
grant select on large object 424243 to fx_reader;
grant select, update on large object 424244 to fx_writer with grant option;
insert into fx.wide_oid values (1, 424242), (2, 424243), (3, null);

-- ---------------------------------------------------------------- owners and grants of the rest

alter type fx.mood owner to fx_owner;
alter domain fx.percent owner to fx_owner;
alter type fx.span owner to fx_owner;
alter operator fx.= (fx.rank, fx.rank) owner to fx_owner;
alter operator class fx.rank_hash_ops using hash owner to fx_owner;
alter operator family fx.mixed_ops using btree owner to fx_owner;
alter collation fx.any_case owner to fx_owner;
alter conversion fx.latin owner to fx_owner;
alter text search configuration fx.german owner to fx_owner;
alter text search dictionary fx.stems owner to fx_owner;
alter language fxlang owner to fx_owner;
alter schema "Mixed Case" owner to fx_writer;
revoke usage on type fx.mood from public;
grant usage on type fx.mood to fx_reader;
grant usage on domain fx.percent to fx_writer with grant option;
revoke all on fx.ddl_log from public;
grant select on fx.ddl_log to public;
grant execute on function extensions.uuid_generate_v4() to fx_reader;
revoke execute on function extensions.uuid_generate_v1() from public;
grant select on pg_catalog.pg_authid to fx_owner;
revoke create on schema public from public;
grant create on schema public to fx_writer;

-- ---------------------------------------------------------------- publications

create publication fx_publication for table fx.refers (p, q) where (p > 5), only fx.animal with (publish = 'insert');
create publication fx_schema for tables in schema "shop.eu";
alter publication fx_schema owner to fx_owner;
comment on publication fx_publication is 'left out of a copy';

-- a materialised view that is older than its table
insert into fx.identity_nothing values (2), (3);

-- ---------------------------------------------------------------- event triggers, last: they see what comes after

create function fx.note_ddl() returns event_trigger language plpgsql as $$ begin insert into fx.ddl_log (tag) values (tg_tag); end $$;
create function fx.refuse_ddl() returns event_trigger language plpgsql as $$ begin raise exception '% is not allowed here', tg_tag; end $$;
create event trigger fx_note on ddl_command_end when tag in ('CREATE TABLE', 'ALTER TABLE', 'CREATE INDEX') execute function fx.note_ddl();
create event trigger fx_off on ddl_command_start execute function fx.refuse_ddl();
alter event trigger fx_off disable;
create event trigger fx_replica on sql_drop execute function fx.note_ddl();
alter event trigger fx_replica enable replica;
create event trigger "fx Always" on table_rewrite execute function fx.refuse_ddl();
alter event trigger "fx Always" enable always;
comment on event trigger fx_off is 'would refuse all';
