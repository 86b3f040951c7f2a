package contender

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/bench/client"
	"bascule/executor/stream/pgoutput"
	"bascule/executor/stream/walsender"
	"bascule/planner/catalog"
)

// floorSlot is the slot of the reader that discards.
const floorSlot = "bench_floor"

func createSlot(ctx context.Context, p Pair) error {
	return query(ctx, p.Source, fmt.Sprintf(makeSlot, floorSlot))
}

// discard reads what our stream would, by the reader that our stream has, and does
// nothing with it: no follower can be faster than the source decodes and sends.
func discard(ctx context.Context, p Pair) (client.Usage, error) {
	conn, err := pgconn.Connect(ctx, p.Source+"&replication=database")
	if err != nil {
		return client.Usage{}, err
	}
	from, err := walsender.Start(ctx, conn, walsender.Config{Slot: floorSlot, Publications: []string{p.Publication}, Binary: true})
	if err != nil {
		return client.Usage{}, err
	}
	from.Slack.Store(true)
	read := make(chan struct{})
	go func() {
		defer close(read)
		from.Read(ctx)
	}()
	end, err := readPast(from, catalog.LSN(p.End))
	if err == nil {
		err = from.Status(end, end, false)
	}
	err = errors.Join(err, from.Finish(ctx))
	<-read
	return client.Usage{}, err
}

// readPast reads the stream until a transaction ends after a position, and returns
// where it ended.
func readPast(from *walsender.Conn, position catalog.LSN) (catalog.LSN, error) {
	var block []byte // none at first: what came with the answer to START_REPLICATION
	for open := true; open; block, open = <-from.Blocks() {
		from.Feed(block)
		end, err := commitPast(from, position)
		if end != 0 || err != nil {
			return end, err
		}
		from.Release(block)
	}
	return 0, from.Err()
}

// commitPast takes a block apart, and returns where a transaction of it ended that ends
// after a position, 0 where there is none.
func commitPast(from *walsender.Conn, position catalog.LSN) (catalog.LSN, error) {
	for {
		message, ok, err := from.Next()
		if err != nil || !ok {
			return 0, err
		}
		if len(message.Data) > 0 && message.Data[0] == pgoutput.TypeCommit {
			c, err := pgoutput.ParseCommit(message.Data)
			if err != nil || c.End > position {
				return c.End, err
			}
		}
		if message.Reply {
			if err := from.Status(0, 0, false); err != nil {
				return 0, err
			}
		}
	}
}

const makeSlot = `select pg_catalog.pg_create_logical_replication_slot('%s', 'pgoutput')`
