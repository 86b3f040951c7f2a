package executor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/schema"
	"bascule/executor/schema/archive"
	"bascule/planner/session"
)

// reconcile undoes what an earlier attempt left that cannot be kept, and returns
// the keys of the objects that can.
func (at *attempt) reconcile(ctx context.Context, dump *archive.Archive) (map[string]bool, error) {
	pc := at.conn.PgConn()
	recorded, err := ledger.Objects(ctx, at.conn, at.plan.ID)
	if err != nil {
		return nil, err
	}
	present, err := schema.Present(ctx, at.conn)
	if err != nil {
		return nil, err
	}
	made := map[string]string{}
	for _, o := range recorded {
		made[o.Key] = o.Checksum
	}
	at.choice = schema.Choose(dump, at.plan, func(e *archive.Entry) bool {
		_, ours := made[e.Identity()]
		return !ours && present(e.Desc, e.Tag)
	})
	if at.plan.Clean && len(recorded) == 0 {
		if err := at.clean(ctx, pc); err != nil {
			return nil, err
		}
	}
	if len(recorded) == 0 {
		return nil, nil
	}
	at.stage("undo what was half-done")
	return at.undo(ctx, pc, recorded)
}

// undo drops what stands on filled tables, empties the tables, and drops the
// schema too where the source's changed since.
func (at *attempt) undo(ctx context.Context, pc *pgconn.PgConn, recorded []ledger.Object) (map[string]bool, error) {
	post := slices.DeleteFunc(slices.Clone(recorded), func(o ledger.Object) bool { return o.Section != "post" })
	if err := at.maker.Undo(ctx, pc, post); err != nil {
		return nil, err
	}
	if err := at.empty(ctx, pc); err != nil {
		return nil, err
	}
	now := map[string]string{}
	for _, it := range at.choice.Pre {
		now[it.Object.Key] = it.Object.Checksum
	}
	kept := map[string]bool{}
	var stale []ledger.Object
	for _, o := range recorded {
		if o.Section != "pre" {
			continue
		}
		if len(stale) > 0 || now[o.Key] != o.Checksum {
			stale = append(stale, o) // and all made after it, which may depend on it
			continue
		}
		kept[o.Key] = true
	}
	return kept, at.maker.Undo(ctx, pc, stale)
}

// empty truncates the tables that an earlier attempt filled, and removes its large
// objects.
func (at *attempt) empty(ctx context.Context, pc *pgconn.PgConn) error {
	filled, err := ledger.Filled(ctx, at.conn, at.plan.ID)
	if err != nil || !filled {
		return err
	}
	sqls := []string{}
	for i := range at.plan.Tables {
		t := &at.plan.Tables[i]
		switch t.Kind {
		case "table":
			sqls = append(sqls, truncateIfThere(pgname.Qualified(t.Schema, t.Name)))
		case "config":
			sqls = append(sqls, "delete from "+t.SourceName()+" "+t.Condition)
		}
	}
	for group := range slices.Chunk(sqls, 200) {
		if err := at.maker.Run(ctx, pc, "empty tables", "", group); err != nil {
			return err
		}
	}
	return session.Exec(ctx, pc, ledger.Emptied(at.plan.ID))
}

// truncateIfThere empties one table, where it exists.
func truncateIfThere(name string) string {
	return fmt.Sprintf("do %s", pgname.Literal(fmt.Sprintf(
		"begin if pg_catalog.to_regclass(%s) is not null then truncate only %s; end if; end", pgname.Literal(name), name)))
}

// clean drops what stands under the names of what will be created. Tables that have
// another name in the end go before what they are made of, as far as nothing else
// stands on them.
func (at *attempt) clean(ctx context.Context, pc *pgconn.PgConn) error {
	at.stage("drop what is overwritten")
	if err := at.cleanMoved(ctx, pc, true); err != nil {
		return err
	}
	if err := at.maker.Clean(ctx, pc, slices.Concat(at.choice.Pre, at.choice.Post, at.choice.Last)); err != nil {
		return err
	}
	return at.cleanMoved(ctx, pc, false)
}

func (at *attempt) cleanMoved(ctx context.Context, pc *pgconn.PgConn, passNeeded bool) error {
	for i := range at.plan.Tables {
		t := &at.plan.Tables[i]
		if !t.Renamed() {
			continue
		}
		name := pgname.Qualified(t.FinalName())
		err := session.Exec(ctx, pc, "drop table if exists "+name)
		if err != nil && !(passNeeded && session.Code(err) == "2BP01") {
			return fmt.Errorf("drop %s: %w", name, err)
		}
	}
	return nil
}

// emptyTarget empties the tables of a target whose schema is its own.
func (at *attempt) emptyTarget(ctx context.Context) error {
	filled, err := ledger.Filled(ctx, at.conn, at.plan.ID)
	if err != nil {
		return err
	}
	if !filled && len(at.change.DataLoss) == 0 {
		return nil
	}
	var names []string
	for i := range at.plan.Tables {
		if t := &at.plan.Tables[i]; t.Kind == "table" {
			names = append(names, pgname.Qualified(t.FinalName()))
		}
	}
	sqls := []string{ledger.Emptied(at.plan.ID)}
	if len(names) > 0 {
		sqls = append(sqls, "truncate "+strings.Join(names, ", "))
	}
	return at.maker.Run(ctx, at.conn.PgConn(), "empty tables", "", sqls)
}
