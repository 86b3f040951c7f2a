package drive

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/planner/session"
	"bascule/planner/sourcelog"
)

// Unawaited are the members but for those that a command makes of what they are another
// member, or none, once the target has it: the publications show that already, if it
// is on the source.
func Unawaited(members []ledger.Member, begun []ledger.DDL) []ledger.Member {
	turned := map[uint32]bool{}
	for _, d := range begun {
		for _, m := range d.Members {
			turned[m.Source] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(members), func(m ledger.Member) bool { return turned[m.Source] })
}

// unexplained are the members but for those of which the source's log of DDL says that
// they are gone, or published in part, by a command that the stream may not have come to.
// Without a log all are, also where it is gone.
func unexplained(ctx context.Context, source *pgx.Conn, log string, members []ledger.Member) ([]ledger.Member, error) {
	if log == "" {
		return members, nil
	}
	rows, err := source.Query(ctx, fmt.Sprintf(selectExplained, pgname.Qualified(log, sourcelog.Table)))
	var list []int64
	if err == nil {
		list, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	}
	if code := session.Code(err); code == "42P01" || code == "3F000" {
		return members, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the log of DDL on the source: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(members), func(m ledger.Member) bool { return slices.Contains(list, int64(m.Source)) }), nil
}

// selectExplained: of a table, the last entry counts. Its commands came one after the
// other, for each locks it.
const selectExplained = `
	select e.oid
	from (
		select distinct on (t.oid) t.oid, t.follow, t.dropped
		from %s d
		cross join lateral pg_catalog.jsonb_to_recordset(d.tables::pg_catalog.jsonb) t(oid bigint, follow text, dropped boolean)
		order by t.oid, d.id desc) e
	where e.dropped or e.follow <> 'all'
	order by e.oid`
