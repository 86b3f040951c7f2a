package executor

import (
	"context"
	"errors"
	"time"

	"bascule/config/pgname"
	"bascule/executor/graph"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/schema"
	"bascule/executor/snapshot"
	"bascule/planner"
	"bascule/planner/session"
)

// moved tells of bytes that went through.
func (b *build) moved(c *snapshot.Chunk, n int64) {
	b.cfg.Sink.Event(progress.ChunkMoved{Mirror: b.name, Table: shownTable(c), Wire: n})
}

func shownTable(c *snapshot.Chunk) string { return pgname.Shown(c.LedgerSchema, c.LedgerName) }

// copyBatch copies small tables in one transaction.
func (b *build) copyBatch(ctx context.Context, w *worker, nodes []*graph.Node[*worker]) error {
	chunks := make([]*snapshot.Chunk, len(nodes))
	for i, n := range nodes {
		chunks[i] = n.Work.(*snapshot.Chunk)
	}
	return b.copyChunks(ctx, w, chunks...)
}

// copyChunks copies chunks in one transaction, again after transient errors.
func (b *build) copyChunks(ctx context.Context, w *worker, chunks ...*snapshot.Chunk) error {
	err := b.retry(ctx, w, func() error { return b.copyOnce(ctx, w, chunks) }, "copy "+chunks[0].Name())
	if err == nil || b.plan.Options.SearchPath == "" || len(chunks) > 1 {
		return err
	}
	// A check or a generated column may call a function that finds its names by the
	// search_path of its database.
	switch session.Code(err) {
	case "42883", "42P01", "42704":
		chunks[0].SearchPath = b.plan.Options.SearchPath
		if again := b.copyOnce(ctx, w, chunks); again == nil {
			return nil
		}
	}
	return err
}

func (b *build) copyOnce(ctx context.Context, w *worker, chunks []*snapshot.Chunk) error {
	begun := time.Now()
	for _, c := range chunks {
		b.cfg.Log.DebugContext(ctx, "chunk begins", "mirror", b.name, "table", c.Into, "part", c.Part)
		b.cfg.Sink.Event(progress.ChunkStarted{Mirror: b.name, Table: shownTable(c), Bytes: c.Bytes, TableBytes: c.Table.Bytes})
	}
	results, err := b.copier.Copy(ctx, w.Worker, chunks...)
	err = endedBy(ctx, err)
	for i, c := range chunks {
		ended := progress.ChunkEnded{Mirror: b.name, Table: shownTable(c), Bytes: c.Bytes, Took: time.Since(begun), Err: err}
		if err == nil {
			ended.Rows, ended.Wire = results[i].Rows, results[i].Wire
		}
		b.cfg.Sink.Event(ended)
	}
	return err
}

// endedBy is the error that a piece of the graph ends with: that of a lost snapshot marked
// as one after which no other can succeed; and where the snapshot was lost to another
// piece, which ended ctx, only that.
func endedBy(ctx context.Context, err error) error {
	var lost *snapshot.LostError
	switch cause := context.Cause(ctx); {
	case err != nil && errors.As(cause, &lost):
		return cause
	case errors.As(err, &lost):
		return graph.Fatal(err)
	}
	return err
}

func (b *build) retry(ctx context.Context, w *worker, work func() error, what string) error {
	return w.Retry(ctx, work, func(err error, in time.Duration) {
		b.cfg.Sink.Event(progress.Retrying{Mirror: b.name, What: what, Err: err, In: in})
		b.cfg.Log.WarnContext(ctx, "tried again", "mirror", b.name, "what", what, "error", err, "in", in)
	})
}

// makeBatch makes small objects in one transaction.
func (b *build) makeBatch(ctx context.Context, w *worker, nodes []*graph.Node[*worker]) error {
	dst, err := w.Target(ctx)
	if err != nil {
		return err
	}
	items := make([]*schema.Item, len(nodes))
	for i, n := range nodes {
		items[i] = n.Work.(*schema.Item)
		b.begins(ctx, items[i].Name())
	}
	begun := time.Now()
	if err := b.maker.Create(ctx, dst, items...); err != nil {
		return err // found again, and said, by the one that is to blame
	}
	for _, it := range items {
		b.cfg.Sink.Event(progress.ObjectEnded{Mirror: b.name, Kind: it.Desc, Name: it.Name(), Took: time.Since(begun)})
	}
	return nil
}

// makeOne makes one object as the archive has it.
func (b *build) makeOne(ctx context.Context, w *worker, it *schema.Item) error {
	return b.make(ctx, w, it, it.Name(), []string{it.SQL}, it.Object)
}

// make runs statements that make an object or a part of it, with its record, again
// after transient errors.
func (b *build) make(ctx context.Context, w *worker, it *schema.Item, name string, sqls []string, objects ...ledger.Object) error {
	begun := time.Now()
	b.begins(ctx, name)
	b.cfg.Sink.Event(progress.ObjectStarted{Mirror: b.name, Kind: it.Desc, Name: name})
	err := b.retry(ctx, w, func() error {
		dst, err := w.Target(ctx)
		if err != nil {
			return err
		}
		return b.maker.Retried(ctx, dst, name, sqls, it.Remark(), objects...)
	}, name)
	err = endedBy(ctx, err)
	b.cfg.Sink.Event(progress.ObjectEnded{Mirror: b.name, Kind: it.Desc, Name: name, Took: time.Since(begun), Err: err})
	return err
}

func (b *build) begins(ctx context.Context, name string) {
	b.cfg.Log.DebugContext(ctx, "object begins", "mirror", b.name, "object", name)
}

// analyzeBatch gathers statistics of small tables.
func (b *build) analyzeBatch(ctx context.Context, w *worker, nodes []*graph.Node[*worker]) error {
	tables := make([]*planner.Table, len(nodes))
	for i, n := range nodes {
		tables[i] = n.Work.(*planner.Table)
	}
	return b.analyze(ctx, w, tables...)
}

func (b *build) analyze(ctx context.Context, w *worker, tables ...*planner.Table) error {
	sql := "analyze "
	for i, t := range tables {
		if i > 0 {
			sql += ", "
		}
		name := t.SourceName()
		if !b.plan.Options.SchemaCopy {
			name = pgname.Qualified(t.FinalName())
		}
		sql += name
	}
	return b.retry(ctx, w, func() error {
		dst, err := w.Target(ctx)
		if err != nil {
			return err
		}
		err = session.Exec(ctx, dst, sql)
		if err != nil && !session.Transient(err) && ctx.Err() == nil {
			// Statistics come by themselves in time; an expression that fails on them
			// now is not a reason to stop.
			b.note("analyze " + tables[0].SourceName() + ": " + err.Error())
			return nil
		}
		return err
	}, "analyze")
}
