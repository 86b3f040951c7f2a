package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bascule/cmd/view"
	"bascule/config"
	"bascule/planner/catalog"
	"bascule/planner/session"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"
)

// watchEvery is the time between two readings of status -watch.
const watchEvery = 2 * time.Second

func statusCommand() *command {
	return &command{
		name: "status", args: "[ADDR]", maxArgs: 1,
		about: "say how far each mirror is",
		more:  "It takes no lock and works while apply runs, from any terminal that can reach the target.",
		flags: []cli.Flag{&cli.BoolFlag{Name: "watch", Usage: "again every 2 s, until everything is done"}},
		examples: [][2]string{
			{"bascule status", "every mirror"},
			{"bascule status mirror.app -watch", "one, until it is done"},
			{"bascule status -json", "for a program"},
		},
		run: runStatus,
	}
}

func runStatus(ctx context.Context, c *call) error {
	watch := c.flags.Bool("watch")
	if watch && c.screen.JSON() {
		return usagef("-watch and -json do not go together: -json is one document")
	}
	w, err := c.open()
	if err != nil {
		return err
	}
	for {
		report, err := c.status(ctx, w, c.flags.Args().First())
		if err != nil {
			return err
		}
		if !watch {
			return c.screen.Status(report)
		}
		if err := c.screen.Redraw(c.screen.StatusText(report), isTerminal(c.stdout)); err != nil || settled(report) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(watchEvery):
		}
	}
}

// settled reports whether every mirror is complete.
func settled(r view.StatusReport) bool {
	return !slices.ContainsFunc(r.Mirrors, func(m view.MirrorStatus) bool { return m.Finished == nil })
}

// status reads the state and asks every target.
func (c *call) status(ctx context.Context, w *workspace, only string) (view.StatusReport, error) {
	report := view.StatusReport{State: w.store.Path(), Mirrors: []view.MirrorStatus{}, Peers: []view.PeerStatus{}}
	if err := w.load(ctx); err != nil {
		return report, err
	}
	report.Serial = w.file.Serial
	list := w.mirrors()
	for _, r := range w.file.Resources {
		if r.Peer != nil && (only == "" || only == r.Address) {
			report.Peers = append(report.Peers, view.PeerStatus{Address: r.Address, Endpoint: r.Peer.Endpoint})
		}
	}
	if only != "" {
		list = slices.DeleteFunc(list, func(m known) bool { return m.address != only })
		if len(list)+len(report.Peers) == 0 {
			return report, fmt.Errorf("%s is neither declared nor in the state%s", only, didYouMean(only, w.addresses()))
		}
	}
	targets := c.ask(ctx, w.cfg, list)
	now := time.Now()
	for _, m := range list {
		report.Mirrors = append(report.Mirrors, measure(m, w.file.Lineage, targets[m.target], now))
	}
	return report, context.Cause(ctx)
}

// known is a mirror of the configuration or the state.
type known struct {
	address, source, target string
	status                  string // in the state, or ""
}

// mirrors are those of the state and of the configuration, by address.
func (w *workspace) mirrors() []known {
	byAddress := map[string]known{}
	for _, m := range w.cfg.Mirrors {
		byAddress[m.Address] = known{address: m.Address, source: m.Source.Address, target: m.Target.Address}
	}
	for _, r := range w.file.Resources {
		if r.Mirror != nil {
			byAddress[r.Address] = known{address: r.Address, source: r.Mirror.Source, target: r.Mirror.Target, status: r.Status}
		}
	}
	var list []known
	for _, address := range sortedKeys(byAddress) {
		list = append(list, byAddress[address])
	}
	return list
}

// addresses are all that status can be asked for.
func (w *workspace) addresses() []string {
	list := addresses(w.file)
	for _, m := range w.cfg.Mirrors {
		list = append(list, m.Address)
	}
	return list
}

// answer of a target.
type targetAnswer struct {
	ledger   *catalog.Ledger
	progress *catalog.Progress
	err      error
}

// ask reads every target of the list, several at once.
func (c *call) ask(ctx context.Context, cfg *config.Config, list []known) map[string]*targetAnswer {
	answers := map[string]*targetAnswer{}
	var g errgroup.Group
	g.SetLimit(8)
	for _, m := range list {
		if answers[m.target] != nil {
			continue
		}
		a := &targetAnswer{}
		answers[m.target] = a
		i := slices.IndexFunc(cfg.Peers, func(p *config.Peer) bool { return p.Address == m.target })
		if i < 0 {
			a.err = fmt.Errorf("%s is not in the configuration any more", m.target)
			continue
		}
		g.Go(func() error {
			a.read(ctx, cfg.Peers[i])
			return nil
		})
	}
	_ = g.Wait() // what went wrong is in each answer
	return answers
}

// read asks one target. Its session does not carry the name by which sessions that
// work are found.
func (a *targetAnswer) read(ctx context.Context, peer *config.Peer) {
	conn, err := session.Open(ctx, peer, session.Options{Application: "bascule-status", ReadOnly: true})
	if err != nil {
		a.err = err
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if a.ledger, a.err = catalog.ReadLedger(ctx, conn); a.err == nil {
		a.progress, a.err = catalog.ReadProgress(ctx, conn)
	}
}
