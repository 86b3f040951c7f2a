package pglogical

import (
	"context"
	"fmt"

	"bascule/executor/ledger"
	"bascule/planner/catalog"
)

// Prepare makes what is missing on both servers: extension, nodes, sets with exactly
// these members, and the subscription, which stays stopped. It returns the first position
// that Give can go on from. It may be repeated, and then moves nothing that is right.
func (e *Engine) Prepare(ctx context.Context, members []ledger.Member) (catalog.LSN, error) {
	sets, err := e.ensureProvider(ctx)
	if err != nil {
		return 0, err
	}
	name, err := e.ensureSubscriber(ctx)
	if err != nil {
		return 0, err
	}
	if err := e.awaitSlot(ctx, name); err != nil {
		return 0, err
	}
	if _, err := e.stop(ctx); err != nil {
		return 0, err
	}
	owed, err := e.setMembers(ctx, sets, members)
	if err != nil {
		return 0, err
	}
	if owed {
		if err := e.moveSlot(ctx, name); err != nil {
			return 0, err
		}
	}
	at, err := e.confirmed(ctx, name)
	if err == nil && at == 0 {
		err = fmt.Errorf("the source has no slot %s", name)
	}
	return at, err
}
