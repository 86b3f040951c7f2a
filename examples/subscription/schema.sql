create table users (id bigint generated always as identity primary key, name text not null);
create table visits (page text not null, at timestamptz not null);
