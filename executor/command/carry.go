package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/engine"
	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// fromEngine takes the mirror over from the engine of its servers, for the time of the
// command. One that carries commands itself goes on instead, but where the command is on
// the source and the engine is not at work: then it is our own stream's to bring.
func (s *side) fromEngine(ctx context.Context, was *ledger.Stream) (err error) {
	carries := was.Settings.Engine == planner.EnginePglogical && !s.plan.RanOnSource
	switch {
	case carries && was.Handed:
		s.carrier, err = s.handover().Carrier(ctx)
	case carries:
		err = s.begun(ctx)
	case was.Handed:
		s.stage("take " + s.name + " over from the servers' " + s.settings.Engine)
		err = s.handover().TakeBack(ctx)
	}
	return err
}

// begun is an error where an earlier apply has not begun the command on the source.
func (s *side) begun(ctx context.Context) error {
	row, err := ledger.FindDDL(ctx, s.conn, s.id, s.commanding.id)
	if err != nil || row != nil && row.XID != "" {
		return err
	}
	return &NotStreamingError{Mirror: s.address, Why: "is not moved by its servers at the moment", Fix: "apply it first: bascule apply -target='" + s.address + "'"}
}

// handover is that of the mirror.
func (s *side) handover() *engine.Handover {
	return engine.New(engine.Config{Mirror: s.driven(), Control: s.server.Control, Conn: s.conn, Note: s.note})
}

// handBack gives the mirrors that their servers move back to them.
func (d *commanding) handBack(ctx context.Context) error {
	var errs []error
	for _, s := range d.sides {
		if s.settings.Engine == "" || s.conn.IsClosed() {
			continue
		}
		if err := s.handover().HandBack(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.address, err))
		}
	}
	return errors.Join(errs...)
}

// engines are those of the sides that do not have the command.
func (d *commanding) engines() (list []string) {
	for _, s := range d.pending() {
		list = append(list, s.settings.Engine)
	}
	return list
}

// carries are the sides that do not have the command, and whose engine carries it.
func (d *commanding) carries() (list []*side) {
	for _, s := range d.pending() {
		if s.carrier != nil {
			list = append(list, s)
		}
	}
	return list
}

// replicate runs the command on the source through pglogical, which queues it for the
// sets of all mirrors that it carries. What the command drops leaves its set first: a
// table in a set cannot be dropped.
func (d *commanding) replicate(ctx context.Context, tx pgx.Tx) error {
	dropped, err := tablesNamed(ctx, tx, selectDropped, d.dropsOf())
	if err != nil {
		return err
	}
	concerned, err := tablesNamed(ctx, tx, selectNamed, d.locksOf())
	if err != nil {
		return err
	}
	sets := d.plan.ReplicationSets
	for _, s := range d.carries() {
		if len(d.plan.ReplicationSets) == 0 {
			more, err := s.carrier.SetsOf(ctx, tx, concerned)
			if err != nil {
				return err
			}
			sets = append(sets, more...)
		}
		for _, oid := range dropped {
			if err := s.carrier.LeaveSet(ctx, tx, oid); err != nil {
				return err
			}
		}
	}
	return d.carries()[0].carrier.RunDDL(ctx, tx, d.id, d.plan.Command, sets)
}

func (d *commanding) dropsOf() (names []string) {
	for _, x := range d.plan.Statements {
		names = append(names, x.Drops...)
	}
	return names
}

func (d *commanding) locksOf() (names []string) {
	for _, x := range d.plan.Statements {
		for _, l := range x.Locks {
			names = append(names, l.Table)
		}
	}
	return names
}

func tablesNamed(ctx context.Context, tx pgx.Tx, query string, names []string) ([]uint32, error) {
	rows, err := tx.Query(ctx, query, names)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uint32])
}

// inSets has the replication sets follow what a command has made of the members.
func (s *side) inSets(ctx context.Context, tx pgx.Tx, members []ledger.Member) error {
	if s.carrier == nil {
		return nil
	}
	for _, m := range members {
		var err error
		if m.State == ledger.Removed {
			err = s.carrier.LeaveSet(ctx, tx, m.Source)
		} else {
			err = s.carrier.JoinSet(ctx, tx, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// carried waits until the engine has brought everything to the target that the source
// had at lsn. A worker that is down is started again at once, a few times: what stood in
// its way may be gone. One that runs and does not move is waited for, and told.
func (s *side) carried(ctx context.Context, lsn catalog.LSN) error {
	var seen stillness
	for kicks, pause := 0, carryPoll; ; {
		reached, err := s.carrier.Reached(ctx, lsn)
		if err != nil || reached {
			return err
		}
		alive, err := s.carrier.Alive(ctx)
		if err != nil {
			return err
		}
		pause = carryPoll
		if !alive {
			down := s.carrier.Down(ctx, fmt.Sprintf("bring %s to %s", s.address, lsn))
			if kicks == mostKicks {
				return down
			}
			kicks++
			pause = kickPause // sooner the server takes no notice
			s.retrying(down, pause)
		} else if err := s.tellStill(ctx, &seen, lsn); err != nil {
			return err
		}
		if err := session.Pause(ctx, pause); err != nil {
			return err
		}
		if !alive {
			if err := s.carrier.Kick(ctx); err != nil {
				return err
			}
		}
	}
}

// shown waits until the command that the engine has brought is seen on the target, or the
// time is over in which that must be: a server moves the origin first, then flushes the
// commit, and shows the transaction to others when that is done.
func (s *side) shown(ctx context.Context) error {
	for end := time.Now().Add(showTime); time.Now().Before(end); {
		done, err := s.carrier.Applied(ctx, s.commanding.id)
		if err != nil || done {
			return err
		}
		if err := session.Pause(ctx, carryPoll); err != nil {
			return err
		}
	}
	return nil
}

const showTime = 10 * time.Second

// stillness is where an engine was found, and what was told of that.
type stillness struct {
	at     catalog.LSN
	looked time.Time
	told   string
}

// tellStill looks every stillTime where the engine is, and tells where it has not
// moved since: once, and again when it waits for others.
func (s *side) tellStill(ctx context.Context, seen *stillness, lsn catalog.LSN) error {
	if time.Since(seen.looked) < stillTime {
		return nil
	}
	at, blockers, err := s.carrier.Standing(ctx)
	if err != nil {
		return err
	}
	if text := seen.next(at, lsn, blockers); text != "" {
		s.note(s.address + ": " + text)
	}
	seen.looked = time.Now()
	return nil
}

// next is what there is to tell of an engine that was found at a position, or "".
func (w *stillness) next(at, lsn catalog.LSN, blockers string) string {
	still := !w.looked.IsZero() && at == w.at
	w.at = at
	if !still {
		w.told = ""
		return ""
	}
	text := fmt.Sprintf("pglogical is at %s and does not move, and has to get to %s: its worker runs, and works on one transaction or waits for the source", at, lsn)
	if blockers != "" {
		text = fmt.Sprintf("pglogical is at %s and does not move, and has to get to %s: on the target its worker waits for a lock of %s", at, lsn, blockers)
	}
	if text == w.told {
		return ""
	}
	w.told = text
	return text
}

// stillTime is how long an engine that runs may stand still before that is told.
const stillTime = 10 * time.Second

const (
	carryPoll = 100 * time.Millisecond
	kickPause = 6 * time.Second
	mostKicks = 3
)

const (
	// What is dropped with a table: its partitions.
	selectDropped = `
		select distinct t.relid::oid
		from pg_catalog.unnest($1::text[]) n(name)
		cross join lateral (
			select pg_catalog.to_regclass(n.name) as relid
			union
			select p.relid from pg_catalog.pg_partition_tree(pg_catalog.to_regclass(n.name)) p
		) t
		where t.relid is not null
		order by 1`

	selectNamed = `
		select distinct pg_catalog.to_regclass(n.name)::oid
		from pg_catalog.unnest($1::text[]) n(name)
		where pg_catalog.to_regclass(n.name) is not null
		order by 1`
)
