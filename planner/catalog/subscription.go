package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Subscription is one of the database, and how it fares.
type Subscription struct {
	OID         uint32
	Name, Owner string

	// Enabled is what was asked for; whether it works is said by Workers. With
	// DisableOnError an error of its own takes Enabled away.
	Enabled, DisableOnError bool

	// Slot on the source, "" for none.
	Slot string

	Publications []string

	// Workers that are alive: one that applies, and what it has beside it.
	Workers []SubscriptionWorker

	// Tables that it follows, by name.
	Tables []SubscribedTable

	// Origin is up to where it has applied, 0 before the first commit, and where the role
	// may not know it.
	Origin LSN

	// Errors are how often a worker failed since Counted. Missing counts the updates and
	// deletes that found no row, which it passes over: -1 where the server does not count
	// them (before 18).
	Errors, Missing int64
	Counted         time.Time // zero: never since it was made
}

// SubscriptionWorker is a server process of a subscription.
type SubscriptionWorker struct {
	PID int32

	// Leader is the worker that it helps, 0 for none; Table is the one that it copies.
	Leader int32
	Table  uint32

	// Received is how far the source has sent, Heard when it last did. Reported is what
	// was acknowledged last, ReportedAt when. Zero for never.
	Received, Reported LSN
	Heard, ReportedAt  time.Time
}

// SubscribedTable is a table of a subscription. State is i, d, f and s while it is
// copied, r from then on.
type SubscribedTable struct {
	OID          uint32
	Schema, Name string
	State        string
}

// Applier returns the worker that applies changes, or nil.
func (s *Subscription) Applier() *SubscriptionWorker {
	for i, w := range s.Workers {
		if w.Leader == 0 && w.Table == 0 {
			return &s.Workers[i]
		}
	}
	return nil
}

// ReadSubscription returns the subscription of this name in the connection's database,
// or nil. The server has to be of version 15 or newer. conn must be outside a
// transaction.
func ReadSubscription(ctx context.Context, conn *pgx.Conn, name string) (*Subscription, error) {
	s, err := readSubscription(ctx, conn, name)
	if err != nil {
		return nil, fmt.Errorf("read subscription %s: %w", name, err)
	}
	return s, nil
}

func readSubscription(ctx context.Context, conn *pgx.Conn, name string) (*Subscription, error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	// It has only read: how this ends is of no interest.
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck
	var s *Subscription
	var mayKnow bool
	batch := &pgx.Batch{}
	for _, q := range []question{
		{about: "the subscription", sql: selectSubscription, args: []any{name}, row: func(rows pgx.Rows) (err error) {
			s, err = scanSubscription(rows)
			return err
		}},
		{about: "its workers", sql: selectSubscriptionWorkers, args: []any{name}, row: func(rows pgx.Rows) error { return s.worker(rows) }},
		{about: "its tables", sql: selectSubscribedTables, args: []any{name}, row: func(rows pgx.Rows) error { return s.table(rows) }},
		{about: "the right to see origins", sql: selectMaySeeOrigins, row: func(rows pgx.Rows) error { return rows.Scan(&mayKnow) }},
	} {
		q.queue(batch)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil || s == nil || !mayKnow {
		return s, err
	}
	batch = &pgx.Batch{}
	question{about: "its origin", sql: selectSubscriptionOrigin, args: []any{s.OID},
		row: func(rows pgx.Rows) error { return rows.Scan(&s.Origin) }}.queue(batch)
	return s, tx.SendBatch(ctx, batch).Close()
}

func scanSubscription(rows pgx.Rows) (*Subscription, error) {
	s := new(Subscription)
	var counted *time.Time
	err := rows.Scan(&s.OID, &s.Name, &s.Owner, &s.Enabled, &s.DisableOnError, &s.Slot, &s.Publications, &s.Errors, &s.Missing, &counted)
	if counted != nil {
		s.Counted = *counted
	}
	return s, err
}

func (s *Subscription) worker(rows pgx.Rows) error {
	var w SubscriptionWorker
	var heard, reported *time.Time
	err := rows.Scan(&w.PID, &w.Leader, &w.Table, &w.Received, &heard, &w.Reported, &reported)
	if heard != nil {
		w.Heard = *heard
	}
	if reported != nil {
		w.ReportedAt = *reported
	}
	s.Workers = append(s.Workers, w)
	return err
}

func (s *Subscription) table(rows pgx.Rows) error {
	var t SubscribedTable
	err := rows.Scan(&t.OID, &t.Schema, &t.Name, &t.State)
	s.Tables = append(s.Tables, t)
	return err
}

// Subscribing is what a target has for subscriptions, of all its databases, and what
// the role may do with them.
type Subscribing struct {
	// Subscriptions by database and name.
	Subscriptions []SubscriptionName

	// Origins are how many the server keeps, whoever uses them.
	Origins int

	// CanMove: the role may set where an origin stands, and ask.
	CanMove bool

	// CanBe lists the roles that the role may become (SET ROLE), itself included.
	CanBe []string
}

// SubscriptionName is a subscription of the server.
type SubscriptionName struct {
	Database, Name string
	Enabled        bool
	Slot           string // on its source, "" for none
}

// subscribing are the questions about them. Servers before 15 have other rights.
func (r *reader) subscribing() []question {
	s := &r.db.Subscribing
	canBe := selectCanBe
	if r.db.Version.Major() < 16 {
		canBe = selectCanBeOld
	}
	return []question{
		{about: "subscriptions of the server", sql: selectSubscriptionNames, row: func(rows pgx.Rows) error {
			var n SubscriptionName
			err := rows.Scan(&n.Database, &n.Name, &n.Enabled, &n.Slot)
			s.Subscriptions = append(s.Subscriptions, n)
			return err
		}},
		{about: "origins", sql: selectServerOrigins, row: func(rows pgx.Rows) error { return rows.Scan(&s.Origins, &s.CanMove) }},
		{about: "roles to act as", sql: canBe, row: func(rows pgx.Rows) error {
			var name string
			err := rows.Scan(&name)
			s.CanBe = append(s.CanBe, name)
			return err
		}},
	}
}

const (
	// What the connection is made with only a superuser may read: it is not among these.
	// A column that an older server does not have is taken from "other".
	selectSubscription = `
		select s.oid, s.subname::text, pg_catalog.pg_get_userbyid(s.subowner)::text, s.subenabled, s.subdisableonerr,
			coalesce(s.subslotname::text, ''), s.subpublications,
			coalesce(t.apply_error_count + t.sync_error_count, 0), coalesce(t.missing, -1), t.since
		from pg_catalog.pg_subscription s
		left join (
			select e.*
			from (select -1::bigint as confl_update_missing, 0::bigint as confl_delete_missing) other
			cross join lateral (
				select subid, apply_error_count, sync_error_count, confl_update_missing + confl_delete_missing as missing, stats_reset as since
				from pg_catalog.pg_stat_subscription_stats
			) e
		) t on t.subid = s.oid
		where s.subname = $1
			and s.subdbid = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())`

	selectSubscriptionWorkers = `
		select w.pid, coalesce(w.leader_pid, 0), coalesce(w.relid, 0), w.received_lsn::text, w.last_msg_receipt_time,
			w.latest_end_lsn::text, w.latest_end_time
		from pg_catalog.pg_subscription s
		cross join (select null::int as leader_pid) other
		cross join lateral (
			select pid, leader_pid, relid, received_lsn, last_msg_receipt_time, latest_end_lsn, latest_end_time
			from pg_catalog.pg_stat_subscription
			where subid = s.oid and pid is not null
		) w
		where s.subname = $1
			and s.subdbid = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
		order by coalesce(w.leader_pid, 0), coalesce(w.relid, 0), w.pid`

	selectSubscribedTables = `
		select c.oid, n.nspname::text, c.relname::text, r.srsubstate::text
		from pg_catalog.pg_subscription s
		join pg_catalog.pg_subscription_rel r on r.srsubid = s.oid
		join pg_catalog.pg_class c on c.oid = r.srrelid
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where s.subname = $1
			and s.subdbid = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
		order by n.nspname, c.relname`

	selectMaySeeOrigins = `
		select pg_catalog.has_table_privilege('pg_catalog.pg_replication_origin_status', 'select')
			and pg_catalog.has_function_privilege('pg_catalog.pg_show_replication_origin_status()', 'execute')`

	selectSubscriptionOrigin = `
		select remote_lsn::text
		from pg_catalog.pg_replication_origin_status
		where external_id = 'pg_' || $1::oid
		order by local_id`

	selectSubscriptionNames = `
		select d.datname::text, s.subname::text, s.subenabled, coalesce(s.subslotname::text, '')
		from pg_catalog.pg_subscription s
		join pg_catalog.pg_database d on d.oid = s.subdbid
		order by d.datname, s.subname`

	selectServerOrigins = `
		select pg_catalog.count(*)::int,
			pg_catalog.has_function_privilege('pg_catalog.pg_replication_origin_advance(text, pg_lsn)', 'execute')
				and pg_catalog.has_function_privilege('pg_catalog.pg_replication_origin_progress(text, boolean)', 'execute')
		from pg_catalog.pg_replication_origin`

	// Before 16 who is a member may become it.
	selectCanBeOld = `
		select rolname::text from pg_catalog.pg_roles where pg_catalog.pg_has_role(oid, 'member') order by rolname`

	selectCanBe = `
		select rolname::text from pg_catalog.pg_roles where pg_catalog.pg_has_role(oid, 'set') order by rolname`
)
