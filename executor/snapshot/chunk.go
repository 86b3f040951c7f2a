package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/snapshot/relay"
	"bascule/planner"
	"bascule/planner/session"
)

// Chunk is one part of one table.
type Chunk struct {
	Table *planner.Table
	Part  int

	// Into is the quoted name of the table on the target, Ledger its name there as
	// recorded.
	Into                     string
	LedgerSchema, LedgerName string

	// Freeze truncates the table in the transaction and writes it frozen.
	Freeze bool

	// SearchPath is set on both sides while the chunk is copied, where its table has
	// expressions that need it. Default: the sessions'.
	SearchPath string

	// Bytes is the chunk's share of the table's size on the source.
	Bytes int64
}

// Name is the chunk's table and part, for people.
func (c *Chunk) Name() string {
	if c.Table.Parts > 1 {
		return fmt.Sprintf("%s part %d of %d", c.Table.SourceName(), c.Part+1, c.Table.Parts)
	}
	return c.Table.SourceName()
}

// CopyError is the failure of one chunk.
type CopyError struct {
	Chunk  *Chunk
	Source bool
	Err    error
}

func (e *CopyError) Error() string {
	side := "target"
	if e.Source {
		side = "source"
	}
	return fmt.Sprintf("copy %s: %s: %v", e.Chunk.Name(), side, e.Err)
}
func (e *CopyError) Unwrap() error { return e.Err }

// Copier copies chunks into one mirror's target.
type Copier struct {
	// Mirror is the ledger's key, Encoding the client_encoding under which rows
	// travel.
	Mirror   string
	Encoding string

	// Moved is told how many bytes went through for a chunk.
	Moved func(c *Chunk, bytes int64)
}

// Copy copies the chunks in one transaction on the target and records them there.
// It returns the rows of each. An error is a *CopyError where one chunk is to
// blame.
func (cp *Copier) Copy(ctx context.Context, w *Worker, chunks ...*Chunk) ([]relay.Result, error) {
	src, err := w.Source(ctx)
	if err != nil {
		return nil, err
	}
	dst, err := w.Target(ctx)
	if err != nil {
		return nil, err
	}
	// Names in our own statements are qualified, so it may stay set on the source
	// until the transaction ends.
	if path := chunks[0].SearchPath; path != "" {
		if err := session.Exec(ctx, src, setPath(path)); err != nil {
			return nil, err
		}
	}
	jobs := make([]relay.Job, len(chunks))
	for i, c := range chunks {
		jobs[i] = cp.job(c)
	}
	if err := session.Exec(ctx, dst, cp.begin(chunks)); err != nil {
		return nil, err
	}
	results, err := relay.Copy(ctx, &src, &dst, jobs, func(job int, n int64) { cp.Moved(chunks[job], n) })
	w.src, w.dst = src, dst
	if err != nil {
		var failed *relay.JobError
		if errors.As(err, &failed) {
			return nil, &CopyError{Chunk: chunks[failed.Job], Source: failed.Source, Err: blocked(failed)}
		}
		return nil, err
	}
	records := make([]ledger.Chunk, len(chunks))
	for i, c := range chunks {
		records[i] = ledger.Chunk{Schema: c.LedgerSchema, Name: c.LedgerName, Part: c.Part, Rows: results[i].Rows, Bytes: c.Bytes}
	}
	err = session.Exec(ctx, dst, ledger.RecordChunks(cp.Mirror, records...)+"; commit")
	if ledger.Recorded(err) {
		return results, nil // by an earlier try, whose connection was lost before the commit was answered
	}
	return results, err
}

// blocked is the failure of one chunk. A reader that waits for a lock waits for one
// who waits for the holder's, to truncate or to alter the table; and the holder waits
// for the reader. Only letting go of the snapshot ends that.
func blocked(failed *relay.JobError) error {
	if failed.Source && session.Code(failed.Err) == "55P03" {
		return &LostError{Err: fmt.Errorf("another session waits to truncate or alter the table: %w", failed.Err)}
	}
	return failed.Err
}

func setPath(path string) string {
	return "select pg_catalog.set_config('search_path', " + pgname.Literal(path) + ", true)"
}

func (cp *Copier) begin(chunks []*Chunk) string {
	var b strings.Builder
	b.WriteString("begin")
	var truncate []string
	for _, c := range chunks {
		if c.SearchPath != "" {
			b.WriteString("; " + setPath(c.SearchPath))
		}
		if c.Freeze {
			truncate = append(truncate, c.Into)
		}
	}
	if len(truncate) > 0 {
		b.WriteString("; truncate only " + strings.Join(truncate, ", only "))
	}
	return b.String()
}

// job is the chunk's pair of statements. Another client_encoding than UTF8 is set
// and put back around each, because the statements themselves are in UTF8.
func (cp *Copier) job(c *Chunk) relay.Job {
	j := relay.Job{Out: c.Table.CopyOut(c.Part), In: c.Table.CopyIn(c.Into, c.Freeze)}
	if c.Table.Binary {
		j.Header = emptyBinary
	}
	if cp.Encoding != "UTF8" {
		set := "set client_encoding = '" + cp.Encoding + "'; "
		const back = "; set client_encoding = 'UTF8'"
		j.Out, j.In = set+j.Out+back, set+j.In+back
	}
	return j
}

// emptyBinary is the size of a binary COPY without rows: signature, flags, length of
// the extension, and the trailer.
const emptyBinary = 11 + 4 + 4 + 2
