package executor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
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
	holder *snapshot.Holder
	maker  *schema.Maker
	choice *schema.Choice
	keys   map[uint32]catalog.Key

	workers      []*worker
	largeObjects []snapshot.LargeObject
}

// lockBudget is how long the source's locks are waited for.
const lockBudget = 10 * time.Minute

// ChangedError reports that the source's definitions moved while they were read.
type ChangedError struct{ When string }

func (e *ChangedError) Error() string {
	return "the source's definitions changed " + e.When + " (DDL was run there)"
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
		return err
	}
	defer at.holder.Release(ctx)
	for range at.plan.Options.Workers {
		w := &worker{snapshot.NewWorker(at.opener(), at.holder.Name)}
		at.workers = append(at.workers, w)
		defer w.Close(ctx)
	}
	if err := at.unchanged(ctx, "since the plan was made"); err != nil {
		return err
	}
	for _, s := range []struct {
		id   string
		work func(context.Context) error
	}{{"schema", at.schema}, {"copy", at.fill}, {"finish", at.finish}} {
		if err := at.step(ctx, at.change.Address, s.id, func() error { return s.work(ctx) }); err != nil {
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
	return at.step(ctx, at.change.Address, "roles", func() error {
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

// unchanged checks that the source has the definitions that were planned with.
func (at *attempt) unchanged(ctx context.Context, when string) error {
	i := slices.IndexFunc(at.cfg.Plan.Peers, func(p planner.Peer) bool { return p.Address == at.plan.Source })
	conn, err := at.open(ctx, at.source, "read", nil)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	now, err := catalog.Fingerprint(ctx, conn)
	if err != nil {
		return err
	}
	if i >= 0 && now != at.cfg.Plan.Peers[i].Fingerprint {
		return &ChangedError{When: when}
	}
	return nil
}

// schema makes what comes before the rows.
func (at *attempt) schema(ctx context.Context) error {
	if !at.plan.Options.SchemaCopy {
		return at.emptyTarget(ctx)
	}
	at.stage("read the schema")
	dump, err := at.dump(ctx)
	if err != nil {
		return err
	}
	if err := at.unchanged(ctx, "while they were read"); err != nil {
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

// dump has pg_dump describe the source under the snapshot.
func (at *attempt) dump(ctx context.Context) (*archive.Archive, error) {
	_, version, err := catalog.ReadIdentity(ctx, at.holder.Conn())
	if err != nil {
		return nil, err
	}
	if at.keys, err = catalog.ReadKeys(ctx, at.holder.Conn()); err != nil {
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
	return archive.Run(ctx, archive.Config{Program: program.Path, Conn: conn, Snapshot: at.holder.Name, ExcludeTables: exclude})
}

// reconcile undoes what an earlier attempt left that cannot be kept, and returns
// the keys of the objects that can.
func (at *attempt) reconcile(ctx context.Context, dump *archive.Archive) (map[string]bool, error) {
	pc := at.conn.PgConn()
	recorded, err := ledger.Objects(ctx, at.conn, at.plan.ID)
	if err != nil {
		return nil, err
	}
	present, err := schema.Present(ctx, at.conn)
	if err != nil {
		return nil, err
	}
	made := map[string]string{}
	for _, o := range recorded {
		made[o.Key] = o.Checksum
	}
	at.choice = schema.Choose(dump, at.plan, func(e *archive.Entry) bool {
		_, ours := made[e.Identity()]
		return !ours && present(e.Desc, e.Tag)
	})
	if at.plan.Clean && len(recorded) == 0 && !at.again {
		if err := at.clean(ctx, pc); err != nil {
			return nil, err
		}
	}
	if len(recorded) == 0 {
		return nil, nil
	}
	at.stage("undo what was half-done")
	return at.undo(ctx, pc, recorded)
}

// undo drops what stands on filled tables, empties the tables, and drops the
// schema too where the source's changed since.
func (at *attempt) undo(ctx context.Context, pc *pgconn.PgConn, recorded []ledger.Object) (map[string]bool, error) {
	post := slices.DeleteFunc(slices.Clone(recorded), func(o ledger.Object) bool { return o.Section != "post" })
	if err := at.maker.Undo(ctx, pc, post); err != nil {
		return nil, err
	}
	if err := at.empty(ctx, pc); err != nil {
		return nil, err
	}
	now := map[string]string{}
	for _, it := range at.choice.Pre {
		now[it.Object.Key] = it.Object.Checksum
	}
	kept := map[string]bool{}
	var stale []ledger.Object
	for _, o := range recorded {
		if o.Section != "pre" {
			continue
		}
		if len(stale) > 0 || now[o.Key] != o.Checksum {
			stale = append(stale, o) // and all made after it, which may depend on it
			continue
		}
		kept[o.Key] = true
	}
	return kept, at.maker.Undo(ctx, pc, stale)
}

// empty truncates the tables that an earlier attempt filled, and removes its large
// objects.
func (at *attempt) empty(ctx context.Context, pc *pgconn.PgConn) error {
	filled, err := ledger.Filled(ctx, at.conn, at.plan.ID)
	if err != nil || !filled {
		return err
	}
	sqls := []string{}
	for i := range at.plan.Tables {
		t := &at.plan.Tables[i]
		switch t.Kind {
		case "table":
			sqls = append(sqls, truncateIfThere(pgname.Qualified(t.Schema, t.Name)))
		case "config":
			sqls = append(sqls, "delete from "+t.SourceName()+" "+t.Condition)
		}
	}
	for group := range slices.Chunk(sqls, 200) {
		if err := at.maker.Run(ctx, pc, "empty tables", "", group); err != nil {
			return err
		}
	}
	return session.Exec(ctx, pc, ledger.Emptied(at.plan.ID))
}

// truncateIfThere empties one table, where it exists.
func truncateIfThere(name string) string {
	return fmt.Sprintf("do %s", pgname.Literal(fmt.Sprintf(
		"begin if pg_catalog.to_regclass(%s) is not null then truncate only %s; end if; end", pgname.Literal(name), name)))
}

// clean drops what stands under the names of what will be created.
func (at *attempt) clean(ctx context.Context, pc *pgconn.PgConn) error {
	at.stage("drop what is overwritten")
	if err := at.maker.Clean(ctx, pc, slices.Concat(at.choice.Pre, at.choice.Post, at.choice.Last)); err != nil {
		return err
	}
	for i := range at.plan.Tables {
		if t := &at.plan.Tables[i]; t.Renamed() {
			if err := session.Exec(ctx, pc, "drop table if exists "+pgname.Qualified(t.FinalName())); err != nil {
				return fmt.Errorf("drop %s: %w", pgname.Qualified(t.FinalName()), err)
			}
		}
	}
	return nil
}

// emptyTarget empties the tables of a target whose schema is its own.
func (at *attempt) emptyTarget(ctx context.Context) error {
	filled, err := ledger.Filled(ctx, at.conn, at.plan.ID)
	if err != nil {
		return err
	}
	if !filled && len(at.change.DataLoss) == 0 {
		return nil
	}
	var names []string
	for i := range at.plan.Tables {
		if t := &at.plan.Tables[i]; t.Kind == "table" {
			names = append(names, pgname.Qualified(t.FinalName()))
		}
	}
	sqls := []string{ledger.Emptied(at.plan.ID)}
	if len(names) > 0 {
		sqls = append(sqls, "truncate "+strings.Join(names, ", "))
	}
	return at.maker.Run(ctx, at.conn.PgConn(), "empty tables", "", sqls)
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
	if err := ledger.SetRelations(ctx, at.conn, at.plan.ID, b.objects, b.relations); err != nil {
		return err
	}
	at.stage("copy")
	at.cfg.Sink.Event(progress.CopyStarted{Mirror: at.name, Tables: len(b.relations), Bytes: at.plan.Bytes, Objects: b.objects})
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
	if !o.SchemaCopy {
		settings["session_replication_role"] = "replica"
	}
	return snapshot.Opener{
		Source: func(ctx context.Context) (*pgx.Conn, error) { return at.open(ctx, at.source, "copy", nil) },
		Target: func(ctx context.Context) (*pgx.Conn, error) { return at.open(ctx, at.target, "copy", settings) },
	}
}
