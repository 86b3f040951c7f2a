package ledger

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// addColumns brings tables of formats before to this one. They are looked at first:
// ALTER TABLE takes a lock that streams would wait for.
func addColumns(ctx context.Context, tx pgx.Tx) error {
	for _, c := range laterColumns {
		var there bool
		if err := tx.QueryRow(ctx, columnThere, c.table, c.name).Scan(&there); err != nil {
			return err
		}
		if there {
			continue
		}
		if _, err := tx.Exec(ctx, "alter table "+c.table+" add column "+c.name+" "+c.definition); err != nil {
			return err
		}
	}
	return nil
}

// laterColumns came with formats 3 and 4.
var laterColumns = []struct{ table, name, definition string }{
	{"bascule.member", "columns", "jsonb"},
	{"bascule.stream", "handed", "boolean not null default false"},
	{"bascule.stream", "alone", "text not null default ''"},
}

const createLedger = `
	create schema if not exists bascule;
	create table if not exists bascule.ledger (
		format integer not null,
		single boolean primary key default true check (single));
	insert into bascule.ledger (format) values (4) on conflict do nothing;
	update bascule.ledger set format = 4 where format < 4;
	create table if not exists bascule.mirror (
		id text primary key,
		address text not null,
		lineage text not null,
		digest text not null,
		phase text not null,
		attempt integer not null,
		objects_total integer not null default 0,
		error text not null default '',
		started timestamptz not null default pg_catalog.now(),
		updated timestamptz not null default pg_catalog.now(),
		finished timestamptz);
	create table if not exists bascule.relation (
		mirror text not null references bascule.mirror on delete cascade,
		schema text not null,
		name text not null,
		bytes bigint not null,
		estimate double precision not null,
		chunks integer not null,
		rows bigint,
		error text not null default '',
		primary key (mirror, schema, name));
	create table if not exists bascule.chunk (
		mirror text not null references bascule.mirror on delete cascade,
		schema text not null,
		name text not null,
		part integer not null,
		rows bigint not null,
		bytes bigint not null,
		primary key (mirror, schema, name, part));
	create table if not exists bascule.object (
		mirror text not null references bascule.mirror on delete cascade,
		key text not null,
		seq bigint generated always as identity,
		section text not null,
		checksum text not null,
		drop_sql text not null,
		primary key (mirror, key));
	create table if not exists bascule.stream (
		mirror text primary key references bascule.mirror on delete cascade,
		generation bigint not null default 1,
		settings jsonb not null,
		timeline integer not null,
		halt jsonb,
		handed boolean not null default false,
		alone text not null default '');
	create table if not exists bascule.position (
		mirror text not null references bascule.mirror on delete cascade,
		name text not null,
		epoch bigint not null,
		lsn pg_lsn not null,
		committed timestamptz,
		transactions bigint not null default 0,
		changes bigint not null default 0,
		missing bigint not null default 0,
		updated timestamptz not null default pg_catalog.now(),
		primary key (mirror, name)) with (fillfactor = 20);
	create table if not exists bascule.member (
		mirror text not null references bascule.mirror on delete cascade,
		source oid not null,
		schema text not null,
		name text not null,
		target_schema text not null,
		target_name text not null,
		follow text not null,
		key text[] not null,
		dropped text[] not null,
		state text not null,
		point pg_lsn,
		columns jsonb,
		primary key (mirror, source));
	create table if not exists bascule.part (
		mirror text not null references bascule.mirror on delete cascade,
		source oid not null,
		number integer not null,
		low bigint,
		high bigint,
		point pg_lsn not null,
		primary key (mirror, source, number));
	create table if not exists bascule.ddl (
		mirror text not null references bascule.mirror on delete cascade,
		id text not null,
		nonce text not null,
		address text not null,
		checksum text not null,
		command text not null,
		lock_timeout bigint not null,
		xid text not null default '',
		members jsonb not null default '[]',
		lsn pg_lsn,
		applied timestamptz,
		seq bigint generated always as identity,
		primary key (mirror, id));`

const columnThere = `
	select exists (
		select from pg_catalog.pg_attribute
		where attrelid = $1::text::pg_catalog.regclass and attname = $2 and not attisdropped)`
