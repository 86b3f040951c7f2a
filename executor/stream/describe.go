package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
	"bascule/executor/stream/target"
)

// live is a table as the source's catalogue has it now, which may be later than the
// rows at hand. Names in it that are SQL are quoted where they need it.
type live struct {
	Schema   string       `json:"schema"`
	Name     string       `json:"name"`
	Identity string       `json:"identity"` // d, n, f, i
	Index    string       `json:"index"`    // of the identity
	Key      []string     `json:"key"`      // its columns
	Primary  string       `json:"primary"`  // the primary key's definition, "" without
	Named    string       `json:"named"`    // its name
	Columns  []liveColumn `json:"columns"`

	// Words that are not names without quotes.
	words map[string]bool

	// types are format_type's texts of types and modifiers.
	types map[typed]string
}

type liveColumn struct {
	Name      string `json:"name"`
	Number    int    `json:"number"`
	Type      uint32 `json:"type"`
	Modifier  int32  `json:"modifier"`
	Shown     string `json:"shown"`
	Collation string `json:"collation"` // "" where it is the type's
	NotNull   bool   `json:"not_null"`
	Identity  string `json:"identity"`  // a, d
	Generated string `json:"generated"` // s, v
	Default   string `json:"default"`   // an expression
	Character bool   `json:"character"` // every type is assigned to it

	// Missing is what rows have that were there before the column; nil where that is
	// not known.
	Missing *string `json:"missing"`

	// Constant: its default gives the same value as it did when it was added.
	constant bool
}

type typed struct {
	Type     uint32
	Modifier int32
}

// describe reads what the source's catalogue says of a table, over a connection of its
// own. Without a source to ask, or a table in it, there is nothing in what it returns.
func (s *Stream) describe(ctx context.Context, rel *relation, found target.Differences) (*live, error) {
	if s.cfg.Source == nil {
		return &live{}, nil
	}
	repl, err := s.cfg.Source(ctx)
	if err != nil {
		return nil, err
	}
	defer repl.Close(context.WithoutCancel(ctx))
	l, err := readLive(ctx, repl, rel.OID, typesOf(found))
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", rel.recorded(), err)
	}
	for _, c := range found.Missing {
		if column := l.column(c.Name); column != nil {
			if err := column.evaluate(ctx, repl); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

// typesOf are the types that differences speak of.
func typesOf(found target.Differences) []typed {
	var list []typed
	for _, c := range found.Missing {
		list = append(list, typed{c.Type, c.TypMod})
	}
	for _, c := range found.Gone {
		list = append(list, typed{c.Type, c.Modifier})
	}
	for _, c := range found.Retyped {
		list = append(list, typed{c.Was.Type, c.Was.Modifier}, typed{c.Is.Type, c.Is.TypMod})
	}
	return list
}

func readLive(ctx context.Context, repl *pgconn.PgConn, oid uint32, types []typed) (*live, error) {
	l := &live{words: map[string]bool{}, types: map[typed]string{}}
	text, err := ask(ctx, repl, fmt.Sprintf(selectLive, oid))
	if err == nil && text != "" {
		err = json.Unmarshal([]byte(text), l)
	}
	if err != nil {
		return nil, err
	}
	if text, err = ask(ctx, repl, selectWords); err != nil {
		return nil, err
	}
	for word := range strings.FieldsSeq(text) {
		l.words[word] = true
	}
	for _, t := range types {
		if l.types[t], err = ask(ctx, repl, fmt.Sprintf(selectType, t.Type, t.Modifier)); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// ask returns the first value of a query by the simple protocol, which is the only one
// on a replication connection; "" for null or no row.
func ask(ctx context.Context, repl *pgconn.PgConn, sql string) (string, error) {
	results, err := repl.Exec(ctx, sql).ReadAll()
	if err != nil {
		return "", err
	}
	for _, r := range results {
		if len(r.Rows) > 0 {
			return string(r.Rows[0][0]), nil
		}
	}
	return "", nil
}

// evaluate finds out whether the default is still what the column was added with. Only
// of a default that was no volatile one is known what rows had of it.
func (c *liveColumn) evaluate(ctx context.Context, repl *pgconn.PgConn) error {
	if c.Missing == nil || c.Default == "" {
		return nil
	}
	now, err := ask(ctx, repl, "begin read only; select pg_catalog.format('%s', "+c.Default+"); rollback")
	if err != nil { // then it cannot be the same value; the transaction is over all the same
		_, err = ask(ctx, repl, "rollback")
		return err
	}
	c.constant = now == *c.Missing
	return nil
}

func (l *live) column(name string) *liveColumn {
	for i := range l.Columns {
		if l.Columns[i].Name == name {
			return &l.Columns[i]
		}
	}
	return nil
}

// there reports whether a column of this name is the one of that number.
func (l *live) there(name string, number int) bool {
	c := l.column(name)
	return c != nil && (number == 0 || c.Number == number)
}

// quote writes a name for SQL, plainly where that is read as itself.
func (l *live) quote(name string) string {
	if len(l.words) == 0 || l.words[name] {
		return pgname.Quote(name)
	}
	return pgname.Shown("", name)
}

func (l *live) qualified(schema, name string) string { return l.quote(schema) + "." + l.quote(name) }

const selectWords = `
	select pg_catalog.string_agg(word, ' ' order by word) from pg_catalog.pg_get_keywords() where catcode <> 'U'`

const selectType = `select pg_catalog.format_type(%d, %d)`

// selectLive: the value of rows that were there before a column is the one element of
// an array.
const selectLive = `
	select pg_catalog.json_build_object(
		'schema', n.nspname, 'name', c.relname, 'identity', c.relreplident,
		'index', (select x.relname from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid where i.indrelid = c.oid and i.indisreplident),
		'key', (
			select pg_catalog.json_agg(a.attname order by a.attnum)
			from pg_catalog.pg_index i
			join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey[0:i.indnkeyatts - 1])
			where i.indrelid = c.oid and case c.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident else false end),
		'primary', (select pg_catalog.pg_get_constraintdef(k.oid) from pg_catalog.pg_constraint k where k.conrelid = c.oid and k.contype = 'p'),
		'named', (select k.conname from pg_catalog.pg_constraint k where k.conrelid = c.oid and k.contype = 'p'),
		'columns', (
			select pg_catalog.json_agg(pg_catalog.json_build_object(
				'name', a.attname, 'number', a.attnum, 'type', a.atttypid::bigint, 'modifier', a.atttypmod,
				'shown', pg_catalog.format_type(a.atttypid, a.atttypmod),
				'collation', (
					select pg_catalog.quote_ident(s.nspname) || '.' || pg_catalog.quote_ident(l.collname)
					from pg_catalog.pg_collation l
					join pg_catalog.pg_namespace s on s.oid = l.collnamespace
					where l.oid = a.attcollation and a.attcollation <> t.typcollation),
				'not_null', a.attnotnull, 'identity', a.attidentity, 'generated', a.attgenerated,
				'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid),
				'character', t.typcategory = 'S',
				'missing', case when a.atthasmissing then (a.attmissingval::text::text[])[1] end) order by a.attnum)
			from pg_catalog.pg_attribute a
			join pg_catalog.pg_type t on t.oid = a.atttypid
			left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
			where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))::text
	from pg_catalog.pg_class c
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where c.oid = %d`
