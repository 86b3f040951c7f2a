insert into users (name) select 'User ' || i from generate_series(1, 1000) i;
insert into visits select '/page/' || i % 100, timestamptz '2026-01-01' + i * interval '1 second' from generate_series(1, 5000) i;
