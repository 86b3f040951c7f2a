create schema app;
create schema other;
create type app.status as enum ('new', 'old');
create domain app.positive as int check (value > 0);
create type app.pair as (a int, b int);
create function app.f() returns int language sql as 'select 1';
create function app.touch() returns trigger language plpgsql as 'begin return new; end';
create procedure app.p() language plpgsql as 'begin null; end';
create sequence app.seq;

create table app.users (
	id int primary key, name varchar(10), nick varchar(10), email text not null constraint users_email_key unique, n int default 1, small smallint,
	price numeric(10, 2), ts timestamp, ts3 timestamp(3), tstz timestamptz, net cidr, s app.status, p app.positive,
	tags varchar[], short varchar(3)[], doc jsonb, flag boolean not null default true, doubled int generated always as (id * 2) stored,
	constraint users_n_check check (n > 0));
insert into app.users (id, name, email, price, ts, tstz, net, tags)
	select i, 'n' || i, 'e' || i, i, now(), now(), '10.0.0.0/8', '{a}' from generate_series(1, 100) i;
create index users_name on app.users (name);
create statistics app.users_stat on name, email from app.users;
create table app.orders (id int primary key, user_id int constraint orders_user references app.users, total int);
insert into app.orders select i, i, i from generate_series(1, 50) i;
alter table app.orders add constraint orders_late foreign key (total) references app.users not valid;
alter table app.orders add constraint orders_check check (total > 0) not valid;
create trigger touch before update on app.orders for each row execute function app.touch();
create policy mine on app.orders using (true);
create table app.bare (a int, b text);
insert into app.bare select i, 'b' from generate_series(1, 50) i;
create rule noted as on delete to app.bare do also notify bare;

create table app.events (id int, at date not null) partition by range (at);
create table app.events_1 partition of app.events for values from ('2020-01-01') to ('2021-01-01');
create table app.events_2 (id int, at date not null);
insert into app.events values (1, '2020-02-02');
insert into app.events_2 values (1, '2021-02-02');
create table app.parent (a int);
create table app.child (a int);
create table app.heir () inherits (app.parent);

create view app.v as select id, name from app.users;
create materialized view app.m as select id, name from app.users;
create unique index m_id on app.m (id);
create unlogged table app.unlogged (a int);
insert into app.unlogged values (1);
