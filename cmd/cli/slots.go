package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bascule/config"
	"bascule/executor/slot"
	"bascule/planner/catalog"
	"bascule/planner/session"

	"github.com/jackc/pgx/v5"
	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"
)

func slotsCommand() *command {
	return &command{
		name:  "slots",
		about: "list slots, publications, subscriptions and logs that mirrors made, and drop forgotten ones",
		more: "Asks every peer of the configuration. A slot holds WAL on its server until it is dropped. An orphan " +
			"carries the lineage of this state, and no mirror of the state has it; -prune drops those, and nothing else. What an orphan subscription reads is an " +
			"orphan once that is dropped: prune again.",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "prune", Usage: "drop orphans, after asking"},
			&cli.BoolFlag{Name: "auto-approve", Usage: "do not ask"},
		},
		examples: [][2]string{
			{"bascule slots", "whose they are, and how much WAL they hold"},
			{"bascule slots -prune", "drop what no mirror has any more"},
			{"bascule slots -json", "for a program"},
		},
		run: runSlots,
	}
}

func runSlots(ctx context.Context, c *call) error {
	prune := c.flags.Bool("prune")
	if prune {
		if err := c.mayAsk("pass -auto-approve"); err != nil {
			return err
		}
	}
	w, err := c.open()
	if err != nil {
		return err
	}
	if prune { // else an apply may be making what looks like an orphan
		unlock, err := c.lock(ctx, w)
		if err != nil {
			return err
		}
		defer unlock()
	}
	if err := w.load(ctx); err != nil {
		return err
	}
	l := &slotList{call: c, w: w}
	l.read(ctx)
	if !prune {
		return l.show(ctx)
	}
	return l.prune(ctx)
}

// mayAsk refuses, before anything is connected to, what nobody could approve. instead
// is what else would do.
func (c *call) mayAsk(instead string) error {
	if c.flags.Bool("auto-approve") || c.flags.Bool("input") && isTerminal(c.stdin) {
		return nil
	}
	return &notApprovedError{text: "there is no terminal to ask on, and nothing approves this in advance", hint: instead}
}

// slotList is what was found on the peers of a configuration.
type slotList struct {
	*call
	w     *workspace
	peers []*slotPeer
}

// slotPeer is what was found on one.
type slotPeer struct {
	peer             *config.Peer
	system, database string
	found            []slot.Found
	dropped          map[int]bool // of found, by place
	also             []alsoFound
	err              error
}

// read asks every peer, several at once.
func (l *slotList) read(ctx context.Context) {
	var g errgroup.Group
	g.SetLimit(8)
	for _, p := range l.w.cfg.Peers {
		sp := &slotPeer{peer: p, dropped: map[int]bool{}}
		l.peers = append(l.peers, sp)
		g.Go(func() error {
			sp.err = sp.on(ctx, func(conn *pgx.Conn) error { return sp.read(ctx, conn, l.w) })
			return nil
		})
	}
	_ = g.Wait() // what went wrong is with each peer
	l.once()
	l.enginesSlots()
}

// on works on a session of the peer.
func (p *slotPeer) on(ctx context.Context, work func(conn *pgx.Conn) error) error {
	conn, err := session.Open(ctx, p.peer, session.Options{Application: "bascule-slots"})
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return work(conn)
}

func (p *slotPeer) read(ctx context.Context, conn *pgx.Conn, w *workspace) error {
	id, _, err := catalog.ReadIdentity(ctx, conn)
	if err != nil {
		return err
	}
	p.system, p.database = id.SystemIdentifier, id.Name
	var addresses []string
	for _, r := range w.file.Resources {
		if r.Mirror != nil {
			addresses = append(addresses, r.Address)
		}
	}
	if p.found, err = slot.List(ctx, conn, w.file.Lineage, addresses); err != nil {
		return err
	}
	return p.readAlso(ctx, conn, w.file.Lineage, addresses)
}

// once leaves each slot with one peer: every database of a server shows all of its
// slots. It is that of the slot's database, else the first of the server.
func (l *slotList) once() {
	owner := map[[2]string]*slotPeer{}
	for _, p := range l.peers {
		for _, f := range p.found {
			if f.Slot == nil {
				continue
			}
			key := [2]string{p.system, f.Slot.Name}
			if owner[key] == nil || p.database == f.Slot.Database && owner[key].database != f.Slot.Database {
				owner[key] = p
			}
		}
	}
	for _, p := range l.peers {
		var mine []slot.Found
		for _, f := range p.found {
			if f.Slot == nil || p.system == "" || owner[[2]string{p.system, f.Slot.Name}] == p {
				mine = append(mine, f)
			}
		}
		p.found = mine
	}
}

// show prints what was found. A peer that cannot be asked makes the command fail.
func (l *slotList) show(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := l.screen.Slots(l.report()); err != nil {
		return err
	}
	for _, p := range l.peers {
		if p.err != nil {
			return shownError(exitError)
		}
	}
	return nil
}

// prune asks, and drops the orphans.
func (l *slotList) prune(ctx context.Context) error {
	orphans := 0
	for _, p := range l.peers {
		for _, f := range p.found {
			if f.Orphan {
				orphans++
			}
		}
		for _, f := range p.also {
			if f.orphan {
				orphans++
			}
		}
	}
	if orphans == 0 {
		return l.show(ctx)
	}
	if err := l.approved(ctx, orphans); err != nil {
		return err
	}
	var errs []error
	for _, p := range l.peers {
		if err := p.prune(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.peer.Address, err))
		}
	}
	shown := l.show(ctx)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return shown
}

// approved asks, and takes nothing but yes.
func (l *slotList) approved(ctx context.Context, orphans int) error {
	if l.flags.Bool("auto-approve") {
		return nil
	}
	l.screen.Say(l.screen.SlotsText(l.report()))
	l.screen.Ask(fmt.Sprintf("Drop what is marked orphan, %d in all? Only yes is taken for an answer: ", orphans))
	answer, err := l.readLine(ctx)
	if err != nil {
		return err
	}
	if strings.TrimSpace(answer) != "yes" {
		return &notApprovedError{text: "not approved; nothing was dropped"}
	}
	return nil
}

// prune drops the orphans of one peer. One that cannot be dropped does not keep the
// others.
func (p *slotPeer) prune(ctx context.Context) error {
	if p.err != nil {
		return p.err
	}
	var errs []error
	err := p.on(ctx, func(conn *pgx.Conn) error {
		for i, f := range p.found {
			if !f.Orphan || f.Slot != nil && enginesSlot(f.Slot) {
				continue
			}
			if err := slot.Prune(ctx, conn, f); err != nil {
				errs = append(errs, err)
				continue
			}
			p.dropped[i] = true
		}
		for i := range p.also {
			f := &p.also[i]
			if !f.orphan {
				continue
			}
			if err := p.pruneAlso(ctx, conn, f); err != nil {
				errs = append(errs, err)
				continue
			}
			f.dropped = true
			p.droppedWith(f)
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}
