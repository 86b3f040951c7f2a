package workload

import (
	"context"
	"fmt"
	"strconv"
)

// accounts is a database of one big table whose rows are then changed.
func accounts() Backlog {
	b := tpcb()
	b.Name = "accounts"
	b.Title = "pgbench at scale 50, 5 million rows; then 100,000 transactions of its TPC-B by 4 clients"
	b.seed = func(ctx context.Context, url string, scale int) error {
		return pgbench(ctx, "-i", "-q", "-s", strconv.Itoa(max(1, 50/scale)), url)
	}
	return b
}

// orders is a table with indexes that then grows to double its size.
func orders() Backlog {
	const transactions = 200
	b := bulk()
	b.Name = "orders"
	b.Title = "2 million rows in a table with 3 indexes; then as many again in 200 transactions"
	b.seed = func(ctx context.Context, url string, scale int) error {
		return execute(ctx, url, bulkTable, bulkByCustomer, bulkByTime,
			fmt.Sprintf(bulkRows, transactions, b.Units(scale)/transactions, 0))
	}
	b.load = func(ctx context.Context, url string, units, _ int) error {
		return execute(ctx, url, fmt.Sprintf(bulkRows, transactions, units/transactions, transactions))
	}
	return b
}
