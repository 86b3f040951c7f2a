package executor

import (
	"context"

	"bascule/config/pgname"
	"bascule/planner"
)

// into is the quoted name of the table that rows are written to while they are copied.
func (at *attempt) into(t *planner.Table) string {
	if t.RootName != "" {
		return pgname.Qualified(t.RootSchema, t.RootName)
	}
	return pgname.Qualified(at.place(t))
}

func (f *following) hasRows(ctx context.Context, table string) (full bool, err error) {
	err = f.conn.QueryRow(ctx, "select exists (select from "+table+")").Scan(&full)
	return full, err
}
