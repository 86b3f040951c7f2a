create table customer (
	id bigint generated always as identity primary key,
	name text not null,
	email text unique
);
create table purchase (
	id bigint generated always as identity primary key,
	customer bigint not null references customer,
	placed timestamptz not null default now(),
	total numeric(12, 2) not null
);
create index on purchase (customer);
create table reading (sensor text, at timestamptz, value double precision);
create materialized view sales as
	select customer, count(*) as purchases, sum(total) as total from purchase group by customer;
