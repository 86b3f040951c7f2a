-- A database that lives by its database-level search_path: functions that name
-- tables without a schema stand in check constraints, generated columns, indexes,
-- domains and materialised views. pg_dump's own restore, which runs with an empty
-- search_path, cannot even create the table. PostgreSQL 17 and later refuse the
-- index and the materialised view whatever is set.

set client_min_messages = error;

do $$ begin execute format('alter database %I set search_path = app, public', current_database()); end $$;

create schema app;
set search_path = app, public;

create table units (code text primary key, factor numeric not null);
insert into units values ('g', 1), ('kg', 1000), ('t', 1000000);

create function factor(unit text) returns numeric language sql immutable as 'select factor from units where code = $1';
create function is_unit(unit text) returns boolean language plpgsql immutable as $$ begin return exists (select from units where code = unit); end $$;
create domain unit as text check (is_unit(value));

create table amounts (
	id integer primary key,
	amount numeric not null,
	unit unit not null default 'g',
	grams numeric generated always as (amount * factor(unit)) stored,
	constraint known_unit check (factor(unit) is not null)
);
insert into amounts (id, amount, unit) select i, i * 1.5, (array['g', 'kg', 't'])[1 + i % 3] from generate_series(1, 100) i;
create index amounts_grams on amounts ((amount * factor(unit)));

create view heavy as select * from amounts where factor(unit) > 1;
create materialized view by_unit as select unit, count(*) as n, sum(amount * factor(unit)) as grams from amounts group by unit;

create function units_are_kept() returns trigger language plpgsql as $$ begin perform factor(old.code) from amounts; raise exception 'units are kept'; end $$;
create trigger units_are_kept before delete or truncate on units for each statement execute function units_are_kept();
