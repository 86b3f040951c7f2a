package stream

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/planner/catalog"
)

// pause is a request of Between: the receiver sends the position when all is quiet,
// and waits for done.
type pause struct {
	quiet chan catalog.LSN
	done  chan struct{}
}

// Between runs work while nothing is in flight and nothing is applied: between two
// transactions of the source. The position that work is given is committed, and stays.
// Afterwards the members are read again. It waits through interruptions of the stream;
// when Run has ended first, work is not run. Run does not end while work runs.
func (s *Stream) Between(ctx context.Context, work func(ctx context.Context, position catalog.LSN) error) error {
	p := &pause{quiet: make(chan catalog.LSN), done: make(chan struct{})}
	defer close(p.done)
	for {
		select {
		case s.requests <- p:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.ended:
			return errEnded
		}
		select {
		case position, quiet := <-p.quiet:
			if !quiet { // the connection was lost before: again, on the next one
				p.quiet = make(chan catalog.LSN)
				continue
			}
			return work(ctx, position)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Reload has the members read again between two transactions, and the target's tables
// too. It is for tables that are new, gone or of another shape: of one whose changes
// were passed over until now, some that its point does not cover may have been passed
// over already. Such a table is taken up under Between.
func (s *Stream) Reload() {
	s.mu.Lock()
	s.reloadNext = true
	s.mu.Unlock()
	wake(s.called)
}

// reloads reports whether Reload was called since it was asked last.
func (s *Stream) reloads() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.reloadNext
	s.reloadNext = false
	return was
}

// members reads those of the mirror, over a connection of its own.
func (s *Stream) members(ctx context.Context) (members, error) {
	conn, err := s.cfg.Target(ctx)
	if err != nil {
		return members{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return s.read(ctx, conn)
}

func (s *Stream) read(ctx context.Context, conn *pgx.Conn) (members, error) {
	all, err := ledger.Members(ctx, conn, s.cfg.Mirror)
	if err != nil {
		return members{}, fmt.Errorf("mirror %q: %w", s.cfg.Mirror, err)
	}
	m := s.choose(all)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unfilled = len(m.waiting)
	s.release()
	return m, nil
}
