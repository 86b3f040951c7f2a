package planner_test

import "bascule/planner"

// keyFindings are of commands that change how rows are found.
var keyFindings = []finding{
	{rule: "a key that goes", body: "ALTER TABLE public.lines DROP CONSTRAINT lines_pkey", code: "B102", severity: planner.Warning, at: atCommand, remedy: "REPLICA IDENTITY FULL, in the same block"},
	{rule: "a column of the key goes", body: "ALTER TABLE public.lines DROP COLUMN id", code: "B102", severity: planner.Warning, at: atCommand, remedy: "mirror.app follows its inserts alone"},
	{rule: "a key goes, and another comes", body: "ALTER TABLE public.lines DROP CONSTRAINT lines_pkey; ALTER TABLE public.lines ADD PRIMARY KEY (order_id)"},
	{rule: "a key goes, and another comes under another name", body: "ALTER TABLE public.lines DROP CONSTRAINT lines_pkey; ALTER TABLE public.lines RENAME TO rows; ALTER TABLE public.rows ADD PRIMARY KEY (order_id)"},
	{rule: "a key goes, under another name", body: "ALTER TABLE public.lines RENAME TO rows; ALTER TABLE public.rows DROP CONSTRAINT lines_pkey", code: "B102", severity: planner.Warning, at: atCommand, remedy: "leaves public.lines no key"},
	{rule: "the key of a new table", body: "CREATE TABLE public.news (id int PRIMARY KEY); ALTER TABLE public.news DROP CONSTRAINT news_pkey"},
	{rule: "a key goes, and comes with a column", body: "ALTER TABLE public.lines DROP CONSTRAINT lines_pkey, ADD COLUMN n int PRIMARY KEY"},
	{rule: "a key goes, and one comes that rows are not found by", body: "ALTER TABLE public.lines DROP CONSTRAINT lines_pkey, ADD PRIMARY KEY (order_id) DEFERRABLE", code: "B102", severity: planner.Warning, at: atCommand, remedy: "another key"},
	{rule: "a key that rows are found by no longer", body: "ALTER TABLE public.lines REPLICA IDENTITY FULL, DROP CONSTRAINT lines_pkey"},
	{rule: "another constraint goes", body: "ALTER TABLE public.lines DROP CONSTRAINT lines_order_fkey"},
	{rule: "a replica identity that is taken", body: "ALTER TABLE public.lines REPLICA IDENTITY NOTHING", code: "B102", severity: planner.Warning, at: atCommand, remedy: "another key"},
	{rule: "the index of a replica identity goes", body: "DROP INDEX public.by_order", code: "B102", severity: planner.Warning, at: atCommand, remedy: "another key", edit: byOrder, with: "B184"},
	{rule: "its column may be null", body: "ALTER TABLE public.lines ALTER order_id DROP NOT NULL", code: "B102", severity: planner.Warning, at: atCommand, remedy: "another key", edit: byOrder},
	{rule: "the key is not what rows are found by", body: "ALTER TABLE public.lines DROP CONSTRAINT lines_pkey", edit: byOrder},
	{rule: "the key of partitions goes", body: "ALTER TABLE public.orders DROP CONSTRAINT orders_pkey", code: "B102", severity: planner.Warning, at: atCommand, remedy: "leaves public.lines no key",
		edit: func(w *world) {
			partitioned(w.src, 20100, 20200)
			for i := range w.src.Indexes {
				if w.src.Indexes[i].Table == 20200 {
					w.src.Indexes[i].Parent = 20101
				}
			}
		}, with: "B133"},
}

// byOrder has rows of lines be found by an index.
func byOrder(w *world) {
	r := find(w.src, 20200)
	r.ReplicaIdentity, r.Columns[1].NotNull = 'i', true
	index(w.src, 20220, 20200, "by_order", 2).ReplicaIdentity = true
}
