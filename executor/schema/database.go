package schema

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
	"bascule/planner"
	"bascule/planner/session"
)

// CreateDatabase creates the database over a connection to another one of the
// same server. One that is there already is kept.
func CreateDatabase(ctx context.Context, conn *pgconn.PgConn, db *planner.NewDatabase) error {
	err := session.Exec(ctx, conn, db.SQL())
	if err != nil && session.Code(err) != "42P04" {
		return fmt.Errorf("create database %s: %w", db.Name, err)
	}
	return nil
}

// CreateRoles creates the roles that are missing, without passwords, and their
// memberships.
func CreateRoles(ctx context.Context, conn *pgconn.PgConn, roles []planner.Role) error {
	for _, r := range roles {
		for i, sql := range r.SQL() {
			err := session.Exec(ctx, conn, sql)
			if err != nil && !(i == 0 && session.Code(err) == "42710") {
				return fmt.Errorf("role %s: %w", r.Name, err)
			}
		}
	}
	return nil
}

// listSettings are settings whose stored value is a list of quoted names, which
// SET takes apart and a literal would not.
var listSettings = []string{"local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories"}

// ApplySettings makes the database's settings, comment and privileges those of the
// source, as far as they are carried. What the target refuses is noted.
func (m *Maker) ApplySettings(ctx context.Context, conn *pgconn.PgConn, database string, o planner.Options) error {
	for _, s := range o.Settings {
		on := "alter database " + pgname.Quote(database)
		if s.Role != "" {
			on = "alter role " + pgname.Quote(s.Role) + " in database " + pgname.Quote(database)
		}
		name := pgname.Quote(s.Name)
		sqls := []string{on + " set " + name + " to " + pgname.Literal(s.Value)}
		if slices.Contains(listSettings, s.Name) {
			sqls = []string{
				"select pg_catalog.set_config(" + pgname.Literal(s.Name) + ", " + pgname.Literal(s.Value) + ", true)",
				on + " set " + name + " from current",
			}
		}
		if err := m.Retried(ctx, conn, "setting "+s.Name, sqls, true); err != nil {
			return err
		}
	}
	if o.Comment != "" {
		sql := "comment on database " + pgname.Quote(database) + " is " + pgname.Literal(o.Comment)
		if err := m.Retried(ctx, conn, "comment on the database", []string{sql}, true); err != nil {
			return err
		}
	}
	if !o.DatabaseGrants {
		return nil
	}
	return m.Retried(ctx, conn, "privileges on the database", grants(database, o.Grants), true)
}

// grants are the statements that give a database these privileges and no others.
func grants(database string, list []planner.Grant) []string {
	on := " on database " + pgname.Quote(database)
	sqls := []string{"revoke all" + on + " from public"}
	for _, g := range list {
		to := " to public"
		if g.Role != "" {
			to = " to " + pgname.Quote(g.Role)
		}
		if g.Grantable {
			to += " with grant option"
		}
		sqls = append(sqls, "grant "+g.Privilege+on+to)
	}
	return sqls
}

// Present reads which schemas and extensions the target has.
func Present(ctx context.Context, conn *pgx.Conn) (func(desc, name string) bool, error) {
	rows, err := conn.Query(ctx, presentObjects)
	if err != nil {
		return nil, err
	}
	there := map[[2]string]bool{}
	var desc, name string
	if _, err := pgx.ForEachRow(rows, []any{&desc, &name}, func() error {
		there[[2]string{desc, name}] = true
		return nil
	}); err != nil {
		return nil, err
	}
	return func(desc, name string) bool { return there[[2]string{desc, name}] }, nil
}

const presentObjects = `
	select 'SCHEMA', nspname from pg_catalog.pg_namespace
	union all
	select 'EXTENSION', extname from pg_catalog.pg_extension
	union all
	select 'PROCEDURAL LANGUAGE', lanname from pg_catalog.pg_language
	order by 1, 2`
