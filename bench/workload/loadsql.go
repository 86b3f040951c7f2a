package workload

// The parameters of a load are said at its use in loads.go.

// Keys and times go up, as they do in life; customers come in no order.

const bulkTable = `
	create table public.orders (
		id          bigint primary key,
		customer    integer not null,
		created_at  timestamptz not null,
		amount      numeric(12,2) not null,
		note        text not null)`

const bulkByCustomer = `create index on public.orders (customer)`

const bulkByTime = `create index on public.orders (created_at)`

const bulkRows = `
	do $$
	begin
		for t in %[3]d .. %[3]d + %[1]d - 1 loop
			insert into public.orders
			select t * %[2]d + i, pg_catalog.abs(pg_catalog.hashint4(t * %[2]d + i)) %% 100000,
				timestamptz '2024-01-01 00:00+00' + (t * %[2]d + i) * interval '1.37 seconds',
				i / 100.0, 'order ' || pg_catalog.md5(i::text)
			from pg_catalog.generate_series(1, %[2]d) i;
			commit;
		end loop;
	end $$`

const updatesTable = `
	create table public.accounts (
		id         bigint primary key,
		balance    bigint not null,
		name       text not null,
		changed_at timestamptz not null)`

const updatesRows = `
	insert into public.accounts
	select i, 0, 'account ' || pg_catalog.md5(i::text), timestamptz '2024-01-01 00:00+00'
	from pg_catalog.generate_series(0, %d - 1) i`

// A session has the keys of its own remainder: sessions never wait for each other.
const updatesLoad = `
	do $$
	declare
		k bigint; -- a call of random() in the condition would keep it from the index
	begin
		perform pg_catalog.setseed(%[1]d / 10.0);
		for t in 1 .. %[2]d loop
			for i in 1 .. 100 loop
				k := (pg_catalog.random() * %[3]d)::bigint * %[4]d + %[1]d;
				update public.accounts set balance = balance + i, changed_at = pg_catalog.now() where id = k;
			end loop;
			commit;
		end loop;
	end $$`

const insertsTable = `
	create table public.events (
		id      bigint primary key,
		device  integer not null,
		at      timestamptz not null,
		message text not null)`

const insertsLoad = `
	do $$
	begin
		for i in 0 .. %[1]d - 1 loop
			insert into public.events values (i * %[2]d + %[3]d, i %% 1000, pg_catalog.now(), 'event of device ' || i %% 1000);
			commit;
		end loop;
	end $$`

const mixedTables = `
	do $$
	begin
		for t in 1 .. 50 loop
			execute pg_catalog.format('create table public.mixed_%%s (
				id bigint primary key, account integer not null, amount numeric(12,2) not null,
				note text, tags text[] not null, changed_at timestamptz not null)', t);
			execute pg_catalog.format('create index on public.mixed_%%s (account)', t);
			execute pg_catalog.format('insert into public.mixed_%%s
				select i, i %%%% 97, i / 100.0, ''note '' || i, array[''tag'' || i %%%% 7], timestamptz ''2024-01-01 00:00+00''
				from pg_catalog.generate_series(0, %[1]d - 1) i', t);
		end loop;
	end $$`

const mixedLoad = `
	do $$
	declare
		t integer;
		k bigint;
	begin
		perform pg_catalog.setseed(%[1]d / 10.0);
		for i in 1 .. %[2]d loop
			for change in 1 .. 6 loop
				t := 1 + pg_catalog.floor(pg_catalog.random() * 50);
				k := (pg_catalog.random() * %[3]d)::bigint * %[4]d + %[1]d;
				if change <= 2 then
					execute 'insert into public.mixed_' || t || ' values ($1, $2, $3, $4, array[$4], pg_catalog.now())'
					using 1000000::bigint + (i * 2 + change) * %[4]d + %[1]d, i %% 97, i / 100.0, 'added by ' || i;
				elsif change <= 5 then
					execute 'update public.mixed_' || t || ' set amount = amount + 1, note = $2, changed_at = pg_catalog.now() where id = $1'
					using k, 'changed by ' || i;
				else
					execute 'delete from public.mixed_' || t || ' where id = $1' using k;
				end if;
			end loop;
			commit;
		end loop;
	end $$`

const transactionTable = `
	create table public.documents (
		id   bigint primary key,
		body text not null)`

const transactionRows = `
	insert into public.documents
	select i, pg_catalog.repeat(pg_catalog.md5(i::text), 32)
	from pg_catalog.generate_series(1, %d) i`

const trickleTable = `
	create table public.beats (
		id bigint primary key,
		at timestamptz not null)`
