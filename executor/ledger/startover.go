package ledger

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// StartOver forgets what a mirror that is made anew has copied, built and streamed.
// Until the new copy has records of its own, the members still say which tables of
// the target are the mirror's: they may be overwritten, whenever a try ends.
func StartOver(ctx context.Context, conn *pgx.Conn, mirror string) error {
	return wrap("start over", pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, table := range []string{"chunk", "relation", "object", "position", "part", "ddl"} {
			if _, err := tx.Exec(ctx, "delete from bascule."+table+" where mirror = $1", mirror); err != nil {
				return err
			}
		}
		for _, sql := range []string{unpointMembers, unsetStream, unmakeMirror} {
			if _, err := tx.Exec(ctx, sql, mirror); err != nil {
				return err
			}
		}
		return nil
	}))
}

const unpointMembers = `update bascule.member set state = 'copying', point = null where mirror = $1`

// The timeline is that of the new position, which is not known yet.
const unsetStream = `
	update bascule.stream
	set settings = settings - 'identities', timeline = 0, halt = null, generation = generation + 1
	where mirror = $1`

const unmakeMirror = `
	update bascule.mirror
	set phase = 'schema', objects_total = 0, error = '', finished = null, updated = pg_catalog.now()
	where id = $1`
