package ddl

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/session"
)

// indexes are those of the statement's tables, but for what another session builds at
// the moment.
func (a Alone) indexes(ctx context.Context, x Statement) ([]index, error) {
	rows, err := a.Control.Query(ctx, selectIndexes, x.Tables)
	if err != nil {
		return nil, fmt.Errorf("look for indexes: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i index, err error) {
		return i, row.Scan(&i.oid, &i.name, &i.invalid)
	})
	if err != nil {
		return nil, fmt.Errorf("look for indexes: %w", err)
	}
	return list, nil
}

// among reports whether one of list is the same index.
func among(list []index, i index) bool {
	return slices.ContainsFunc(list, func(x index) bool { return x.oid == i.oid })
}

// dropInvalid drops the invalid indexes of the statement's tables but for those that
// were invalid before it. A session of an earlier Run that still builds one is ended
// first; what others build is left alone.
func (a Alone) dropInvalid(ctx context.Context, x Statement, before []index) error {
	theirs := slices.DeleteFunc(slices.Clone(before), func(i index) bool { return !i.invalid })
	if err := a.endBuilds(ctx, x, theirs); err != nil {
		return err
	}
	now, err := a.indexes(ctx, x)
	if err != nil {
		return err
	}
	for _, i := range now {
		if !i.invalid || among(theirs, i) {
			continue
		}
		if _, err := a.Control.PgConn().Exec(ctx, "drop index concurrently if exists "+i.name).ReadAll(); err != nil {
			return fmt.Errorf("drop the invalid index %s: %w", i.name, err)
		}
	}
	return nil
}

// endBuilds ends the sessions of an earlier Run that still build, and waits for that.
func (a Alone) endBuilds(ctx context.Context, x Statement, theirs []index) error {
	oids := []uint32{} // nil would be null
	for _, i := range theirs {
		oids = append(oids, i.oid)
	}
	for deadline := time.Now().Add(endTime); ; {
		var n int
		if err := a.Control.QueryRow(ctx, endBuilds, x.Tables, oids).Scan(&n); err != nil {
			return fmt.Errorf("end what an earlier try still builds: %w", err)
		}
		switch {
		case n == 0:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%d sessions of an earlier try do not end", n)
		}
		if err := session.Pause(ctx, endPoll); err != nil {
			return err
		}
	}
}

const (
	// What another session builds at the moment is invalid until it is done. The
	// search_path may be that of somebody whose operators are not to be called.
	selectIndexes = `
		select i.oid, pg_catalog.format('%I.%I', n.nspname, i.relname), not x.indisvalid
		from pg_catalog.pg_index x
		join pg_catalog.pg_class i on i.oid operator(pg_catalog.=) x.indexrelid
		join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) i.relnamespace
		where i.relkind operator(pg_catalog.=) 'i'
			and x.indrelid operator(pg_catalog.=) any (select pg_catalog.to_regclass(t.name) from pg_catalog.unnest($1::pg_catalog.text[]) t(name))
			and not exists (select from pg_catalog.pg_stat_progress_create_index b where b.index_relid operator(pg_catalog.=) i.oid)
		order by i.oid`

	endBuilds = `
		select pg_catalog.count(pg_catalog.pg_terminate_backend(a.pid))
		from pg_catalog.pg_stat_progress_create_index b
		join pg_catalog.pg_stat_activity a on a.pid operator(pg_catalog.=) b.pid
		where b.datname operator(pg_catalog.=) pg_catalog.current_database() and a.application_name operator(pg_catalog.~~) 'bascule/ddl.%'
			and b.relid operator(pg_catalog.=) any (select pg_catalog.to_regclass(t.name) from pg_catalog.unnest($1::pg_catalog.text[]) t(name))
			and b.index_relid operator(pg_catalog.<>) all ($2::pg_catalog.oid[])`
)
