package executor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/graph"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/schema"
	"bascule/executor/schema/archive"
	"bascule/executor/snapshot"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/pgdump"
	"bascule/planner/session"
)

// attempt is one try at a mirror, under one snapshot.
type attempt struct {
	*copying
	conn   *pgx.Conn // to the target: the lease, and what is not done by workers
	number int       // of the attempt, in the ledger
	holder *snapshot.Holder
	maker  *schema.Maker
	choice *schema.Choice
	keys   map[uint32]catalog.Key

	workers      []*worker
	largeObjects []snapshot.LargeObject

	// Of a continuous mirror: live, the tables whose rows are there already, by oid on
	// the source, and the keys of the objects that are.
	live    bool
	streams bool // it streamed before: only tables with Work are copied
	have    map[uint32]bool
	made    map[string]bool

	// partsDone are the parts that are there of tables that are not whole.
	partsDone map[uint32]map[int]bool
	unequal   unequal // what is built beside the stream because of them

	// beside is what is built while the mirror streams already.
	beside *graph.Graph[*worker]
}

// lockBudget is how long the source's locks are waited for.
const lockBudget = 10 * time.Minute

// ChangedError reports that the source's definitions are not those of the plan.
type ChangedError struct{}

func (e *ChangedError) Error() string {
	return "the source's definitions changed since the plan was made (DDL was run there)"
}

// Hint says what the operator can do about it.
func (e *ChangedError) Hint() string { return "plan and apply again" }

// ExitCode is that of a stale plan.
func (e *ChangedError) ExitCode() int { return 6 }

// run does everything of the attempt.
func (at *attempt) run(ctx context.Context) error {
	at.maker = at.newMaker()
	if err := at.prepareRoles(ctx); err != nil {
		return err
	}
	source, err := at.open(ctx, at.source, "snapshot", nil)
	if err != nil {
		return err
	}
	at.stage("take a snapshot")
	at.holder, err = snapshot.Hold(ctx, source, at.lockNames(), lockBudget, at.note)
	if err != nil {
		source.Close(context.WithoutCancel(ctx))
		if session.Code(err) == "42P01" {
			return &ChangedError{}
		}
		return err
	}
	defer at.holder.Release(ctx)
	for range at.plan.Options.Workers {
		w := &worker{snapshot.NewWorker(at.opener(), at.holder.Name)}
		at.workers = append(at.workers, w)
		defer w.Close(ctx)
	}
	for _, s := range []struct {
		id   string
		work func(context.Context) error
	}{{"schema", at.schema}, {"copy", at.fill}, {"finish", at.finish}} {
		if err := at.Step(ctx, at.change.Address, s.id, func() error { return s.work(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

func (at *attempt) newMaker() *schema.Maker {
	return &schema.Maker{
		Mirror: at.plan.ID, SearchPath: at.plan.Options.SearchPath, Note: at.note,
		Started: func(name string) { at.cfg.Log.Debug("object begins", "mirror", at.name, "object", name) },
	}
}

func (at *attempt) stage(text string) {
	at.cfg.Sink.Event(progress.StageStarted{Mirror: at.name, Stage: text})
	at.cfg.Log.Debug("stage begins", "mirror", at.name, "stage", text)
}

func (at *attempt) prepareRoles(ctx context.Context) error {
	if len(at.plan.Options.Roles) == 0 {
		return nil
	}
	return at.Step(ctx, at.change.Address, "roles", func() error {
		return schema.CreateRoles(ctx, at.conn.PgConn(), at.plan.Options.Roles)
	})
}

// lockNames are the tables that must keep their shape during the copy.
func (at *attempt) lockNames() []string {
	names := make([]string, len(at.plan.Tables))
	for i := range at.plan.Tables {
		names[i] = at.plan.Tables[i].SourceName()
	}
	return names
}

// unchanged checks, when everything was read, that the source has the definitions
// that were planned with: then it had them all the while.
func (at *attempt) unchanged(ctx context.Context) error {
	conn, err := at.open(ctx, at.source, "read", nil)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	now, err := catalog.Fingerprint(ctx, conn)
	if err != nil {
		return err
	}
	if now != at.plannedFingerprint() && !at.changesIdentities() {
		return &ChangedError{}
	}
	return nil
}

// changesIdentities reports whether a change of the plan alters replica identities on
// the mirror's source, which are definitions too.
func (at *attempt) changesIdentities() bool {
	return slices.ContainsFunc(at.cfg.Plan.Changes, func(c planner.Change) bool {
		m := c.Mirror
		return m != nil && m.Source == at.plan.Source &&
			(m.Stream != nil && len(m.Stream.Identities) > 0 || m.Before != nil && len(m.Before.Identities) > 0)
	})
}

// plannedFingerprint is that of the definitions that were planned with.
func (at *attempt) plannedFingerprint() string {
	i := slices.IndexFunc(at.cfg.Plan.Peers, func(p planner.Peer) bool { return p.Address == at.plan.Source })
	return at.cfg.Plan.Peers[i].Fingerprint
}

// schema makes what comes before the rows.
func (at *attempt) schema(ctx context.Context) error {
	if !at.plan.Options.SchemaCopy {
		if err := at.unchanged(ctx); err != nil {
			return err
		}
		return at.emptyTarget(ctx)
	}
	at.stage("read the schema")
	dump, err := at.dump(ctx, 0)
	if err != nil {
		return err
	}
	if err := at.unchanged(ctx); err != nil {
		return err
	}
	done, err := at.reconcile(ctx, dump)
	if err != nil {
		return err
	}
	at.stage("create the schema")
	at.cfg.Log.DebugContext(ctx, "objects begin", "mirror", at.name, "count", len(at.choice.Pre))
	return at.maker.CreateAll(ctx, at.connects(), at.choice.Pre, done)
}

// largeTables are those whose keys are made in steps.
func (at *attempt) largeTables() []uint32 {
	var oids []uint32
	for _, t := range at.plan.Tables {
		if at.live || t.Bytes >= smallTable {
			oids = append(oids, t.OID)
		}
	}
	return oids
}

// dump has pg_dump describe the source under the snapshot. It waits so long for locks;
// 0 is archive's default.
func (at *attempt) dump(ctx context.Context, lockWait time.Duration) (*archive.Archive, error) {
	_, version, err := catalog.ReadIdentity(ctx, at.holder.Conn())
	if err != nil {
		return nil, err
	}
	if at.keys, err = catalog.ReadKeys(ctx, at.holder.Conn(), at.largeTables()); err != nil {
		return nil, err
	}
	program, err := pgdump.Find(ctx, version.Major())
	if err != nil {
		return nil, err
	}
	conn, err := at.open(ctx, at.source, "dump", nil)
	if err != nil {
		return nil, err
	}
	var exclude []string
	for _, l := range at.plan.LeftOut {
		if l.Kind == "table" || l.Kind == "foreign table" {
			exclude = append(exclude, l.Name)
		}
	}
	at.cfg.Log.DebugContext(ctx, "archive read begins", "mirror", at.name, "program", program.Path)
	return archive.Run(ctx, archive.Config{Program: program.Path, Conn: conn, Snapshot: at.holder.Name, ExcludeTables: exclude, LockWait: lockWait})
}

// fill copies the rows and builds everything on them.
func (at *attempt) fill(ctx context.Context) error {
	if at.plan.LargeObjects > 0 {
		var err error
		if at.largeObjects, err = snapshot.ListLargeObjects(ctx, at.holder.Conn()); err != nil {
			return err
		}
	}
	b := newBuild(at)
	b.add()
	record := ledger.SetRelations
	if at.live {
		record = ledger.PutRelations
	}
	if err := record(ctx, at.conn, at.plan.ID, b.objects, b.relations); err != nil {
		return err
	}
	at.stage("copy")
	at.cfg.Sink.Event(progress.CopyStarted{Mirror: at.name, Tables: len(b.relations), Bytes: at.plan.Bytes, Objects: b.objects})
	at.beside = &b.beside
	err := b.graph.Run(ctx, at.workers)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return b.explain(ctx, err)
}

// worker is one pair of connections of the pool.
type worker struct{ *snapshot.Worker }

// connects are the workers' connections to the target.
func (at *attempt) connects() []schema.Connect {
	list := make([]schema.Connect, len(at.workers))
	for i, w := range at.workers {
		list[i] = w.Target
	}
	return list
}

// opener opens the workers' sessions.
func (at *attempt) opener() snapshot.Opener {
	o := at.plan.Options
	settings := map[string]string{
		"maintenance_work_mem": fmt.Sprintf("%dkB", o.MaintenanceWorkMem>>10),
		// A crash of the server loses rows and their records alike; the last record of
		// the mirror is written with a commit that waits, after all of them.
		"synchronous_commit": "off",
		// A build ends when we are gone.
		"client_connection_check_interval": "10s",
	}
	if o.ReplicaRole || at.live && at.plan.Stream.ReplicaRole {
		settings["session_replication_role"] = "replica"
	}
	return snapshot.Opener{
		Source: func(ctx context.Context) (*pgx.Conn, error) { return at.open(ctx, at.source, "copy", nil) },
		Target: func(ctx context.Context) (*pgx.Conn, error) {
			conn, err := at.open(ctx, at.target, "copy", settings)
			if err != nil {
				return nil, err
			}
			if err := ledger.Join(ctx, conn, at.plan.ID, at.number); err != nil {
				conn.Close(context.WithoutCancel(ctx))
				return nil, err
			}
			return conn, nil
		},
	}
}
