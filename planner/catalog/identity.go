package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ReadIdentity returns which database conn is connected to and what runs it, in two
// cheap queries. SystemIdentifier is "" where the role may not know it.
func ReadIdentity(ctx context.Context, conn *pgx.Conn) (Identity, Version, error) {
	var id Identity
	var v Version
	var mayKnow bool
	err := conn.QueryRow(ctx, selectIdentity).Scan(&id.OID, &id.Name, &v.Num, &v.Text, &mayKnow)
	if err == nil && mayKnow {
		err = conn.QueryRow(ctx, selectSystemIdentifier).Scan(&id.SystemIdentifier)
	}
	if err != nil {
		return Identity{}, Version{}, fmt.Errorf("read the identity of the database: %w", err)
	}
	return id, v, nil
}

const (
	selectIdentity = `
		select oid, datname::text,
			pg_catalog.current_setting('server_version_num')::int,
			pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),
			pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute')
		from pg_catalog.pg_database
		where datname = pg_catalog.current_database()`

	selectSystemIdentifier = `
		select system_identifier::text from pg_catalog.pg_control_system()`
)
