-- The log of a source's DDL: a table, functions, and the event triggers that call them.
--
-- Three rules hold for the functions:
--
--   - the application's DDL never fails by them: whatever goes wrong inside is caught,
--     and recorded as far as that can be;
--   - fired runs with the search_path of whoever runs the DDL, which is to be recorded,
--     and with the rights of the log's owner: so each name in it is qualified, and there
--     is no operator, for both are looked up by that path. All others have a search_path
--     of their own;
--   - nobody else may call a function or write to the table, so a row in it is the
--     truth.
--
-- Event triggers fire for the statements of these functions too: note passes over
-- publications, which is all that they change.

create schema if not exists {log};

revoke all on schema {log} from public;

-- lsn is where the server's WAL ended when the command ran, before its transaction
-- did; seen is where it ended when the row was first found committed: what is applied
-- up to there has the row. See slot.TrimLog.
create table if not exists {log}.ddl (
	id bigint generated always as identity primary key,
	at timestamptz not null default pg_catalog.now(),
	tag text not null,
	query text not null,
	role text not null,
	search_path text not null,
	objects text not null,
	tables text not null,
	problem text,
	lsn pg_lsn not null default pg_catalog.pg_current_wal_insert_lsn(),
	seen pg_lsn
);

-- stamp is the same for all that one message of a client did: a text that two commands
-- of a kind have in one message is not to be run for each.
alter table {log}.ddl add column if not exists stamp timestamptz not null default pg_catalog.statement_timestamp();

-- definition makes what the command made, where its text does not say what that is.
alter table {log}.ddl add column if not exists definition text;

revoke all on table {log}.ddl from public;

-- The command that makes a table as a query has made it, without its rows: there is
-- nothing yet but columns.
create or replace function {log}.defined(t oid) returns text language sql stable set search_path = pg_catalog, pg_temp as $log$
select format('create table %I.%I (%s)', n.nspname, c.relname, array_to_string(array(
		select format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)) || coalesce((
			select format(' collate %I.%I', s.nspname, l.collname)
			from pg_collation l
			join pg_namespace s on s.oid = l.collnamespace
			where l.oid = a.attcollation and l.oid <> y.typcollation), '')
		from pg_attribute a
		join pg_type y on y.oid = a.atttypid
		where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
		order by a.attnum), ', '))
	|| case when c.reloptions is null then '' else ' with (' || array_to_string(array(
		select format('%I = %L', o.option_name, o.option_value)
		from unnest(c.reloptions) with ordinality r(text, place)
		cross join lateral pg_options_to_table(array[r.text]) o
		order by r.place), ', ') || ')' end
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.oid = t and c.relkind = 'r' and c.relpersistence = 'p'
$log$;

-- Whether the mirror's patterns select a name, or, of a partition, its root.
create or replace function {log}.chosen(schema text, name text, inherited boolean) returns boolean language sql immutable set search_path = pg_catalog, pg_temp as $log$
select schema !~ '^pg_' and schema not in ('information_schema', 'bascule') and schema !~ {ours}
	and not ({exclude}) and (inherited or {tables})
$log$;

create or replace function {log}.selected(t oid) returns boolean language plpgsql stable set search_path = pg_catalog, pg_temp as $log$
declare
	c record;
begin
	select n.nspname::text as nsp, k.relname::text as rel, k.relispartition as part into c
	from pg_class k
	join pg_namespace n on n.oid = k.relnamespace
	where k.oid = t and k.relkind in ('r', 'p') and k.relpersistence <> 't'
		and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = t and d.deptype = 'e');
	if not found then
		return false;
	end if;
	return {log}.chosen(c.nsp, c.rel, c.part and exists (select from pg_inherits h where h.inhrelid = t and {log}.selected(h.inhparent)));
end
$log$;

-- By which columns rows of a table are found, and whether its updates and deletes
-- may be published at all. Whole: all columns are sent, whatever the key.
create or replace function {log}.key(t oid, out usable boolean, out whole boolean, out columns text[]) language plpgsql stable set search_path = pg_catalog, pg_temp as $log$
declare
	how text;
begin
	select c.relreplident into how from pg_class c where c.oid = t;
	whole := how = 'f';
	select i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and not exists (
			select from unnest(i.indkey::int2[]) with ordinality k(num, n)
			left join pg_attribute a on a.attrelid = t and a.attnum = k.num
			where k.n <= i.indnkeyatts and (a.attnum is null or not a.attnotnull or a.attgenerated <> '')),
		array(select a.attname::text from unnest(i.indkey::int2[]) with ordinality k(num, n)
			join pg_attribute a on a.attrelid = t and a.attnum = k.num
			where k.n <= i.indnkeyatts
			order by k.n)
	into usable, columns
	from pg_index i
	where i.indrelid = t and case when how = 'i' then i.indisreplident else i.indisprimary end
	limit 1;
	columns := coalesce(columns, '{}');
	usable := coalesce(whole or how <> 'n' and usable, false);
end
$log$;

-- The tables that one is a partition of, the nearest first.
create or replace function {log}.above(t oid) returns oid[] language sql stable set search_path = pg_catalog, pg_temp as $log$
select array(select a.relid::oid from pg_partition_ancestors(t::regclass) with ordinality a(relid, n) where a.relid <> t order by a.n)
$log$;

create or replace function {log}.listed(t oid) returns text language sql stable set search_path = pg_catalog, pg_temp as $log$
select coalesce(min(case p.pubname when {all} then 'all' else 'inserts' end), 'none')
from pg_publication p
join pg_publication_rel r on r.prpubid = p.oid
where r.prrelid = t and p.pubname in ({all}, {inserts})
$log$;

-- What is followed of a table that is selected, as the planner decides it.
create or replace function {log}.follow(t oid, out follow text, out columns text[]) language plpgsql stable set search_path = pg_catalog, pg_temp as $log$
declare
	c pg_class;
	k record;
	part boolean;
	good boolean;
begin
	follow := 'none';
	columns := '{}';
	select * into c from pg_class where oid = t;
	part := c.relispartition and exists (select from unnest({log}.above(t)) a where {log}.selected(a) or {log}.listed(a) <> 'none');
	if c.relpersistence <> 'p' or c.relkind = 'p' and (part or not {root}) or part and {root} then
		return;
	end if;
	select * into k from {log}.key(t);
	good := k.usable;
	if c.relkind = 'p' and good then
		good := not exists (
			select from pg_partition_tree(t::regclass) l
			join pg_class leaf on leaf.oid = l.relid and leaf.relkind = 'r'
			cross join lateral {log}.key(leaf.oid) x
			where not x.usable or x.whole <> k.whole or x.columns <> k.columns);
	end if;
	follow := case when good then 'all' else 'inserts' end;
	if good then
		columns := k.columns;
	end if;
end
$log$;

-- What rows of a table are like: whenever something is done to its columns, to their
-- values by a definition, or to what the table is a part of, this is another.
create or replace function {log}.shape(t oid) returns text language sql stable set search_path = pg_catalog, pg_temp as $log$
select hashtextextended(concat_ws(' ', pg_relation_filenode(c.oid), c.relispartition, array_to_string(array(
		select concat_ws(' ', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation, a.attgenerated, a.attisdropped)
		from pg_attribute a
		where a.attrelid = c.oid and a.attnum > 0
		order by a.attnum), ',')), 0)::text
from pg_class c
where c.oid = t
$log$;

-- Makes the publications right for a table, and says what has become of it. One that
-- is in none of them joins only where the caller knows that it has no rows, or that it
-- is copied behind this. Who changes a publication has it locked until its transaction
-- ends: a table that waits in vain is late, and joins when the stream has it join. could
-- is how one that is selected and not published could be followed.
create or replace function {log}.settle(t oid, joins boolean) returns jsonb language plpgsql set search_path = pg_catalog, pg_temp as $log$
declare
	c record;
	f record;
	before text := {log}.listed(t);
	wanted text := 'none';
	columns text[] := '{}';
	selects boolean := {log}.selected(t);
	could jsonb;
	late boolean := false;
	why text;
begin
	select n.nspname::text as nsp, k.relname::text as rel, k.relkind::text as kind, k.relispartition as part into c
	from pg_class k
	join pg_namespace n on n.oid = k.relnamespace
	where k.oid = t and k.relkind in ('r', 'p') and k.relpersistence <> 't' and n.nspname !~ {ours};
	if not found then
		return null;
	end if;
	if before <> 'none' or selects then
		select * into f from {log}.follow(t);
		if f.follow <> 'none' then
			could := jsonb_build_object('follow', f.follow, 'key', to_jsonb(f.columns));
		end if;
		if before <> 'none' or joins then
			wanted := f.follow;
			columns := f.columns;
		end if;
	end if;
	if before = 'none' and wanted <> 'none' then
		begin
			execute format('alter publication %I add table only %I.%I', case wanted when 'all' then {all} else {inserts} end, c.nsp, c.rel);
		exception when others then
			why := sqlerrm;
			late := sqlstate = '55P03';
			wanted := 'none';
			columns := '{}';
		end;
	elsif before <> wanted then
		execute format('alter publication %I drop table only %I.%I', case before when 'all' then {all} else {inserts} end, c.nsp, c.rel);
		if wanted <> 'none' then
			execute format('alter publication %I add table only %I.%I', case wanted when 'all' then {all} else {inserts} end, c.nsp, c.rel);
		end if;
	end if;
	return jsonb_build_object('oid', t::bigint, 'schema', c.nsp, 'name', c.rel, 'kind', c.kind, 'partition', c.part,
		'above', to_jsonb({log}.above(t)::bigint[]), 'selected', selects, 'follow', wanted, 'key', to_jsonb(columns), 'dropped', false,
		'why', why, 'late', late, 'could', case wanted when 'none' then could end, 'shape', {log}.shape(t));
end
$log$;

-- The table that an object belongs to, or null.
create or replace function {log}.owner(class oid, object oid) returns oid language plpgsql stable set search_path = pg_catalog, pg_temp as $log$
begin
	case class
	when 'pg_class'::regclass then
		return (select case
			when c.relkind in ('r', 'p') then c.oid
			when c.relkind in ('i', 'I') then (select i.indrelid from pg_index i where i.indexrelid = c.oid)
			when c.relkind = 'S' then (select d.refobjid from pg_depend d
				where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass
					and d.refobjsubid > 0 and d.deptype in ('a', 'i')
				limit 1)
			end
			from pg_class c where c.oid = object);
	when 'pg_constraint'::regclass then
		return (select nullif(conrelid, 0) from pg_constraint where oid = object);
	when 'pg_trigger'::regclass then
		return (select tgrelid from pg_trigger where oid = object);
	when 'pg_attrdef'::regclass then
		return (select adrelid from pg_attrdef where oid = object);
	when 'pg_rewrite'::regclass then
		return (select ev_class from pg_rewrite where oid = object);
	when 'pg_policy'::regclass then
		return (select polrelid from pg_policy where oid = object);
	when 'pg_statistic_ext'::regclass then
		return (select stxrelid from pg_statistic_ext where oid = object);
	else
		return null;
	end case;
end
$log$;

-- The tables whose membership a change of these can move: they, what is under them,
-- and what they are partitions of.
create or replace function {log}.reach(touched oid[]) returns setof oid language sql stable set search_path = pg_catalog, pg_temp as $log$
with recursive under(t) as (
	select unnest(touched)
	union
	select h.inhrelid from under u join pg_inherits h on h.inhparent = u.t
)
select t from under
union
select a from unnest(touched) x cross join lateral unnest({log}.above(x)) a
order by 1
$log$;

-- What a command did. A table that was attached or detached is not named by the
-- command, but has a row in pg_class by the transaction that runs, or a subtransaction
-- of it, whose locks it holds. Rows of one that was detached came as its root's up to
-- this place, so it may join: but not one that this transaction had named before, when
-- it was no partition.
create or replace function {log}.done(tag text, out objects jsonb, out tables jsonb, out counts boolean) language plpgsql set search_path = pg_catalog, pg_temp as $log$
declare
	touched oid[];
	made oid[];
	parted oid[] := '{}';
	mine xid[];
begin
	with command as materialized (
		select d.classid, d.objid, d.command_tag, d.object_type, d.schema_name, d.object_identity, d.in_extension, d.ordinality,
			{log}.owner(d.classid, d.objid) as tab
		from pg_event_trigger_ddl_commands() with ordinality d
	), judged as materialized (
		select c.*, coalesce(c.schema_name = 'pg_temp' or (select k.relpersistence = 't' from pg_class k where k.oid = c.tab), false) as temporary,
			coalesce(c.schema_name ~ {ours} or c.classid in ('pg_namespace'::regclass, 'pg_event_trigger'::regclass) and c.object_identity ~ {ours}, false) as ours
		from command c
	)
	select jsonb_agg(jsonb_build_object('class', (select k.relname from pg_class k where k.oid = j.classid), 'type', j.object_type, 'schema', j.schema_name,
			'identity', j.object_identity, 'oid', coalesce(j.objid, 0)::bigint, 'dropped', false, 'temporary', j.temporary, 'extension', j.in_extension)
			order by j.ordinality),
		bool_or(not j.temporary and not j.ours and not j.in_extension),
		array_agg(distinct j.tab) filter (where j.tab is not null and not j.temporary and not j.ours),
		array_agg(j.objid) filter (where j.command_tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') and j.tab = j.objid and not j.in_extension)
	into objects, counts, touched, made
	from judged j;
	objects := coalesce(objects, '[]');
	counts := coalesce(counts, false);
	tables := '[]';
	if not counts then
		return;
	end if;
	touched := coalesce(touched, '{}');
	made := coalesce(made, '{}');
	if tag = 'ALTER SCHEMA' then -- the tables in it have another name
		touched := array(select c.oid from pg_class c
			where c.relnamespace in (select d.objid from pg_event_trigger_ddl_commands() d where d.classid = 'pg_namespace'::regclass)
				and c.relkind in ('r', 'p'));
	end if;
	if tag = 'ALTER TABLE' and exists (select from pg_class where oid = any (touched) and relkind = 'p') then
		mine := array(select l.transactionid from pg_locks l
			where l.locktype = 'transactionid' and l.pid = pg_backend_pid() and l.mode = 'ExclusiveLock');
		parted := array(select c.oid from pg_class c
			where c.relkind in ('r', 'p') and c.relpersistence <> 't' and c.xmin = any (mine) and c.oid <> all (touched));
		touched := touched || parted;
		made := made || array(select t from unnest(parted) t
			where exists (select from pg_class c where c.oid = t and not c.relispartition)
				and exists (select from unnest(touched) r where {log}.listed(r) <> 'none' and {root})
				and not exists (select from {log}.ddl d cross join lateral jsonb_array_elements(d.tables::jsonb) e
					where d.at = now() and (e ->> 'oid')::oid = t and not (e ->> 'partition')::boolean));
	end if;
	select coalesce(jsonb_agg(s.entry order by s.t), '[]') into tables
	from (select r.t, {log}.settle(r.t, r.t = any (made)) as entry from {log}.reach(touched) r(t)) s
	where s.entry is not null;
end
$log$;

-- What a DROP took away, but for what an extension's own script drops. What belongs to
-- a temporary table has no mark of it on every server, but its name. Tables are those
-- that go, those that lose a part, and those that are published and can no longer be.
create or replace function {log}.gone(out objects jsonb, out tables jsonb, out counts boolean) language plpgsql set search_path = pg_catalog, pg_temp as $log$
declare
	touched oid[];
	lost jsonb;
begin
	objects := '[]';
	tables := '[]';
	counts := false;
	if current_query() ~* '^[[:space:]]*(create|alter)[[:space:]]+extension[[:space:]][^;]*;?[[:space:]]*$' then
		return;
	end if;
	with gone as materialized (
		select d.*, d.is_temporary or coalesce(d.address_names[1] = 'pg_temp', false) as temporary, case
				when d.classid = 'pg_class'::regclass and d.objsubid > 0 then d.objid
				when d.object_type in ('trigger', 'rule', 'policy', 'table constraint', 'default value')
					then to_regclass(quote_ident(d.address_names[1]) || '.' || quote_ident(d.address_names[2]))::oid
			end as tab,
			coalesce(d.address_names[1] ~ {ours}, false) as ours
		from pg_event_trigger_dropped_objects() with ordinality d
	)
	select jsonb_agg(jsonb_build_object('class', (select k.relname from pg_class k where k.oid = g.classid), 'type', g.object_type, 'schema', g.schema_name,
			'identity', g.object_identity, 'oid', g.objid::bigint, 'dropped', true, 'temporary', g.temporary, 'extension', false) order by g.ordinality)
			filter (where g.original or g.object_type = 'table'),
		bool_or(not g.temporary and not g.ours) filter (where g.original),
		array_agg(distinct g.tab) filter (where g.tab is not null and not g.ours),
		jsonb_agg(jsonb_build_object('oid', g.objid::bigint, 'schema', g.schema_name, 'name', g.object_name, 'kind', 'r', 'partition', false, 'above', '[]'::jsonb,
			'selected', {log}.chosen(g.schema_name, g.object_name, false), 'follow', 'none', 'key', '[]'::jsonb, 'dropped', true, 'why', null) order by g.ordinality)
			filter (where g.classid = 'pg_class'::regclass and g.objsubid = 0 and g.object_type = 'table' and not g.temporary and not g.ours)
	into objects, counts, touched, lost
	from gone g;
	objects := coalesce(objects, '[]');
	counts := coalesce(counts, false);
	tables := '[]';
	if not counts then
		return;
	end if;
	touched := coalesce(touched, '{}') || array(
		with keyless as materialized (
			select c.oid
			from pg_class c
			where c.relkind = 'r' and c.relpersistence = 'p' and c.relreplident in ('d', 'i') and not exists (
				select from pg_index i where i.indrelid = c.oid and case c.relreplident when 'i' then i.indisreplident else i.indisprimary end)
		)
		select k.oid from keyless k
		where {log}.listed(k.oid) = 'all' or exists (select from unnest({log}.above(k.oid)) a where {log}.listed(a) = 'all'));
	select coalesce(jsonb_agg(s.entry order by s.t), '[]') into tables
	from (select r.t, {log}.settle(r.t, false) as entry from {log}.reach(touched) r(t)) s
	where s.entry is not null;
	tables := tables || coalesce(lost, '[]');
end
$log$;

-- Publications and subscriptions are the server's replication, and are not carried; what
-- users are called on other servers is each server's own, with passwords in it. A lock
-- is waited for no longer than a deadlock is: the application's command would be ended.
-- Who may write to a log of ours is nobody else's business.
create or replace function {log}.note(event text, tag text, path text) returns void language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '300ms' as $log$
declare
	dropping boolean := event = 'sql_drop';
	query text := coalesce(current_query(), '');
	made record;
	definition text;
begin
	if tag like '% PUBLICATION' or tag like '% SUBSCRIPTION' or tag like '% USER MAPPING' or dropping <> (tag like 'DROP %')
		or tag in ('GRANT', 'REVOKE') and query ~ 'bascule_[a-z0-9_]+_[0-9a-f]{8}' then
		return;
	end if;
	if dropping then
		select * into made from {log}.gone();
	else
		select * into made from {log}.done(tag);
	end if;
	if made.counts then
		if tag in ('CREATE TABLE AS', 'SELECT INTO') and (made.tables #>> '{0,follow}' <> 'none' or made.tables #>> '{0,late}' = 'true') then
			definition := {log}.defined((made.tables #>> '{0,oid}')::oid);
		end if;
		insert into {log}.ddl (tag, query, role, search_path, objects, tables, definition)
		values (tag, query, coalesce(nullif(current_setting('role'), 'none'), session_user::text), path, made.objects::text, made.tables::text, definition);
	end if;
end
$log$;

create or replace function {log}.failed(tag text, path text, problem text) returns void language plpgsql set search_path = pg_catalog, pg_temp as $log$
begin
	insert into {log}.ddl (tag, query, role, search_path, objects, tables, problem)
	values (tag, coalesce(current_query(), ''), coalesce(nullif(current_setting('role'), 'none'), session_user::text), path, '[]', '[]', problem);
end
$log$;

create or replace function {log}.fired() returns event_trigger language plpgsql security definer as $log$
begin
	perform {log}.note(tg_event, tg_tag, pg_catalog.current_setting('search_path'));
exception when others then
	begin
		perform {log}.failed(tg_tag, pg_catalog.current_setting('search_path'), sqlerrm);
	exception when others then
		null;
	end;
end
$log$;

revoke all on all functions in schema {log} from public;

drop event trigger if exists {ended};

create event trigger {ended} on ddl_command_end execute function {log}.fired();

alter event trigger {ended} enable always;

drop event trigger if exists {dropped};

create event trigger {dropped} on sql_drop execute function {log}.fired();

alter event trigger {dropped} enable always;
