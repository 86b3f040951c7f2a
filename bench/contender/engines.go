package contender

import (
	"context"
	"fmt"
	"time"

	"bascule/bench/client"
)

// Names of our engines that the servers run.
const (
	OursSubscription = "bascule-subscription"
	OursPglogical    = "bascule-pglogical"
)

// Engines are the ways to copy a database and follow it from then on: each of our
// engines before the server's own way that it is compared with.
func Engines() []Follower {
	return []Follower{
		{Name: Ours, Command: `bascule apply (engine = "stream"), then bascule run, from the start of the process`, Against: Subscription,
			Copies: true, Copy: mirrorBy("stream"), Prepare: nothing, Run: follow},
		{Name: OursSubscription, Command: `bascule apply (engine = "subscription"), then alter subscription ... enable`, Against: Subscription,
			Copies: true, Copy: mirrorBy("subscription"), Prepare: holdSubscriptions, Run: letSubscriptions},
		{Name: Subscription, Command: "pg_dump --schema-only | psql, create subscription ... with (copy_data = true), then alter subscription ... enable",
			Copies: true, Copy: copySubscription, Prepare: holdSubscriptions, Run: letSubscriptions},
		{Name: OursPglogical, Command: `bascule apply (engine = "pglogical"), then pglogical.alter_subscription_enable`, Against: Pglogical,
			Library: "pglogical", Copies: true, Copy: mirrorByPglogical, Prepare: holdPglogical, Run: letPglogical},
		{Name: Pglogical, Command: "pglogical.create_subscription(synchronize_structure, synchronize_data), then pglogical.alter_subscription_enable",
			Library: "pglogical", Copies: true, Copy: copyPglogical, Prepare: holdPglogical, Run: letPglogical},
	}
}

func nothing(context.Context, Pair) error { return nil }

func mirrorBy(engine string) func(context.Context, Pair) (client.Usage, error) {
	return func(ctx context.Context, p Pair) (client.Usage, error) { return applyEngine(ctx, p, engine) }
}

func mirrorByPglogical(ctx context.Context, p Pair) (client.Usage, error) {
	if err := makePglogical(ctx, p); err != nil {
		return client.Usage{}, err
	}
	return applyEngine(ctx, p, "pglogical")
}

// makePglogical does what pglogical asks of an operator, whoever uses it.
func makePglogical(ctx context.Context, p Pair) error {
	if err := allowPlugin(ctx, p.Source); err != nil {
		return err
	}
	if err := query(ctx, p.Source, createExtension); err != nil {
		return err
	}
	return query(ctx, p.Target, createExtension)
}

// copySubscription has the schema copied, indexes included since the server makes none,
// and the server copy the rows.
func copySubscription(ctx context.Context, p Pair) (client.Usage, error) {
	used, err := client.Run(ctx, nil,
		client.Command{Args: []string{"pg_dump", "--schema-only", "--no-publications", "-d", p.Source}}, psql(p.Target, "-q"))
	if err != nil {
		return used, err
	}
	if err := query(ctx, p.Target, fmt.Sprintf(createCopying, literal(p.Source), p.Publication)); err != nil {
		return used, err
	}
	return used, wait(ctx, p.Target, allReady, copyLimit)
}

// copyPglogical has pglogical copy everything.
func copyPglogical(ctx context.Context, p Pair) (client.Usage, error) {
	source, err := dsn(p.Source)
	if err != nil {
		return client.Usage{}, err
	}
	target, err := dsn(p.Target)
	if err != nil {
		return client.Usage{}, err
	}
	if err := makePglogical(ctx, p); err != nil {
		return client.Usage{}, err
	}
	if err := query(ctx, p.Source, fmt.Sprintf(createNode, "source", literal(source)), addTables); err != nil {
		return client.Usage{}, err
	}
	if err := query(ctx, p.Target, fmt.Sprintf(createNode, "target", literal(target)),
		fmt.Sprintf(createSynchronising, literal(source))); err != nil {
		return client.Usage{}, err
	}
	return client.Usage{}, wait(ctx, p.Target, pglogicalSynchronised, copyLimit)
}

// copyLimit is more than any copy takes: the benchmark's own limit comes first.
const copyLimit = 24 * time.Hour

func holdSubscriptions(ctx context.Context, p Pair) error {
	return hold(ctx, p, fmt.Sprintf(eachSubscription, "disable"))
}

func letSubscriptions(ctx context.Context, p Pair) (client.Usage, error) {
	return until(ctx, p.Target, fmt.Sprintf(eachSubscription, "enable"), fmt.Sprintf(eachSubscription, "disable"))
}

func holdPglogical(ctx context.Context, p Pair) error {
	return hold(ctx, p, fmt.Sprintf(eachPglogical, "disable"))
}

func letPglogical(ctx context.Context, p Pair) (client.Usage, error) {
	return until(ctx, p.Target, fmt.Sprintf(eachPglogical, "enable"), fmt.Sprintf(eachPglogical, "disable"))
}

// hold stops what follows, and returns when the source sends nothing any more: changes
// are kept from then on.
func hold(ctx context.Context, p Pair, disable string) error {
	if err := query(ctx, p.Target, disable); err != nil {
		return err
	}
	if err := wait(ctx, p.Source, keptOnly, time.Minute); err != nil {
		return fmt.Errorf("wait for a slot that nobody reads: %w", err)
	}
	return nil
}

const createCopying = `
	create subscription bench connection %s publication %s
	with (slot_name = 'bench_copying', copy_data = true)`

const allReady = `
	select not exists (select from pg_catalog.pg_subscription_rel where srsubstate <> 'r')`

const createSynchronising = `
	select pglogical.create_subscription(subscription_name := 'bench', provider_dsn := %s,
		replication_sets := array['default', 'default_insert_only'],
		synchronize_structure := true, synchronize_data := true)`

// A subscription and each of its tables have a state; y is that of rows that are there,
// and r of those that are followed.
const pglogicalSynchronised = `
	select exists (select from pglogical.show_subscription_status() where status = 'replicating')
	   and not exists (select from pglogical.local_sync_status where sync_status not in ('y', 'r'))`

const eachSubscription = `
	do $$
	declare
		name text;
	begin
		for name in
			select s.subname
			from pg_catalog.pg_subscription s
			join pg_catalog.pg_database d on d.oid = s.subdbid
			where d.datname = pg_catalog.current_database()
			order by s.subname
		loop
			execute pg_catalog.format('alter subscription %%I %[1]s', name);
		end loop;
	end $$`

const eachPglogical = `
	select pglogical.alter_subscription_%[1]s(sub_name, true)
	from pglogical.subscription
	order by sub_name`

const keptOnly = `
	select exists (select from pg_catalog.pg_replication_slots where not active)
	   and not exists (select from pg_catalog.pg_replication_slots where active)`
