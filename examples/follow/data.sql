insert into customer (name, email) select 'Customer ' || i, 'c' || i || '@example.org' from generate_series(1, 1000) i;
insert into purchase (customer, placed, total)
	select 1 + i % 1000, timestamptz '2026-01-01' + i * interval '1 minute', (i % 997) / 10.0 from generate_series(1, 20000) i;
insert into reading select 'sensor ' || i % 10, timestamptz '2026-01-01' + i * interval '1 second', sin(i) from generate_series(1, 5000) i;
refresh materialized view sales;
