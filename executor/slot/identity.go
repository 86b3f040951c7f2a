package slot

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/planner"
)

// MovedError reports a replica identity that is neither what it was when the plan
// was made nor what the plan makes of it.
type MovedError struct {
	Table   string
	Is, Now string
}

func (e *MovedError) Error() string {
	return fmt.Sprintf("the replica identity of %s is %s now, and was to be changed to %s", e.Table, e.Now, e.Is)
}

// Hint says what the operator can do about it.
func (e *MovedError) Hint() string {
	return "somebody else changed it since the plan was made: plan again"
}

// SetIdentities changes replica identities on the source, each table by itself, or
// with back puts them back. What is so already is left alone.
//
// Back is only for a table that still has the identity that we gave it: what somebody
// else made of it since is his, and so is a table that is gone. Where it was an index
// that is gone, it becomes default. Without back a table that has another identity
// than the plan knew is a *MovedError, one that is gone a *MissingError.
func SetIdentities(ctx context.Context, conn *pgx.Conn, list []planner.ReplicaIdentity, back bool) error {
	for _, id := range list {
		table := pgname.Shown(id.Schema, id.Name)
		oid, now, wasThere, err := identity(ctx, conn, id)
		if err != nil {
			return fmt.Errorf("read the replica identity of %s: %w", table, err)
		}
		sql := id.SQL()
		switch {
		case back && (oid == 0 || now != id.Is), !back && oid != 0 && now == id.Is:
			continue
		case oid == 0:
			return &MissingError{Table: table}
		case back && !wasThere:
			id.Was = "default"
			sql = id.Back()
		case back:
			sql = id.Back()
		case now != id.Was:
			return &MovedError{Table: table, Is: id.Is, Now: now}
		}
		if err := alter(ctx, conn, "change the replica identity of "+table, []uint32{oid}, sql); err != nil {
			return err
		}
	}
	return nil
}

// identity reads what a table has now, as planner.ReplicaIdentity writes it; oid is 0
// for one that is gone. wasThere: the index that it had before, if it had one, is.
func identity(ctx context.Context, conn *pgx.Conn, id planner.ReplicaIdentity) (oid uint32, now string, wasThere bool, err error) {
	err = conn.QueryRow(ctx, selectIdentity, id.Schema, id.Name, id.Was).Scan(&oid, &now, &wasThere)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, "", false, nil
	}
	return oid, now, wasThere, err
}

const selectIdentity = `
	select c.oid,
		case c.relreplident when 'd' then 'default' when 'f' then 'full' when 'n' then 'nothing' else
			coalesce((select 'index:' || i.relname
				from pg_catalog.pg_index x
				join pg_catalog.pg_class i on i.oid = x.indexrelid
				where x.indrelid = c.oid and x.indisreplident), 'nothing') end,
		$3 not like 'index:%' or exists (select
			from pg_catalog.pg_index x
			join pg_catalog.pg_class i on i.oid = x.indexrelid
			where x.indrelid = c.oid and 'index:' || i.relname = $3)
	from pg_catalog.pg_class c
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')`
