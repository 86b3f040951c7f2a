package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"bascule/executor/ledger"
	"bascule/executor/stream/target"
	"bascule/executor/stream/walsender"
)

// link is one connection to the source with one to the target.
type link struct {
	s       *Stream
	start   ledger.Position
	members members
	session *target.Session
	source  *walsender.Conn

	// orders go to the applier, in order. free are the batches to fill.
	orders chan order
	free   chan *batch

	// flights are the batches that were sent and are not committed.
	flights flights

	// answered wakes the receiver when a batch was committed; told the reporter, when
	// there is something to tell; unflushed the flusher, when a commit is not on disk.
	answered, told, unflushed chan struct{}

	durable durable
}

// order is something for the applier: a batch, a table to look at, or a command.
type order struct {
	batch *batch
	table *lookup
	run   *run
}

// lookup asks for a table of the target. answer has room for one.
type lookup struct {
	relation target.Relation
	member   ledger.Member
	inOrder  bool
	answer   chan counterpart
}

// counterpart is a table of the target, or why rows do not fit.
type counterpart struct {
	table  *target.Table
	misfit *target.ShapeError
}

// batchCount is how many batches there are: one is filled, one is sent, and others lie
// between.
const batchCount = 4

// grace is how long the last batch may take to be committed, flushed and acknowledged
// after ctx has ended.
const grace = 10 * time.Second

var errGrace = errors.New("the target did not answer in time")

// follow is the life of one link. It returns nil when ctx ended and all is in order.
func (s *Stream) follow(ctx context.Context) error {
	l, err := s.open(ctx)
	if err != nil {
		if ctx.Err() != nil && !errors.As(err, new(*LeaseLostError)) {
			return nil
		}
		return err
	}
	s.log.DebugContext(ctx, "stream begins", "lsn", l.start.LSN, "epoch", l.start.Epoch)
	s.begin(l.start)
	err = l.run(ctx)
	s.note(err, &l.flights)
	s.end()
	s.log.DebugContext(ctx, "stream ended", "lsn", s.Progress().Position, "error", err)
	return err
}

// open connects both sides. The session on the target is first, for its position says
// where to begin.
func (s *Stream) open(ctx context.Context) (*link, error) {
	conn, err := s.cfg.Target(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{
		s:         s,
		orders:    make(chan order, batchCount),
		free:      make(chan *batch, batchCount),
		answered:  make(chan struct{}, 1),
		told:      make(chan struct{}, 1),
		unflushed: make(chan struct{}, 1),
	}
	for range batchCount {
		l.free <- new(batch)
	}
	if err := l.connect(ctx, conn); err != nil {
		if l.session == nil {
			_ = conn.Close(context.WithoutCancel(ctx))
		} else {
			l.abandon(ctx)
		}
		return nil, err
	}
	return l, nil
}

func (l *link) connect(ctx context.Context, conn *pgx.Conn) (err error) {
	s := l.s
	if l.start, err = s.take(ctx, conn); err != nil {
		return err
	}
	l.durable.start(l.start.LSN)
	if s.cfg.Check != nil {
		if err := s.cfg.Check(ctx, l.start.LSN); err != nil {
			return err
		}
	}
	if l.members, err = s.read(ctx, conn); err != nil {
		return err
	}
	repl := s.cfg.Replication
	if repl == nil {
		if repl, err = s.cfg.Source(ctx); err != nil {
			return err
		}
	}
	if err := s.record(ctx, conn, repl, l.members); err != nil {
		_ = repl.Close(context.WithoutCancel(ctx))
		return err
	}
	if l.session, err = s.openSession(ctx, conn, l.start, repl); err != nil {
		return err
	}
	l.source, err = walsender.Start(ctx, repl, walsender.Config{
		Slot: s.cfg.Slot, Publications: s.cfg.Publications, Position: l.start.LSN, Binary: s.cfg.Binary,
	})
	return err
}

func (s *Stream) openSession(ctx context.Context, conn *pgx.Conn, start ledger.Position, repl *pgconn.PgConn) (*target.Session, error) {
	session, err := target.Open(ctx, conn, target.Config{
		Mirror: s.cfg.Mirror, Name: s.cfg.Name, Position: start,
		Binary: s.cfg.Binary, SkipMissing: s.cfg.SkipMissing, Log: s.log,
	})
	if err != nil {
		_ = repl.Close(context.WithoutCancel(ctx))
	}
	return session, err
}

// abandon ends a session that was never used.
func (l *link) abandon(ctx context.Context) {
	l.session.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	_ = l.session.Run(ctx) // why there is no stream is known already
}

// take makes this process the position's holder. It is on disk when take returns, and
// all that is committed before it with it: what it says may be acknowledged.
func (s *Stream) take(ctx context.Context, conn *pgx.Conn) (ledger.Position, error) {
	if s.epoch != 0 {
		now, err := ledger.Epoch(ctx, conn, s.cfg.Mirror, s.cfg.Name)
		if err != nil {
			return ledger.Position{}, err
		}
		if now != s.epoch {
			return ledger.Position{}, &LeaseLostError{Mirror: s.cfg.Mirror}
		}
	}
	var p *ledger.Position
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) (err error) {
		if _, err := tx.Exec(ctx, flushAtCommit); err != nil {
			return err
		}
		p, err = ledger.TakePosition(ctx, conn, s.cfg.Mirror, s.cfg.Name)
		return err
	})
	if err != nil {
		return ledger.Position{}, fmt.Errorf("take the position of %q: %w", s.cfg.Mirror, err)
	}
	if p == nil {
		return ledger.Position{}, fmt.Errorf("the ledger has no position of mirror %q, stream %q", s.cfg.Mirror, s.cfg.Name)
	}
	s.epoch = p.Epoch
	return *p, nil
}

// run works until ctx ends, and what is open is through, or until the first error.
func (l *link) run(ctx context.Context) error {
	base, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	defer kill(nil)
	g, life := errgroup.WithContext(base)
	beside, done := context.WithCancel(life)
	defer done()

	r := newReceiver(l, ctx.Done())
	g.Go(func() error { return l.session.Run(life) })
	g.Go(func() error { l.source.Read(life); return nil }) // its error is the receiver's
	g.Go(func() error { return l.apply(life) })
	g.Go(func() error { return l.watch(beside) })
	g.Go(func() error { return l.flush(beside) })
	g.Go(func() error { return l.report(beside) })
	g.Go(func() error {
		defer l.source.Close()
		defer done() // who still tells the source something then has no say
		defer close(l.orders)
		return r.run(ctx, life)
	})
	g.Go(func() error { return limit(ctx, beside) })
	return g.Wait()
}

// limit ends a link that does not come to its end within grace after ctx has ended.
func limit(ctx, life context.Context) error {
	select {
	case <-ctx.Done():
	case <-life.Done():
		return nil
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-timer.C:
		return errGrace
	case <-life.Done():
		return nil
	}
}

// lost prefers the reason why the whole link ends to what it did to the socket.
func lost(ctx, life context.Context, err error) error {
	if life.Err() != nil {
		return context.Cause(life)
	}
	return fmt.Errorf("read from the source: %w", err)
}

const flushAtCommit = `set local synchronous_commit = local`
