package subscription

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
)

// Remove drops the subscription, and with it its origin. The source is not asked for it,
// and need not be there: what the mirror has on it, slot and publications, is the
// caller's. A subscription of that name that is another's stays, and is said to.
func (e *Engine) Remove(ctx context.Context) (left []string, err error) {
	name := pgname.Quote(e.cfg.Stream.Subscription)
	if e.cfg.Target == nil {
		return []string{fmt.Sprintf("subscription %s on %s, with what it connects with to %s, the password in it; when it can be reached: "+
			forgetAll, e.cfg.Stream.Subscription, e.cfg.TargetPeer, e.cfg.SourcePeer, name)}, nil
	}
	s, err := e.stop(ctx)
	var foreign *ForeignError
	switch {
	case errors.As(err, &foreign):
		return []string{foreign.Error()}, nil
	case err != nil || s == nil:
		return nil, err
	}
	return nil, e.changes(ctx, func(tx pgx.Tx) error { return drop(ctx, tx, name) })
}

const forgetAll = `alter subscription %[4]s disable; alter subscription %[4]s set (slot_name = none); drop subscription %[4]s`
