-- The shop's rows: the same ones every time, about 650,000 of them.

insert into shop.categories (parent_id, name)
select null, 'Department ' || i from generate_series(1, 12) i;
insert into shop.categories (parent_id, name)
select 1 + i % 12, 'Shelf ' || i from generate_series(1, 120) i;

insert into shop.products (category_id, sku, name, description, net, "On Sale?", bounds, tags, details, photo, manual)
select
	1 + i % 132,
	'SKU-' || lpad(i::text, 6, '0'),
	(array['Red', 'Green', 'Blue', 'Grau', 'Crème', '黒い'])[1 + i % 6] || ' ' ||
		(array['lamp', 'chair', 'kettle', 'teapot', 'Schlüssel', 'ボタン'])[1 + i / 6 % 6] || ' no. ' || i,
	case when i % 10 > 0 then repeat('Made with care, batch ' || i || E'.\n', 1 + i % 40) end,
	(i * 7919 % 50000) / 100.0,
	i % 7 = 0,
	shop.price_range((i % 100)::numeric, (i % 100 + 25)::numeric),
	array['tag' || i % 50, 'a, "quoted" \ tag', case when i % 3 = 0 then null else 'third' end],
	jsonb_build_object('weight', i % 300, 'size', jsonb_build_array(i % 7, i % 11), 'origin', case when i % 5 > 0 then 'EU' end),
	case when i % 20 = 0 then decode(repeat(md5(i::text), 400), 'hex') end,
	case when i % 1000 = 0 then lo_from_bytea(0, convert_to(repeat('Read this first. ', i), 'UTF8')) end
from generate_series(1, 5000) i;

insert into shop.customers (email, name, home, recommends, invited_by, changed)
select
	'customer' || i || '@example.com',
	(array['Ana', 'Bo', 'Çelik', 'Dvořák', 'Ärmel', 'O''Neil'])[1 + i % 6] || ' ' || md5(i::text),
	row('Main Street ' || i % 200, 'City ' || i % 90, lpad((i % 90000)::text, 5, '0'), (array['DE', 'FR', 'IT'])[1 + i % 3])::shop.address,
	array[i % 17, i % 19],
	case when i % 4 = 0 then i / 4 end,
	timestamptz '2023-01-01 00:00:00+00' + i * interval '17 minutes'
from generate_series(1, 30000) i;
update shop.customers set name = upper(name) where id % 100 = 0;

-- Checking 420,000 foreign keys row by row takes longer than everything else here, and
-- these hold by the way they are made.
set session_replication_role = replica;

insert into shop.orders (id, placed_on, customer_id, status, ship_to, note)
select
	i,
	date '2022-11-01' + i % 1200,
	1 + i * 31 % 30000,
	(enum_range(null::shop.order_status))[1 + i % 5],
	case when i % 6 = 0 then row('Dock ' || i % 40, 'Harbour', null, 'NL')::shop.address end,
	case when i % 9 = 0 then E'left\tat the "door";\nring \\ twice' end
from generate_series(1, 120000) i;

insert into shop.order_lines (order_id, placed_on, line, product_id, quantity, net)
select i, date '2022-11-01' + i % 1200, n, 1000 + (i * 13 + n * 101) % 5000, 1 + (i + n) % 9, (i * n * 37 % 20000) / 100.0
from generate_series(1, 120000) i, generate_series(1, 1 + i % 4) n;

reset session_replication_role;

insert into shop.reviews (product_id, customer_id, stars, body)
select 1000 + i * 11 % 5000, 1 + i * 7 % 30000, 1 + i % 5,
	'Lamp number ' || i || ' shines and shone; chairs are ' || (array['sturdy', 'wobbly', 'soft'])[1 + i % 3]
from generate_series(1, 20000) i;

begin;
insert into stock.stores (id, name, manager_id)
select i, 'Store ' || i, i * 10 from generate_series(1, 40) i;
insert into stock.staff (id, store_id, name, rank)
select i, 1 + (i - 1) / 10, 'Employee ' || i, 1 + (i - 1) % 10 from generate_series(1, 400) i;
commit;

insert into stock.reservations (id, store_id, during)
select md5('reservation' || i)::uuid, 1 + i % 40,
	tstzrange('2025-01-01 00:00:00+00'::timestamptz + i / 40 * interval '2 hours',
		'2025-01-01 00:00:00+00'::timestamptz + i / 40 * interval '2 hours' + interval '90 minutes')
from generate_series(1, 4000) i;

insert into stock.movements (product_id, store_id, moved_at, quantity)
select 1000 + i % 5000, 1 + i % 40, timestamp '2024-01-01' + i * interval '3 minutes', (i % 21) - 10
from generate_series(1, 150000) i;

insert into stock.baskets (session, content)
select md5('basket' || i)::uuid, jsonb_build_object('lines', jsonb_build_array(i % 10, i % 3))
from generate_series(1, 1000) i;

insert into audit.entries (relation, operation, source, mask, took)
select 'shop.table_' || i % 9, (array['INSERT', 'UPDATE', 'DELETE'])[1 + i % 3],
	('10.0.' || i % 200 || '.' || i % 250)::inet, (i % 256)::bit(8), i % 5000 * interval '1 millisecond'
from generate_series(1, 20000) i;

insert into "Back Office".documents values (1, 'House rules'), (2, 'Fire drill');
insert into "Back Office".contracts values (3, 'Rent', '2030-12-31'), (4, 'Cleaning', '2026-06-30');
insert into "Back Office"."Settings" values ('currency', 'EUR'), ('Tab	in it', E'line\nbreak');

select setval('shop.countdown', -7), nextval('shop.invoice_number'), nextval('shop.invoice_number');

refresh materialized view shop.monthly_sales;
refresh materialized view shop.best_month;
analyze;
