package contender

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/bench/client"
)

// subscribe makes the server's own subscription, without starting it: the tables and
// rows are there.
func subscribe(binary bool) func(context.Context, Pair) error {
	return func(ctx context.Context, p Pair) error {
		name := "bench_text"
		if binary {
			name = "bench_binary"
		}
		return query(ctx, p.Target, fmt.Sprintf(createSubscription, literal(p.Source), p.Publication, name, binary))
	}
}

func enable(ctx context.Context, p Pair) (client.Usage, error) {
	return until(ctx, p.Target, enableSubscription, disableSubscription)
}

// joinPglogical makes nodes and a subscription, waits until it replicates, and stops
// it.
func joinPglogical(ctx context.Context, p Pair) error {
	if err := allowPlugin(ctx, p.Source); err != nil {
		return err
	}
	source, err := dsn(p.Source)
	if err != nil {
		return err
	}
	target, err := dsn(p.Target)
	if err != nil {
		return err
	}
	if err := query(ctx, p.Source, createExtension, fmt.Sprintf(createNode, "source", literal(source)), addTables); err != nil {
		return err
	}
	if err := query(ctx, p.Target, createExtension, fmt.Sprintf(createNode, "target", literal(target)),
		fmt.Sprintf(createPglogical, literal(source))); err != nil {
		return err
	}
	if err := wait(ctx, p.Target, pglogicalReplicates, time.Minute); err != nil {
		return fmt.Errorf("pglogical does not begin to replicate: %w", err)
	}
	return query(ctx, p.Target, disablePglogical)
}

func enablePglogical(ctx context.Context, p Pair) (client.Usage, error) {
	return until(ctx, p.Target, reenablePglogical, disablePglogical)
}

// allowPlugin allows pglogical's plugin on servers that ask for that.
func allowPlugin(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var asks bool
	if err := conn.QueryRow(ctx, asksForPlugins).Scan(&asks); err != nil || !asks {
		return err
	}
	return query(ctx, url, allowPlugins, reload)
}

// dsn is a connection string as keywords: pglogical takes no other.
func dsn(connString string) (string, error) {
	u, err := url.Parse(connString)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("host=%s port=%s dbname=%s user=%s", u.Hostname(), u.Port(), u.Path[1:], u.User.Username()), nil
}

// literal quotes what holds neither quotes nor backslashes.
func literal(s string) string { return "'" + s + "'" }

const createSubscription = `
	create subscription bench connection %s publication %s
	with (slot_name = %s, binary = %t, enabled = false, create_slot = true, copy_data = false)`

const enableSubscription = `alter subscription bench enable`

const disableSubscription = `alter subscription bench disable`

const asksForPlugins = `
	select exists (select from pg_catalog.pg_settings where name = 'output_plugin_libraries')`

const allowPlugins = `alter system set output_plugin_libraries = 'pgoutput', 'test_decoding', 'pglogical_output'`

const reload = `select pg_catalog.pg_reload_conf()`

const createExtension = `create extension if not exists pglogical`

const createNode = `select pglogical.create_node(node_name := '%s', dsn := %s)`

// The default set takes tables with a key only.
const addTables = `
	select pglogical.replication_set_add_table(
		case when exists (select from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisprimary)
		then 'default' else 'default_insert_only' end, c.oid::regclass)
	from pg_catalog.pg_class c
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where c.relkind = 'r' and n.nspname = 'public'
	order by c.relname`

const createPglogical = `
	select pglogical.create_subscription(subscription_name := 'bench', provider_dsn := %s,
		replication_sets := array['default', 'default_insert_only'],
		synchronize_structure := false, synchronize_data := false)`

const pglogicalReplicates = `
	select exists (select from pglogical.show_subscription_status() where status = 'replicating')`

const disablePglogical = `select pglogical.alter_subscription_disable('bench', true)`

const reenablePglogical = `select pglogical.alter_subscription_enable('bench', true)`
