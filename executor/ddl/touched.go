package ddl

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// TouchedError reports a command that changed something of ours. It was rolled back.
type TouchedError struct {
	Address string
	Object  string // publication bascule_app_9d7f0c6e
}

func (e *TouchedError) Error() string {
	return fmt.Sprintf("%s was rolled back on the source: it changes %s, which is not the application's", e.Address, e.Object)
}

// Hint says what the operator can do about it.
func (e *TouchedError) Hint() string {
	return "take that out of the block: the mirror's publications follow by themselves what becomes of the tables"
}

// own is what must not change, by what identifies it.
type own map[string]ownFact

type ownFact struct {
	name    string
	version string // another one when it was changed
	on      uint32 // the table with which it may go, or 0
}

// readOwn reads schema bascule and these publications as the transaction sees them.
func readOwn(ctx context.Context, tx pgx.Tx, publications []string) (own, error) {
	rows, err := tx.Query(ctx, selectOwn, publications)
	if err != nil {
		return nil, fmt.Errorf("look at publications and schema bascule: %w", err)
	}
	o := own{}
	var key string
	var f ownFact
	if _, err := pgx.ForEachRow(rows, []any{&key, &f.name, &f.version, &f.on}, func() error {
		o[key] = f
		return nil
	}); err != nil {
		return nil, fmt.Errorf("look at publications and schema bascule: %w", err)
	}
	return o, nil
}

// changed names what is not as it was, "" where all is. A table that was dropped takes
// its place in a publication with it.
func (o own) changed(ctx context.Context, tx pgx.Tx, now own) (string, error) {
	var alone []uint32 // tables that are in a publication no longer
	for _, key := range slices.Sorted(maps.Keys(o)) {
		was := o[key]
		is, there := now[key]
		switch {
		case there && is.version == was.version:
		case !there && was.on != 0:
			alone = append(alone, was.on)
		default:
			return was.name, nil
		}
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if _, there := o[key]; !there {
			return now[key].name, nil
		}
	}
	var left bool
	if err := tx.QueryRow(ctx, anyThere, alone).Scan(&left); err != nil {
		return "", fmt.Errorf("look at publications and schema bascule: %w", err)
	}
	if left {
		return "which tables the mirror's publications hold", nil
	}
	return "", nil
}

const (
	selectOwn = `
		select 'c' || c.oid as key, 'table bascule.' || c.relname, c.xmin::text, 0::oid
		from pg_catalog.pg_class c
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where n.nspname = 'bascule' and c.relkind = 'r'
		union all
		select 'p' || p.oid, 'publication ' || p.pubname, p.xmin::text, 0
		from pg_catalog.pg_publication p
		where p.pubname::text = any ($1::text[])
		union all
		select 'r' || r.oid, 'publication ' || p.pubname, '', r.prrelid
		from pg_catalog.pg_publication_rel r
		join pg_catalog.pg_publication p on p.oid = r.prpubid
		where p.pubname::text = any ($1::text[])
		order by key`

	anyThere = `select exists (select from pg_catalog.pg_class where oid = any ($1::oid[]))`
)
