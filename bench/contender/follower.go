package contender

import (
	"context"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"

	"bascule/bench/client"
)

// Pair is a source and the contender's own copy of it.
type Pair struct {
	// Source and Target are connection strings; the target is empty for a contender
	// that only reads.
	Source, Target string

	// Publication on the source holds all tables in it.
	Publication string

	// End is a position that only the backlog's last transaction ends after; it is
	// known once the backlog is made.
	End pglogrepl.LSN

	// Dir is an empty folder of the contender's own.
	Dir string

	// Binary is our program; Started is told its process id, unless nil.
	Binary  string
	Started func(pid int)
}

// Follower is one way to follow a source's changes.
type Follower struct {
	// Name is what a flag calls it, Command what the report shows.
	Name, Command string

	// Library has to be in shared_preload_libraries of both servers.
	Library string

	// Reads says that it has no target: it ends by itself at Pair.End.
	Reads bool

	// Copies says that it makes the target's tables and rows itself, in an empty
	// database.
	Copies bool

	// Delay is how long a byte takes to the target and back.
	Delay time.Duration

	// Against is the server's own way that it is compared with as an engine; "" for
	// those ways themselves.
	Against string

	// Copy, which engines have, makes the target's tables and rows in an empty database
	// and returns when all of them are there and changes are followed or kept. Prepare
	// comes after it.
	Copy func(context.Context, Pair) (client.Usage, error)

	// Prepare does everything once that comes before following, and leaves what keeps
	// the changes on the source from then on.
	Prepare func(context.Context, Pair) error

	// Run follows until the context ends, and reports the cost of programs beside the
	// servers.
	Run func(context.Context, Pair) (client.Usage, error)
}

// Names of the followers that bars speak of.
const (
	OursDelayed  = "bascule-20ms"
	Subscription = "subscription"
	SubBinary    = "binary"
	Pglogical    = "pglogical"
	Floor        = "floor"
)

// Followers are all, ours first. What pglogical adds to the source is added last.
func Followers() []Follower {
	return []Follower{
		{Name: Ours, Command: "bascule run (continuous = true), from the start of the process", Copies: true, Prepare: copyOnce, Run: follow},
		{Name: OursDelayed, Command: "the same, with 10 ms of delay each way between it and the target",
			Copies: true, Delay: 20 * time.Millisecond, Prepare: copyOnce, Run: follow},
		{Name: Subscription, Command: "create subscription ... with (binary = false), from alter subscription ... enable",
			Prepare: subscribe(false), Run: enable},
		{Name: SubBinary, Command: "create subscription ... with (binary = true), from alter subscription ... enable",
			Prepare: subscribe(true), Run: enable},
		{Name: Floor, Command: "START_REPLICATION with our options into a reader that discards", Reads: true,
			Prepare: createSlot, Run: discard},
		{Name: Pglogical, Command: "pglogical.create_subscription, from pglogical.alter_subscription_enable", Library: "pglogical",
			Prepare: joinPglogical, Run: enablePglogical},
	}
}

// query runs statements in one session of a database, one after another.
func query(ctx context.Context, url string, statements ...string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	return nil
}

// wait polls a query of one boolean until it is true.
func wait(ctx context.Context, url, sql string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for {
		var there bool
		if err := conn.QueryRow(ctx, sql).Scan(&there); err != nil || there {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// until runs one statement, waits for the context to end, and runs another, for which
// the end of the context does not count.
func until(ctx context.Context, url, start, stop string) (client.Usage, error) {
	if err := query(ctx, url, start); err != nil {
		return client.Usage{}, err
	}
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute) // it must not go on beside the next one
	defer cancel()
	return client.Usage{}, query(ctx, url, stop)
}
