package workload

import "fmt"

func narrow() Workload {
	w := Workload{
		Name:    "narrow",
		Title:   "one narrow table: bigint key, two integers, timestamptz; 10 million rows",
		Table:   "public.readings",
		Bare:    narrowTable,
		Indexes: []string{narrowKey},
	}
	w.create = func(scale int) []string {
		return []string{narrowTable, fmt.Sprintf(narrowRows, 10_000_000/scale), narrowKey}
	}
	return w
}

func wide() Workload {
	w := Workload{
		Name:    "wide",
		Title:   "one wide table: uuid key, jsonb, timestamptz, numeric, text, arrays; 3 secondary indexes; 5 million rows",
		Table:   "public.orders",
		Bare:    wideTable,
		Indexes: []string{wideKey, wideByCustomer, wideByStatus, wideByTime},
	}
	w.create = func(scale int) []string {
		return append([]string{wideTable, fmt.Sprintf(wideRows, 5_000_000/scale)}, w.Indexes...)
	}
	return w
}

func small() Workload {
	return Workload{
		Name:   "small",
		Title:  "5,000 small tables: 5 rows, a key, a foreign key to another table",
		create: func(scale int) []string { return smallTables(5000 / scale) },
	}
}

// Many is a database of that many small tables with foreign keys.
func Many(tables int) Workload {
	return Workload{
		Name:   fmt.Sprintf("tables_%d", tables),
		create: func(int) []string { return smallTables(tables) },
	}
}

func smallTables(n int) []string { return []string{fmt.Sprintf(smallLoop, n)} }

func toast() Workload {
	w := Workload{
		Name:    "toast",
		Title:   "one table of nearly only TOAST: incompressible bytea and text of 1 to 8 MB; 1 GB",
		Table:   "public.files",
		Bare:    toastTable,
		Indexes: []string{toastKey},
	}
	w.create = func(scale int) []string {
		return []string{toastTable, fmt.Sprintf(toastRows, max(4, 228/scale)), toastKey}
	}
	return w
}

// LargestRow is the size, in bytes, of the largest value of Large.
const LargestRow = 200 << 20

// Large is a database with one value of 200 MB, and a few of 20 MB.
func Large() Workload {
	return Workload{
		Name:   "large",
		Table:  "public.files",
		create: func(int) []string { return []string{toastTable, largeRows, toastKey} },
	}
}

const narrowTable = `
	create table public.readings (
		id     bigint not null,
		device integer not null,
		value  integer not null,
		at     timestamptz not null)`

const narrowRows = `
	insert into public.readings
	select i, i %% 1000, pg_catalog.hashint4(i), timestamptz '2024-01-01 00:00+00' + i * interval '1.37 seconds'
	from pg_catalog.generate_series(1, %d) i`

const narrowKey = `alter table public.readings add constraint readings_pkey primary key (id)`

const wideTable = `
	create table public.orders (
		id         uuid not null,
		customer   uuid not null,
		created_at timestamptz not null,
		amount     numeric(12,2) not null,
		status     text not null,
		note       text,
		tags       text[] not null,
		scores     integer[] not null,
		document   jsonb not null)`

const wideRows = `
	insert into public.orders
	select pg_catalog.md5(i::text)::uuid,
		pg_catalog.md5((i %% 100000)::text)::uuid,
		timestamptz '2020-01-01 00:00+00' + (i::bigint * 7919 %% 126230400) * interval '1 second',
		(i::bigint * 104729 %% 10000000) / 100.0,
		(array['new', 'paid', 'packed', 'sent', 'returned'])[1 + i %% 5],
		case when i %% 3 = 0 then null else 'left with a neighbour, code ' || pg_catalog.md5('n' || i) end,
		array['tag' || i %% 97, 'tag' || i %% 89, 'tag' || i %% 83],
		array[i, i %% 1000, i %% 77, i %% 13],
		pg_catalog.jsonb_build_object('sku', pg_catalog.md5('s' || i), 'quantity', i %% 12,
			'address', pg_catalog.jsonb_build_object('city', 'City ' || i %% 5000, 'zip', pg_catalog.lpad((i %% 99999)::text, 5, '0')),
			'gift', i %% 7 = 0)
	from pg_catalog.generate_series(1, %d) i`

const wideKey = `alter table public.orders add constraint orders_pkey primary key (id)`

const wideByCustomer = `create index orders_customer_idx on public.orders (customer)`

const wideByStatus = `create index orders_status_amount_idx on public.orders (status, amount)`

const wideByTime = `create index orders_created_at_idx on public.orders (created_at)`

// Table i refers to table i/2; a commit every hundred keeps the locks few.
const smallLoop = `
	do $$
	begin
		for i in 1 .. %d loop
			execute pg_catalog.format('create table public.t%%s (id integer primary key, parent integer, name text not null, at timestamptz not null)', i);
			execute pg_catalog.format('insert into public.t%%s select n, n, ''row '' || n, timestamptz ''2024-01-01 00:00+00'' + n * interval ''1 day'' from pg_catalog.generate_series(1, 5) n', i);
			if i > 1 then
				execute pg_catalog.format('alter table public.t%%s add foreign key (parent) references public.t%%s', i, i / 2);
			end if;
			if i %% 100 = 0 then
				commit;
			end if;
		end loop;
	end $$`

const toastTable = `
	create table public.files (
		id      bigint not null,
		name    text not null,
		content bytea,
		body    text)`

// Hashes do not compress; base64 neither, for PostgreSQL's compression only
// finds repetitions.
const toastRows = `
	insert into public.files
	select i, 'file ' || i,
		case when i %% 2 = 0 then v.content end,
		case when i %% 2 = 1 then pg_catalog.translate(pg_catalog.encode(v.content, 'base64'), E'\n', '') end
	from pg_catalog.generate_series(1, %d) i,
	lateral (
		select pg_catalog.string_agg(pg_catalog.sha512((i::bigint * 1000003 + n)::text::bytea), ''::bytea order by n) as content
		from pg_catalog.generate_series(1, 16384 * (1 + i %% 8) * case when i %% 2 = 1 then 3 else 4 end / 4) n) v`

// 64 bytes a hash: 3276800 are 200 MiB.
const largeRows = `
	insert into public.files
	select i, 'file ' || i,
		(select pg_catalog.string_agg(pg_catalog.sha512((i::bigint * 1000003 + n)::text::bytea), ''::bytea order by n)
		 from pg_catalog.generate_series(1, case when i = 3 then 3276800 else 327680 end) n),
		null
	from pg_catalog.generate_series(1, 5) i`

const toastKey = `alter table public.files add constraint files_pkey primary key (id)`
