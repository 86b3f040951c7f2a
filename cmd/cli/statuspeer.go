package cli

import (
	"context"
	"slices"
	"time"

	"bascule/cmd/view"
	"bascule/config"
	"bascule/executor/slot"
	"bascule/planner/catalog"
	"bascule/planner/session"

	"github.com/jackc/pgx/v5"
)

// peers are those of the state; or the one that was asked for, with what this
// program has there.
func (s *survey) peers(ctx context.Context) []view.PeerStatus {
	list := []view.PeerStatus{}
	for _, r := range s.w.file.Resources {
		if r.Peer != nil && (s.only == "" || s.only == r.Address) {
			list = append(list, view.PeerStatus{Address: r.Address, Endpoint: r.Peer.Endpoint})
		}
	}
	if s.only == "" {
		return list
	}
	if i := slices.IndexFunc(s.w.cfg.Peers, func(p *config.Peer) bool { return p.Address == s.only }); i >= 0 && len(list) == 0 {
		endpoint, _ := session.Endpoint(s.w.cfg.Peers[i]) // what is wrong with it is said when it is asked
		list = append(list, view.PeerStatus{Address: s.only, Endpoint: endpoint})
	}
	for i := range list {
		p := &list[i]
		p.Asked = true
		if err := s.ask(ctx, p.Address, func(ctx context.Context, conn *pgx.Conn) error { return readPeer(ctx, conn, p) }); err != nil {
			p.Unreachable = err.Error()
		}
	}
	return list
}

// readPeer reads our sessions and slots on a server.
func readPeer(ctx context.Context, conn *pgx.Conn, p *view.PeerStatus) error {
	sessions, err := catalog.ReadActivity(ctx, conn)
	if err != nil {
		return err
	}
	now, err := catalog.ReadSourceNow(ctx, conn)
	if err != nil {
		return err
	}
	p.Sessions = sessionsOf(sessions, now.Clock)
	p.Slots, p.Held = slotsOf(now.Slots)
	subscriptions, err := catalog.ReadOwnSubscriptions(ctx, conn, slot.Prefix)
	for _, x := range subscriptions {
		p.Subscriptions = append(p.Subscriptions, view.SubscriptionStatus{Name: x.Name, Engine: x.Engine, Enabled: x.Enabled, Working: x.Working, Slot: x.Slot})
	}
	return err
}

func sessionsOf(list []catalog.Activity, now time.Time) []view.SessionStatus {
	var shown []view.SessionStatus
	for _, a := range list {
		s := view.SessionStatus{PID: a.PID, Application: a.Application, Database: a.Database, State: a.State,
			Query: a.Query, Since: moment(a.Since), Waiting: a.Waiting, BlockedBy: a.BlockedBy}
		if s.Since != nil {
			s.Seconds = max(0, now.Sub(a.Since).Seconds())
		}
		shown = append(shown, s)
	}
	return shown
}
