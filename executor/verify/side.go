package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// side is one of the two databases, inside its transaction.
type side struct {
	role  string // source or target
	conn  *pgx.Conn
	major int
	facts map[string]*fact
}

// fact is what is known of one object, or of one trait of it.
type fact struct {
	kind, name string
	object     Object
	table      uint32   // that it belongs to, or 0
	columns    []string // of table, that it depends on
	properties map[string]string
}

func (f *fact) key() string { return f.kind + " " + f.name }

func newSide(role string, conn *pgx.Conn) *side {
	return &side{role: role, conn: conn, facts: make(map[string]*fact)}
}

// begin opens the transaction and pins what decides how values are written.
func (s *side) begin(ctx context.Context) error {
	results, err := s.query(ctx, beginPinned)
	if err != nil {
		return err
	}
	var version int
	if _, err := fmt.Sscan(results[0][0], &version); err != nil {
		return err
	}
	s.major = version / 10000
	return nil
}

// end leaves the transaction, also after a cancel: the caller goes on with the
// session.
func (s *side) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = s.conn.PgConn().Exec(ctx, "rollback").ReadAll()
}

// readFacts reads everything that opts ask for.
func (s *side) readFacts(ctx context.Context, opts Options, crossMajor bool) error {
	queries := definitions()
	if opts.Owners {
		queries = append(queries, selectOwners)
	}
	if opts.Privileges {
		queries = append(queries, selectPrivileges, selectColumnPrivileges, selectDefaultPrivileges)
	}
	columns := "'[]'"
	if slices.ContainsFunc(opts.Tables, func(t Table) bool { return len(t.ExcludeColumns) > 0 }) {
		columns = dependsOn
	}
	for _, q := range queries {
		if err := s.readKind(ctx, strings.NewReplacer("{columns}", columns, "{facts}", s.adapt(q)).Replace(ofUsers)); err != nil {
			return err
		}
	}
	var whole []string
	if opts.Privileges {
		whole = append(whole, selectChangedPrivileges)
	}
	if opts.Settings {
		whole = append(whole, selectSettings)
	}
	if opts.Created {
		whole = append(whole, selectDatabaseComment)
		if opts.Privileges {
			whole = append(whole, selectDatabasePrivileges)
		}
	}
	if crossMajor {
		whole = append(whole, selectViewUses)
	}
	for _, q := range whole {
		if err := s.readKind(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// adapt replaces what the server is too old for.
func (s *side) adapt(q string) string {
	if s.major < 14 {
		q = strings.ReplaceAll(q, "pg_catalog.pg_get_function_sqlbody(p.oid)", "null")
		q = strings.ReplaceAll(q, "r.rngmultitypid::pg_catalog.regtype", "null")
	}
	return q
}

// readKind adds the facts of one query. Two rows of one key are one fact.
func (s *side) readKind(ctx context.Context, q string) error {
	rows, err := s.query(ctx, q)
	if err != nil {
		return fmt.Errorf("%w, in: %.200s", err, strings.Join(strings.Fields(q), " "))
	}
	for _, row := range rows {
		f := &fact{kind: row[0], name: row[1]}
		if _, err := fmt.Sscan(strings.Join(row[2:5], " "), &f.object.Class, &f.object.OID, &f.table); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(row[5]), &f.columns); err != nil {
			return err
		}
		var raw map[string]any
		if err := json.Unmarshal([]byte(row[6]), &raw); err != nil {
			return err
		}
		f.properties = make(map[string]string, len(raw))
		for k, v := range raw {
			f.properties[k] = property(v)
		}
		s.facts[f.key()] = f
	}
	return nil
}

// property is a JSON value as text: null and false as nothing, lists by line.
func property(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		if !v {
			return ""
		}
	case []any:
		items := make([]string, len(v))
		for i := range v {
			items[i] = property(v[i])
		}
		return strings.Join(items, "\n")
	}
	return normal(fmt.Sprint(v))
}

// query runs one or more statements by the simple protocol, and returns the last
// rows, nulls as "".
func (s *side) query(ctx context.Context, q string) ([][]string, error) {
	results, err := s.conn.PgConn().Exec(ctx, q).ReadAll()
	if err != nil {
		return nil, err
	}
	return texts(results[len(results)-1]), nil
}

func texts(r *pgconn.Result) [][]string {
	out := make([][]string, len(r.Rows))
	for i, row := range r.Rows {
		out[i] = make([]string, len(row))
		for j, cell := range row {
			out[i][j] = string(cell)
		}
	}
	return out
}

const beginPinned = `
	begin transaction isolation level repeatable read read only;
	set local search_path = '';
	set local datestyle = 'ISO, MDY';
	set local intervalstyle = 'postgres';
	set local timezone = 'UTC';
	set local extra_float_digits = 3;
	set local bytea_output = 'hex';
	set local lc_monetary = 'C';
	set local xmloption = 'content';
	set local quote_all_identifiers = off;
	set local row_security = off;
	set local statement_timeout = 0;
	set local lock_timeout = 0;
	set local client_min_messages = error;
	select pg_catalog.current_setting('server_version_num')`
