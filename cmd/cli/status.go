package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bascule/cmd/view"
	"bascule/planner/session"

	"github.com/urfave/cli/v2"
)

// watchEvery is the time between two readings of status -watch and -wait, rateSpan
// that between the two readings that a rate is made of.
const (
	watchEvery = 2 * time.Second
	rateSpan   = time.Second
)

func statusCommand() *command {
	return &command{
		name: "status", args: "[ADDR]", maxArgs: 1,
		about: "say how far each mirror is, or what we do on a peer",
		more: "It takes no lock and works while apply and run do, from any terminal that can reach the peers. " +
			"With -wait it returns when everything asked for is copied, and what is continuous streams and is no further " +
			"behind than -max-lag, whoever moves its rows; exit code 8 says that -timeout came first.",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "watch", Usage: "again every 2 s, until everything is done"},
			&cli.StringFlag{Name: "wait", Usage: "return when everything is `streaming`, or copied"},
			&cli.StringFlag{Name: "max-lag", Value: "10MB", Usage: "with -wait: at most `SIZE` of WAL behind the source"},
			&cli.DurationFlag{Name: "timeout", Usage: "with -wait: for at most `DURATION`; default for ever"},
		},
		examples: [][2]string{
			{"bascule status", "every mirror"},
			{"bascule status mirror.app -watch", "one, until it is done"},
			{"bascule status peer.prod", "our sessions and slots on a server"},
			{"bascule status -wait=streaming -max-lag=1MB -timeout=10m", "for a pipeline"},
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
	goal, err := c.goal()
	if err != nil {
		return err
	}
	w, err := c.open()
	if err != nil {
		return err
	}
	s := &survey{call: c, w: w, only: c.flags.Args().First(), causes: map[string]causesFound{}}
	for begun := time.Now(); ; {
		report, err := s.report(ctx)
		if err != nil {
			return err
		}
		done, err := goal.reached(report, time.Since(begun))
		if goal == nil {
			done = !watch || settled(report)
		}
		over := done || err != nil
		if shown := c.showStatus(report, watch, over); shown != nil {
			return shown
		}
		if over {
			return err
		}
		if err := session.Pause(ctx, watchEvery); err != nil {
			return err
		}
	}
}

// showStatus draws a report anew, or once when it is the last.
func (c *call) showStatus(report view.StatusReport, watch, last bool) error {
	switch {
	case watch:
		return c.screen.Redraw(c.screen.StatusText(report), isTerminal(c.stdout))
	case last:
		return c.screen.Status(report)
	}
	return nil
}

// settled reports whether every mirror is complete. One that streams never is.
func settled(r view.StatusReport) bool {
	return !slices.ContainsFunc(r.Mirrors, func(m view.MirrorStatus) bool { return m.Finished == nil || m.Stream != nil }) &&
		!slices.ContainsFunc(r.Peers, func(p view.PeerStatus) bool { return p.Asked })
}

// survey is one run of status. It keeps the reading before, for rates.
type survey struct {
	*call
	w      *workspace
	only   string
	before *reading
	causes map[string]causesFound // by the mirror's address
}

// report reads the state and asks every peer that has something to say.
func (s *survey) report(ctx context.Context) (view.StatusReport, error) {
	w := s.w
	report := view.StatusReport{State: w.store.Path(), Mirrors: []view.MirrorStatus{}, Peers: []view.PeerStatus{}}
	if err := w.load(ctx); err != nil {
		return report, err
	}
	report.Serial = w.file.Serial
	report.Peers = s.peers(ctx)
	list := w.mirrors()
	if s.only != "" {
		list = slices.DeleteFunc(list, func(m known) bool { return m.address != s.only })
		if len(list)+len(report.Peers) == 0 {
			return report, fmt.Errorf("%s is neither declared nor in the state%s", s.only, didYouMean(s.only, w.addresses()))
		}
	}
	now := s.read(ctx, list)
	if s.before == nil && now.streams(list, w.file.Lineage) {
		if err := session.Pause(ctx, rateSpan); err != nil {
			return report, err
		}
		s.before, now = now, s.read(ctx, list)
	}
	s.explain(ctx, list, now)
	at := time.Now()
	for _, m := range list {
		status := measure(m, w.file.Lineage, now.targets[m.target], at)
		now.addStream(&status, m, w.file.Lineage, s.before)
		report.Mirrors = append(report.Mirrors, status)
	}
	s.before = now
	return report, context.Cause(ctx)
}

// known is a mirror of the configuration or the state.
type known struct {
	address, source, target string
	status                  string // in the state, or ""
	epoch                   int64  // of its position, as the state knows it
}

// mirrors are those of the state and of the configuration, by address.
func (w *workspace) mirrors() []known {
	byAddress := map[string]known{}
	for _, m := range w.cfg.Mirrors {
		byAddress[m.Address] = known{address: m.Address, source: m.Source.Address, target: m.Target.Address}
	}
	for _, r := range w.file.Resources {
		if r.Mirror != nil {
			byAddress[r.Address] = known{address: r.Address, source: r.Mirror.Source, target: r.Mirror.Target, status: r.Status, epoch: r.Mirror.Epoch}
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
	for _, p := range w.cfg.Peers {
		list = append(list, p.Address)
	}
	return list
}
