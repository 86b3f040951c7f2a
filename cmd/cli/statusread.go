package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/planner/live"
	"bascule/planner/session"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// reading is what the peers answered at about one time, by address.
type reading struct {
	targets map[string]*targetAnswer
	sources map[string]*sourceAnswer

	// causes of engines that stand still, by the mirror's address.
	causes map[string][]string
}

// targetAnswer is what a target says of the mirrors that end there.
type targetAnswer struct {
	ledger   *catalog.Ledger
	progress *catalog.Progress

	// Of mirrors that stream: who works on them, what our sessions do, and when that
	// was, by the target's clock.
	locks    []catalog.MirrorLock
	activity []catalog.Activity
	clock    time.Time

	// engines are those of the servers' own, by mirror.
	engines map[string]*catalog.EngineNow

	err error
}

// sourceAnswer is what a source says of the streams that begin there.
type sourceAnswer struct {
	now *catalog.SourceNow
	err error
}

// asking is the application_name of status. It is not one of those by which sessions
// that work are found.
const asking = "bascule-status"

// read asks every target of the list, and then the sources of what streams: in this
// order nothing seems to be ahead of its source.
func (s *survey) read(ctx context.Context, list []known) *reading {
	r := &reading{targets: map[string]*targetAnswer{}, sources: map[string]*sourceAnswer{}, causes: map[string][]string{}}
	var targets errgroup.Group
	targets.SetLimit(8)
	for _, m := range list {
		if r.targets[m.target] == nil {
			a := &targetAnswer{}
			r.targets[m.target] = a
			targets.Go(func() error {
				a.err = s.ask(ctx, m.target, a.read)
				return nil
			})
		}
	}
	_ = targets.Wait() // what went wrong is in each answer

	var sources errgroup.Group
	sources.SetLimit(8)
	for _, m := range list {
		l := r.record(m, s.w.file.Lineage)
		if l == nil || l.Stream == nil || r.sources[m.source] != nil {
			continue
		}
		a := &sourceAnswer{}
		r.sources[m.source] = a
		sources.Go(func() error {
			a.err = s.ask(ctx, m.source, a.read)
			return nil
		})
	}
	_ = sources.Wait()
	return r
}

// record is a mirror's in its target's ledger, or nil.
func (r *reading) record(m known, lineage string) *catalog.LedgerMirror {
	a := r.targets[m.target]
	if a == nil || a.err != nil {
		return nil
	}
	return ledgerOf(a.ledger, m.address, lineage)
}

// streams reports whether any mirror of the list has a position that may move.
func (r *reading) streams(list []known, lineage string) bool {
	return slices.ContainsFunc(list, func(m known) bool {
		l := r.record(m, lineage)
		return l != nil && l.Position != nil && l.Phase == catalog.PhaseStreaming
	})
}

// ask opens a session on a peer of the configuration, and has read use it.
func (s *survey) ask(ctx context.Context, address string, read func(context.Context, *pgx.Conn) error) error {
	i := slices.IndexFunc(s.w.cfg.Peers, func(p *config.Peer) bool { return p.Address == address })
	if i < 0 {
		return fmt.Errorf("%s is not in the configuration any more", address)
	}
	conn, err := session.Open(ctx, s.w.cfg.Peers[i], session.Options{Application: asking, ReadOnly: true})
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return read(ctx, conn)
}

func (a *targetAnswer) read(ctx context.Context, conn *pgx.Conn) (err error) {
	if a.ledger, err = catalog.ReadLedger(ctx, conn); err != nil {
		return err
	}
	if a.progress, err = catalog.ReadProgress(ctx, conn); err != nil {
		return err
	}
	var following []string
	for i := range a.ledger.Mirrors {
		if m := &a.ledger.Mirrors[i]; m.Stream != nil {
			following = append(following, m.ID)
		}
	}
	if len(following) == 0 {
		return nil
	}
	if a.activity, err = catalog.ReadActivity(ctx, conn); err != nil {
		return err
	}
	if a.engines, err = live.Engines(ctx, conn, a.ledger); err != nil {
		return err
	}
	a.locks, a.clock, err = catalog.ReadMirrorLocks(ctx, conn, following)
	return err
}

func (a *sourceAnswer) read(ctx context.Context, conn *pgx.Conn) (err error) {
	a.now, err = catalog.ReadSourceNow(ctx, conn)
	return err
}
