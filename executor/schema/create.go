package schema

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/planner/session"
)

// Maker makes objects on one connection to the target.
type Maker struct {
	// Mirror is the ledger's key, SearchPath that of the source database.
	Mirror     string
	SearchPath string

	// Started and Made are told of each object, or of a batch; Note of an object that
	// was refused and is not essential.
	Started func(name string)
	Made    func(name string, took time.Duration, err error)
	Note    func(text string)
}

// Create makes the items in one transaction and one round trip, with their records.
func (m *Maker) Create(ctx context.Context, conn *pgconn.PgConn, items ...*Item) error {
	sqls, objects := make([]string, len(items)), make([]ledger.Object, len(items))
	for i, it := range items {
		sqls[i], objects[i] = it.SQL, it.Object
	}
	name := items[0].Name()
	if len(items) > 1 {
		name = fmt.Sprintf("%d objects from %s", len(items), name)
	}
	return m.Run(ctx, conn, name, "", sqls, objects...)
}

// CreateOne makes one item. What fails for a name that is not found is tried again
// under the source database's search_path: functions in expressions may rely on it.
// A remark that the target refuses is noted and passed over.
func (m *Maker) CreateOne(ctx context.Context, conn *pgconn.PgConn, it *Item) error {
	return m.Retried(ctx, conn, it.Name(), []string{it.SQL}, it.Remark(), it.Object)
}

// Retried runs statements like Run, and once more under the source's search_path
// where a name was not found. An error is passed over with a note when optional.
func (m *Maker) Retried(ctx context.Context, conn *pgconn.PgConn, name string, sqls []string, optional bool, objects ...ledger.Object) error {
	err := m.Run(ctx, conn, name, "", sqls, objects...)
	if notFound(err) && m.SearchPath != "" {
		if again := m.Run(ctx, conn, name, m.SearchPath, sqls, objects...); again == nil {
			err = nil
		}
	}
	if err != nil && optional && ctx.Err() == nil && !conn.IsClosed() && !session.Transient(err) {
		m.note(name + " was refused: " + err.Error())
		return nil
	}
	return err
}

// Run runs statements and records objects in one transaction.
func (m *Maker) Run(ctx context.Context, conn *pgconn.PgConn, name, searchPath string, sqls []string, objects ...ledger.Object) error {
	var b strings.Builder
	b.WriteString("begin;\n")
	if searchPath != "" {
		b.WriteString("select pg_catalog.set_config('search_path', " + pgname.Literal(searchPath) + ", true);\n")
	}
	for _, sql := range sqls {
		b.WriteString(strings.TrimRight(sql, "; \n"))
		b.WriteString(";\n")
	}
	if len(objects) > 0 {
		b.WriteString(ledger.RecordObjects(m.Mirror, objects...))
		b.WriteString(";\n")
	}
	b.WriteString("commit")
	begun := time.Now()
	if m.Started != nil {
		m.Started(name)
	}
	err := session.Exec(ctx, conn, b.String())
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	if m.Made != nil {
		m.Made(name, time.Since(begun), err)
	}
	return err
}

func (m *Maker) note(text string) {
	if m.Note != nil {
		m.Note(text)
	}
}

// Remark reports whether the entry says something of an object, and is not one.
func (it *Item) Remark() bool { return it.Desc == "COMMENT" || it.Desc == "SECURITY LABEL" }

// notFound reports whether the server did not find a name.
func notFound(err error) bool {
	switch session.Code(err) {
	case "42883", "42P01", "42704", "3F000", "42725":
		return true
	}
	return false
}
