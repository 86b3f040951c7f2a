package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"bascule/config"
	"bascule/executor/progress"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// buildsEvery is the time between two looks at how far index builds are.
const buildsEvery = time.Second

// targets are the peers on which a plan builds something.
func targets(w *workspace, p *planner.Plan) []*config.Peer {
	var list []*config.Peer
	for _, peer := range w.cfg.Peers {
		builds := slices.ContainsFunc(p.Changes, func(c planner.Change) bool {
			return c.Mirror != nil && c.Action != planner.Remove && c.Mirror.Target == peer.Address
		})
		if builds {
			list = append(list, peer)
		}
	}
	return list
}

// watchBuilds tells sink how far the index builds on a target are, until ctx ends.
// It is for show alone: where it cannot look, the bars have less to say.
func (a *application) watchBuilds(ctx context.Context, target *config.Peer, sink progress.Sink) {
	tick := time.NewTicker(buildsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := reportBuilds(ctx, target, tick.C, sink); err != nil && ctx.Err() == nil {
			a.log.DebugContext(ctx, "index builds not watched", "peer", target.Address, "error", err)
		}
	}
}

// reportBuilds looks at every tick until the connection is lost.
func reportBuilds(ctx context.Context, target *config.Peer, tick <-chan time.Time, sink progress.Sink) error {
	conn, err := session.Open(ctx, target, session.Options{Application: "bascule-progress", ReadOnly: true})
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for {
		p, err := catalog.ReadProgress(ctx, conn)
		if err != nil {
			return err
		}
		for _, b := range p.Builds {
			sink.Event(progress.ObjectMoved{Mirror: mirrorOf(b.Application), Kind: "index", Name: b.Index, Phase: b.Phase, Done: b.Done, Total: b.Total})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
	}
}

// mirrorOf returns the mirror in an application_name, bascule/<mirror>/<role>.
func mirrorOf(application string) string {
	name := strings.TrimPrefix(application, "bascule/")
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[:i]
	}
	return name
}
