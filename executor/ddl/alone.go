package ddl

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/session"
)

// Alone runs statements on one server that cannot run in a transaction. All but
// Retrying and Waiting are required.
type Alone struct {
	Address string // of the block
	Where   string // the source, or a mirror's target: for errors
	Side    string // SideSource or SideTarget

	Source // its sessions and who is told, on whichever server

	Statements []Statement

	// LockTimeout bounds how long a statement waits for a lock behind which the
	// application would queue up.
	LockTimeout time.Duration

	// Waiting is told for whom a statement waits that waits without a bound, such as an
	// index that is built concurrently and waits for old transactions, and what could not
	// be cleaned up behind it. Default: nobody.
	Waiting func(text string)

	// Carries: what runs on the source comes here in another way, too, as a mirror's log
	// of DDL has it. That what a statement makes is there, and whole, is then no error.
	Carries bool

	// Record keeps how far it is; what it was given last is what Run is given next.
	Record func(ctx context.Context, done string) error
}

// Statement is one of a command.
type Statement struct {
	Text string

	// Tables it is about, as names for people: an invalid index of theirs that it leaves
	// behind is dropped.
	Tables []string

	// Queues: while it waits for its lock, writers wait behind it.
	Queues bool

	// Carried: it has come to the server in another way, and does not run.
	Carried bool
}

// Sides that statements run on. SideSource alone is also the word for a source that is
// done.
const (
	SideSource = "source"
	SideTarget = "target"
)

// Run runs the statements that are not done, each by itself. done is what was last
// recorded, "" where nothing was. A statement that failed may be tried again by
// another Run: what it left half-done is dropped first.
func (a Alone) Run(ctx context.Context, done string) error {
	at := parseMark(done, a.Side)
	for i := at.number; i < len(a.Statements); i++ {
		begun := at.begun && at.number == i
		if !a.Statements[i].Carried {
			if err := a.statement(ctx, i, begun, at.invalid); err != nil {
				return err
			}
		}
		if err := a.Record(ctx, mark{side: a.Side, number: i + 1}.String()); err != nil {
			return err
		}
	}
	return nil
}

// statement runs one. Begun: an earlier Run began with it, when these indexes were
// invalid.
func (a Alone) statement(ctx context.Context, i int, begun bool, invalid []uint32) error {
	x := a.Statements[i]
	if begun {
		if err := a.dropInvalid(ctx, x, invalid); err != nil {
			return err
		}
	} else {
		there, err := a.invalidIndexes(ctx, x)
		if err != nil {
			return err
		}
		invalid = slices.Sorted(maps.Keys(there))
		if err := a.Record(ctx, mark{side: a.Side, number: i, begun: true, invalid: invalid}.String()); err != nil {
			return err
		}
	}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := a.execute(ctx, x)
		if err == nil || begun && doneBefore[session.Code(err)] {
			return nil
		}
		if begun {
			if done, failed := a.detached(ctx, x, err); done || failed != nil {
				return failed
			}
		}
		if there, failed := a.carried(ctx, x, err); there || failed != nil {
			return failed
		}
		// What is half-done is of no use to anybody, and blocks the next try. Where it
		// cannot be dropped now, the next Run does it.
		cleaned := a.clean(ctx, x, invalid)
		if !a.again(ctx, err, pause) {
			return commandError(a.Address, a.Where, err)
		}
		// Where the answer was lost, it may be done, and what is there is whole.
		begun = begun || cleaned && !session.Locked(err)
	}
}

// clean drops what a try has left half-done, and reports whether nothing such is left.
// That waits for old transactions, too.
func (a Alone) clean(ctx context.Context, x Statement, invalid []uint32) bool {
	limit := cleanTime
	if ctx.Err() != nil {
		limit = partingTime
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	err := a.dropInvalid(ctx, x, invalid)
	if err != nil && a.Waiting != nil {
		a.Waiting(fmt.Sprintf("%s may have left an invalid index on %s, which the next apply drops: %v", a.Address, a.Where, err))
	}
	return err == nil
}

// Times to clean up in; partingTime where somebody waits for the end.
const (
	cleanTime   = 30 * time.Second
	partingTime = 3 * time.Second
)

// doneBefore are the SQLSTATEs by which a statement that an earlier Run began with says
// that it was brought to its end: what it makes is there, what it drops is not.
var doneBefore = map[string]bool{"42P07": true, "42710": true, "42704": true}

// carried reports whether a statement failed because it has come here in another way.
func (a Alone) carried(ctx context.Context, x Statement, err error) (bool, error) {
	if !a.Carries || !doneBefore[session.Code(err)] {
		return false, nil
	}
	invalid, err := a.invalidIndexes(ctx, x)
	return err == nil && len(invalid) == 0, err
}

func (a Alone) execute(ctx context.Context, x Statement) error {
	conn, err := a.Open(ctx)
	if err != nil {
		return err
	}
	defer session.Close(ctx, conn)
	limit, tell := "0", a.waits
	if x.Queues {
		limit, tell = timeout(a.LockTimeout), nil
	}
	if _, err := conn.Exec(ctx, setLockTimeout, limit); err != nil {
		return err
	}
	return a.watched(ctx, conn, a.Address, a.LockTimeout, tell, func() error {
		_, err := conn.PgConn().Exec(ctx, x.Text).ReadAll()
		return err
	})
}

// waits tells for whom a statement waits.
func (a Alone) waits(b blocker) {
	if a.Waiting != nil {
		a.Waiting(fmt.Sprintf("%s waits on %s for %s: it goes on when that transaction has ended, and holds up nobody until then", a.Address, a.Where, b))
	}
}

// invalidIndexes are those of the statement's tables: qualified names, by oid.
func (a Alone) invalidIndexes(ctx context.Context, x Statement) (map[uint32]string, error) {
	rows, err := a.Control.Query(ctx, selectInvalid, x.Tables)
	if err != nil {
		return nil, fmt.Errorf("look for invalid indexes: %w", err)
	}
	list := map[uint32]string{}
	var oid uint32
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&oid, &name}, func() error {
		list[oid] = name
		return nil
	}); err != nil {
		return nil, fmt.Errorf("look for invalid indexes: %w", err)
	}
	return list, nil
}

// dropInvalid drops the invalid indexes of the statement's tables but for those that
// were invalid before it. A session of an earlier Run that still builds one is ended
// first; what others build is left alone.
func (a Alone) dropInvalid(ctx context.Context, x Statement, before []uint32) error {
	if err := a.endBuilds(ctx, x, before); err != nil {
		return err
	}
	invalid, err := a.invalidIndexes(ctx, x)
	if err != nil {
		return err
	}
	for _, oid := range slices.Sorted(maps.Keys(invalid)) {
		if slices.Contains(before, oid) {
			continue
		}
		if _, err := a.Control.PgConn().Exec(ctx, "drop index concurrently if exists "+invalid[oid]).ReadAll(); err != nil {
			return fmt.Errorf("drop the invalid index %s: %w", invalid[oid], err)
		}
	}
	return nil
}

// endBuilds ends the sessions of an earlier Run that still build, and waits for that.
func (a Alone) endBuilds(ctx context.Context, x Statement, before []uint32) error {
	for deadline := time.Now().Add(endTime); ; {
		var n int
		if err := a.Control.QueryRow(ctx, endBuilds, x.Tables, before).Scan(&n); err != nil {
			return fmt.Errorf("end what an earlier try still builds: %w", err)
		}
		switch {
		case n == 0:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%d sessions of an earlier try do not end", n)
		}
		select {
		case <-time.After(endPoll):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

const (
	setLockTimeout = `select pg_catalog.set_config('lock_timeout', $1, false)`

	// What another session builds at the moment is invalid until it is done. The
	// search_path may be that of somebody whose operators are not to be called.
	selectInvalid = `
		select i.oid, pg_catalog.format('%I.%I', n.nspname, i.relname)
		from pg_catalog.pg_index x
		join pg_catalog.pg_class i on i.oid operator(pg_catalog.=) x.indexrelid
		join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) i.relnamespace
		where not x.indisvalid and i.relkind operator(pg_catalog.=) 'i'
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
