package contender

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/bench/client"
)

// raw is the fastest that plain tools can do with one big table: no snapshot, no
// other objects, no check.
func raw(ctx context.Context, m Move) (client.Usage, error) {
	middle, err := middleBlock(ctx, m.Source, m.Workload.Table)
	if err != nil {
		return client.Usage{}, err
	}
	used, err := client.Run(ctx, nil, psql(m.Target, "-q", "-c", m.Workload.Bare))
	if err != nil {
		return used, err
	}
	copied, err := client.Together(ctx,
		stream(m, fmt.Sprintf("ctid < '(%d,0)'", middle)),
		stream(m, fmt.Sprintf("ctid >= '(%d,0)'", middle)))
	used = used.Then(copied)
	if err != nil {
		return used, err
	}
	indexed, err := index(ctx, m)
	return used.Then(indexed), err
}

// stream copies the rows of a condition.
func stream(m Move, condition string) func(context.Context) (client.Usage, error) {
	from := fmt.Sprintf("copy (select * from %s where %s) to stdout (format binary)", m.Workload.Table, condition)
	to := fmt.Sprintf("copy %s from stdin (format binary)", m.Workload.Table)
	return func(ctx context.Context) (client.Usage, error) {
		return client.Run(ctx, nil, psql(m.Source, "-q", "-c", from), psql(m.Target, "-q", "-c", to))
	}
}

// index builds the indexes on two connections, in turn.
func index(ctx context.Context, m Move) (client.Usage, error) {
	next := make(chan string, len(m.Workload.Indexes))
	for _, statement := range m.Workload.Indexes {
		next <- statement
	}
	close(next)
	connection := func(ctx context.Context) (client.Usage, error) {
		var used client.Usage
		for statement := range next {
			u, err := client.Run(ctx, nil, psql(m.Target, "-q", "-c", "set maintenance_work_mem = '512MB'", "-c", statement))
			used = used.Then(u)
			if err != nil {
				return used, err
			}
		}
		return used, nil
	}
	return client.Together(ctx, connection, connection)
}

// middleBlock is the number of the block in the middle of a table.
func middleBlock(ctx context.Context, url, table string) (int64, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var blocks int64
	err = conn.QueryRow(ctx, countBlocks, table).Scan(&blocks)
	return blocks / 2, err
}

const countBlocks = `
	select pg_catalog.pg_relation_size($1::pg_catalog.regclass)
	       / pg_catalog.current_setting('block_size')::bigint`
