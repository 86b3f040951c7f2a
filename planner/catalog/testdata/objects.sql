-- One of every kind of object that Read tells apart.
create schema app;
comment on schema app is 'application';
create extension hstore schema public;
create extension citext schema public;

create type app.mood as enum ('sad', 'ok');
create domain app.positive as int check (value > 0);
create type app.pair as (a int, b app.mood);
create type app.span as range (subtype = int8);
create type app.shell;

create function app.twice(n int) returns int language sql immutable as 'select 2 * n';
create procedure app.nothing() language sql as '';
create function app.touch() returns trigger language plpgsql as 'begin return new; end';
create function app.on_ddl() returns event_trigger language plpgsql as 'begin end';
create function app.positive_hash(app.pair) returns int language sql immutable as 'select 1';
create aggregate app.total(int) (sfunc = int4pl, stype = int, initcond = '0');
create operator app.@+@ (leftarg = int, rightarg = int, function = int4pl);
create operator family app.ints using btree;
create operator class app.int_ops for type int using btree family app.ints as operator 3 =, function 1 btint4cmp(int, int);
create cast (app.pair as int) with function app.positive_hash(app.pair);
create collation app.german (provider = libc, locale = 'C');
create conversion app.conv for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create text search configuration app.plain (copy = simple);
create text search dictionary app.dict (template = simple);
create text search parser app.parser (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
create text search template app.template (lexize = dsimple_lexize);
create language clike handler plpgsql_call_handler;
create access method heap2 type table handler heap_tableam_handler;
create foreign data wrapper files;
create server box foreign data wrapper files;
create user mapping for public server box options (password 's3cr3t');
create foreign table app.far (id int) server box;

create table app.people (
	id bigint generated always as identity primary key,
	name text collate "C" not null,
	mood app.mood default 'ok',
	age app.positive,
	doubled int generated always as (app.twice(1)) stored,
	data hstore,
	gone int,
	"Odd.Name" varchar(10)
);
alter table app.people drop column gone;
create unique index people_name on app.people (name) include (mood) where age > 1;
create index people_lower on app.people (lower(name), id);
alter index app.people_lower alter column 1 set statistics 300;
alter table app.people cluster on people_lower;
alter table app.people replica identity using index people_pkey;
create statistics app.people_stat on name, age from app.people;
create trigger touch before update on app.people for each row execute function app.touch();
create trigger off before insert on app.people for each row execute function app.touch();
alter table app.people disable trigger off;
create policy own on app.people using (true);
alter table app.people enable row level security;
create rule nope as on delete to app.people do instead nothing;
create view app.names as select name from app.people;
create materialized view app.moods as select mood, count(*) from app.people group by 1 with no data;
create table app.orders (
	id serial, person bigint references app.people deferrable initially deferred,
	total numeric(10, 2),
	during int4range, exclude using gist (during with &&)
);
alter table app.orders add constraint positive check (total > 0) not valid;
create unlogged table app.scratch (like app.people);
create table app.typed of app.pair;
create table app.parent (id int);
create table app.child (extra text) inherits (app.parent);
create table app.events (at timestamptz not null, id int, primary key (at, id)) partition by range (at);
create table app.events_1 partition of app.events for values from ('2020-01-01') to ('2021-01-01');
create table app.events_d partition of app.events default;
create trigger part after insert on app.events for each row execute function app.touch();
create sequence app.lonely increment -3 minvalue -100 maxvalue 100 start 7 cycle cache 5;
create publication news for table app.people;
create event trigger watch on ddl_command_end execute function app.on_ddl();
create transform for hstore language sql (from sql with function prsd_lextype(internal));
alter default privileges in schema app grant select on tables to public;
grant select on app.people to public;
grant select (name) on app.people to public;
select lo_from_bytea(0, 'large') from generate_series(1, 3);
create schema bascule;
create table bascule.position (lsn pg_lsn);
