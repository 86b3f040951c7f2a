// Package relay moves COPY data from one PostgreSQL connection to another without
// looking into it.
//
// CopyData has the same form in both directions, and its borders need not be those
// of rows. So the payload of many small messages is joined into blocks of 256 KiB,
// and a row of any size passes through in pieces: memory is a few blocks,
// whatever the data. (pgconn hands over one row a call and holds it whole.)
//
// Several copies are pipelined: the next COPY statement is on its way while the
// rows of the one before still move, so that thousands of small tables do not cost
// thousands of round trips. A server that meets an error ignores the CopyData that
// still comes, and refuses the statements behind it in the same transaction.
//
// The wire is taken over from pgconn (Hijack) and given back when everything was
// answered. After an error it is not given back: both connections are closed.
package relay

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Job is one COPY from the source into the target.
type Job struct {
	// Out is a COPY ... TO STDOUT, In a COPY ... FROM STDIN, both of one format. Both
	// may have other statements, which are no COPY, before and after.
	Out, In string

	// Header is how many bytes a copy without rows has: 21 in binary format, 0 in
	// text. In is not sent at all for such a copy.
	Header int
}

// Result is what a job did.
type Result struct {
	Rows int64
	Wire int64 // bytes of COPY data
}

// JobError is the failure of one job.
type JobError struct {
	Job    int
	Source bool // the source refused, not the target
	Err    error
}

func (e *JobError) Error() string {
	side := "target"
	if e.Source {
		side = "source"
	}
	return side + ": " + e.Err.Error()
}
func (e *JobError) Unwrap() error { return e.Err }

// BlockSize is how much payload is joined into one CopyData message.
const BlockSize = 256 << 10

const blocksInFlight = 4

// Copy runs the jobs in order, from src to dst, and returns a result for each. Both
// connections must be idle or idle in a transaction. moved is told after each
// block how many bytes went, and for which job; it may be nil.
//
// On success src and dst stay open and point to usable connections; on error both
// are closed.
func Copy(ctx context.Context, src, dst **pgconn.PgConn, jobs []Job, moved func(job int, bytes int64)) ([]Result, error) {
	if moved == nil {
		moved = func(int, int64) {}
	}
	from, err := hijack(ctx, *src)
	if err != nil {
		(*dst).Close(ctx)
		return nil, &JobError{Source: true, Err: err}
	}
	to, err := hijack(ctx, *dst)
	if err != nil {
		from.Conn.Close()
		return nil, &JobError{Err: err}
	}
	r := &relay{jobs: jobs, from: from.Conn, to: to.Conn, results: make([]Result, len(jobs)),
		arrived: slices.Repeat([]int64{-1}, len(jobs)), status: to.TxStatus, moved: moved}
	if err := r.run(ctx); err != nil {
		abandon(ctx, from)
		abandon(ctx, to)
		return nil, err
	}
	to.TxStatus = r.status
	for _, w := range []net.Conn{from.Conn, to.Conn} {
		if err := w.SetDeadline(time.Time{}); err != nil {
			return nil, err
		}
	}
	if *src, err = pgconn.Construct(from); err != nil {
		return nil, err
	}
	if *dst, err = pgconn.Construct(to); err != nil {
		return nil, err
	}
	return r.results, nil
}

type relay struct {
	jobs     []Job
	from, to net.Conn
	results  []Result
	arrived  []int64 // rows by the target's count, -1 for a copy that was not sent
	status   byte    // of the target's transaction, as last heard
	moved    func(int, int64)
}

// errStopped is what one side reports when another failed first.
var errStopped = errors.New("another side failed")

// run moves everything and returns the error that says most.
func (r *relay) run(ctx context.Context) error {
	unwatch := context.AfterFunc(ctx, func() { r.interrupt(r.from, r.to) })
	defer unwatch()
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	blocks := make(chan block, blocksInFlight)
	free := make(chan []byte, blocksInFlight+2)
	for range cap(free) {
		free <- make([]byte, 0, BlockSize+blockSlack)
	}
	sent := make(chan int, len(r.jobs))
	var read, write, answers error
	var all sync.WaitGroup
	all.Go(func() {
		defer close(blocks)
		if read = r.read(inner, blocks, free, sent); read != nil {
			cancel(read)
			r.interrupt(r.to)
		}
	})
	all.Go(func() {
		if write = r.write(inner, blocks, free); write != nil {
			// The server may have said why before it hung up: leave the answers'
			// reader a moment to find it.
			r.to.SetReadDeadline(time.Now().Add(lastWords))
			cancel(write)
			r.interrupt(r.from)
		}
	})
	all.Go(func() {
		if answers = r.answers(sent); answers != nil {
			cancel(answers)
			r.interrupt(r.from, r.to)
		}
	})
	all.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return cmp.Or(worst(answers, read, write, context.Cause(inner)), r.compare())
}

const lastWords = time.Second

// worst picks the error that says most: a server's own, or else the last, which is the
// one that ended the others.
func worst(errs ...error) error {
	for _, err := range errs {
		var server *pgconn.PgError
		if errors.As(err, &server) {
			return err
		}
	}
	return errs[len(errs)-1]
}

// compare checks that as many rows arrived as were sent.
func (r *relay) compare() error {
	for i, n := range r.arrived {
		if n >= 0 && n != r.results[i].Rows {
			return &JobError{Job: i, Err: fmt.Errorf("%d rows were sent and %d arrived", r.results[i].Rows, n)}
		}
	}
	return nil
}

// interrupt makes every read and write of these wires return.
func (r *relay) interrupt(wires ...net.Conn) {
	for _, w := range wires {
		w.SetDeadline(time.Unix(1, 0))
	}
}

// block is a piece of the target's input.
type block struct {
	data []byte
	job  int
}

// write sends blocks to the target.
func (r *relay) write(ctx context.Context, blocks <-chan block, free chan<- []byte) error {
	for {
		select {
		case b, ok := <-blocks:
			if !ok {
				return nil
			}
			if _, err := r.to.Write(b.data); err != nil {
				if ctx.Err() != nil {
					return errStopped
				}
				return &JobError{Job: b.job, Err: fmt.Errorf("connection lost: %w", err)}
			}
			r.moved(b.job, int64(len(b.data)))
			free <- b.data[:0]
		case <-ctx.Done():
			return errStopped
		}
	}
}

// answers reads what the target says of each job that was sent. A job's answer is
// waited for from its first byte on, so that a refusal stops the copy at once.
func (r *relay) answers(sent <-chan int) error {
	front := pgproto3.NewFrontend(r.to, r.to)
	for job := range sent {
		if err := r.answer(front, job); err != nil {
			return &JobError{Job: job, Err: err}
		}
	}
	return nil
}

// answer reads until the target is ready again. An error of the server ends it at
// once: what is on the way to it can no longer help.
func (r *relay) answer(front *pgproto3.Frontend, job int) error {
	for {
		msg, err := front.Receive()
		if err != nil {
			return fmt.Errorf("connection lost: %w", err)
		}
		switch msg := msg.(type) {
		case *pgproto3.ErrorResponse:
			return pgconn.ErrorResponseToPgError(msg)
		case *pgproto3.CommandComplete:
			if tag := string(msg.CommandTag); strings.HasPrefix(tag, "COPY ") {
				r.arrived[job] = pgconn.NewCommandTag(tag).RowsAffected()
			}
		case *pgproto3.ReadyForQuery:
			r.status = msg.TxStatus
			return nil
		}
	}
}

// appendMessage appends a frontend message of one string or none.
func appendMessage(b []byte, kind byte, text string) []byte {
	b = append(b, kind)
	size := 4
	if kind == 'Q' {
		size += len(text) + 1
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	if kind == 'Q' {
		b = append(append(b, text...), 0)
	}
	return b
}
