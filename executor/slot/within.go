package slot

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog"
)

// ChangeWithin makes the mirror's own publications hold these members, in a
// transaction of the source that is open and goes on: who is new joins the publication
// that follows it, who is followed in another way moves between the two, who is
// removed is in neither. Others are left as they are. Named publications are left
// alone.
//
// It waits for locks as the transaction's lock_timeout says. What the transaction wrote
// to a table before that joins is not sent. A member that is not removed and is gone
// is a *MissingError.
func ChangeWithin(ctx context.Context, tx pgx.Tx, s planner.Stream, members ...ledger.Member) error {
	if !s.OwnPublications || len(members) == 0 {
		return nil
	}
	there, err := catalog.PublicationsWithin(ctx, tx)
	if err != nil {
		return err
	}
	sqls, err := changes(ctx, tx, s, members, false, there)
	if err != nil {
		return err
	}
	for _, sql := range sqls {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("change the publications of the mirror: %w", err)
		}
	}
	return nil
}
