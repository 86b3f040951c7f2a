package workload

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"bascule/bench/client"
)

// sessions is how many write a backlog at once, so that its transactions lie
// interleaved in the WAL.
const sessions = 4

func tpcb() Backlog {
	b := Backlog{
		Name:  "tpcb",
		Title: "pgbench's TPC-B by 4 clients at scale 10; 100,000 transactions",
		Unit:  "transactions", Bar: 1.3, units: 100_000,
	}
	b.seed = func(ctx context.Context, url string, scale int) error {
		return pgbench(ctx, "-i", "-q", "-s", strconv.Itoa(max(1, 10/scale)), url)
	}
	b.load = func(ctx context.Context, url string, units, _ int) error {
		return pgbench(ctx, "-n", "-M", "prepared", "-c", strconv.Itoa(sessions), "-t", strconv.Itoa(units/sessions), url)
	}
	return b
}

func bulk() Backlog {
	return Backlog{
		Name:  "bulk",
		Title: "2 million rows in 200 transactions into a table with 3 indexes",
		Unit:  "rows", Bar: 1.2, units: 2_000_000,
		seed: statements(func(int) []string { return []string{bulkTable, bulkByCustomer, bulkByTime} }),
		load: func(ctx context.Context, url string, units, _ int) error {
			const transactions = 200
			return execute(ctx, url, fmt.Sprintf(bulkRows, transactions, units/transactions, 0))
		},
	}
}

func updates() Backlog {
	const rows = 1_000_000
	return Backlog{
		Name:  "updates",
		Title: "1 million updates of one row by random key, of 1 million rows, in transactions of 100",
		Unit:  "updates", Bar: 1.0, units: 1_000_000,
		seed: statements(func(scale int) []string {
			return []string{updatesTable, fmt.Sprintf(updatesRows, rows/scale)}
		}),
		load: func(ctx context.Context, url string, units, scale int) error {
			return aside(ctx, func(ctx context.Context, session int) error {
				return execute(ctx, url, fmt.Sprintf(updatesLoad, session, units/sessions/100, rows/scale/sessions-1, sessions))
			})
		},
	}
}

func inserts() Backlog {
	return Backlog{
		Name:  "inserts",
		Title: "500,000 inserts of one row, each its own transaction",
		Unit:  "transactions", Bar: 1.5, units: 500_000,
		seed: statements(func(int) []string { return []string{insertsTable} }),
		load: func(ctx context.Context, url string, units, _ int) error {
			return aside(ctx, func(ctx context.Context, session int) error {
				return execute(ctx, url, fmt.Sprintf(insertsLoad, units/sessions, sessions, session))
			})
		},
	}
}

func mixed() Backlog {
	const rows = 10_000
	return Backlog{
		Name:  "mixed",
		Title: "100,000 transactions of 2 inserts, 3 updates and a delete, over 50 tables",
		Unit:  "transactions", Bar: 1.0, units: 100_000,
		seed: statements(func(scale int) []string { return []string{fmt.Sprintf(mixedTables, max(100, rows/scale))} }),
		load: func(ctx context.Context, url string, units, scale int) error {
			return aside(ctx, func(ctx context.Context, session int) error {
				return execute(ctx, url, fmt.Sprintf(mixedLoad, session, units/sessions, max(100, rows/scale)/sessions-1, sessions))
			})
		},
	}
}

// Transaction is one single transaction of 2 GB.
func Transaction() Backlog {
	return Backlog{
		Name:  "transaction",
		Title: "one transaction of 2 million rows of 1 kB",
		Unit:  "rows", units: 2_000_000,
		seed: statements(func(int) []string { return []string{transactionTable} }),
		load: func(ctx context.Context, url string, units, _ int) error {
			return execute(ctx, url, fmt.Sprintf(transactionRows, units))
		},
	}
}

// Trickle is tables with nothing to drain, for what is measured row by row.
func Trickle() Backlog {
	return Backlog{
		Name: "delay", Title: "20 transactions of one row a second", Unit: "rows", units: 400,
		seed: statements(func(int) []string { return []string{trickleTable} }),
		load: func(context.Context, string, int, int) error { return nil },
	}
}

func statements(of func(scale int) []string) func(context.Context, string, int) error {
	return func(ctx context.Context, url string, scale int) error { return execute(ctx, url, of(scale)...) }
}

// aside runs the sessions of a load side by side.
func aside(ctx context.Context, session func(context.Context, int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for i := range sessions {
		g.Go(func() error { return session(ctx, i) })
	}
	return g.Wait()
}

// execute runs statements that may commit within themselves. A load does not wait for
// the disk at each commit: it is not what is measured.
func execute(ctx context.Context, url string, statements ...string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, s := range append([]string{"set synchronous_commit = off"}, statements...) {
		if _, err := conn.Exec(ctx, s, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	return nil
}

func pgbench(ctx context.Context, args ...string) error {
	_, err := client.Run(ctx, nil, client.Command{
		Args: append([]string{"pgbench"}, args...),
		Env:  []string{"PGOPTIONS=-c synchronous_commit=off"},
	})
	return err
}
