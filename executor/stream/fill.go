package stream

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/stream/ddllog"
	"bascule/executor/stream/target"
)

// A table that a command made with rows is made empty at its place in the stream, for
// nobody has sent these rows: it joins its publication behind them. They are copied as the
// source has them now, and the table is followed from that point on. In between the
// stream applies none of its changes, so the copy is right wherever it is done, as long as
// nothing was done to the rows by a definition that the stream has yet to come to: the last
// entry of the log about the table must be one that it has had, or the rows must be of the
// shape that they had behind the one that it is at.
//
// A table that could not join its publication with the command that made it, for somebody
// else had that locked, is one of these, whatever made it: the stream has it join, and
// copies what it has behind that.
//
// So rows are copied behind the first such entry, in the transaction that applies it. Most
// often this is the command that made the table. Where the source is further ahead, the
// table waits, as a member in state ledger.Waiting; and where nothing that comes would
// tell, as of entries that are passed over, it is tried between two transactions, when the
// stream is where the log was looked at.

// fills reports whether this stream fills what it makes.
func (s *Stream) fills() bool {
	return s.cfg.Name == ledger.Main && s.cfg.DDL.Log != "" && s.cfg.Source != nil
}

// touched is the last entry that is about a table, and what its rows are like behind it.
type touched struct {
	entry int64
	shape string
}

// touch notes that an entry of the open transaction is about tables.
func (r *receiver) touch(e *ddllog.Entry) {
	if r.touched == nil {
		r.touched = map[uint32]touched{}
	}
	for i := range e.Tables {
		r.touched[e.Tables[i].OID] = touched{entry: e.ID, shape: e.Tables[i].Shape}
	}
}

// had notes that a transaction is through, with what it has done to tables.
func (s *Stream) had(done map[uint32]touched) {
	for oid, is := range done {
		if is.entry >= s.entries[oid].entry {
			s.entries[oid] = is
		}
	}
}

// takeStocks takes the rows of tables that can be filled by the transaction, and says
// behind which of its steps. It comes before anything of the transaction is on the target:
// what waits for somebody on the source holds no lock there.
func (t *stepping) takeStocks(life context.Context) (err error) {
	s := t.link.s
	if !s.fills() {
		return nil
	}
	defer func() {
		if err != nil {
			t.letGo(life)
		}
	}()
	members, named := t.members, map[uint32][]int{}
	for i := range t.list {
		changed, _ := ddllog.Become(members, t.list[i].Entry, t.final)
		if err := t.split(members, changed, t.list[i].Entry); err != nil {
			return err
		}
		members = ddllog.Apply(members, changed)
		for _, at := range t.list[i].Tables {
			named[at.OID] = append(named[at.OID], i)
		}
	}
	for _, m := range members {
		if m.State != ledger.Waiting || named[m.Source] == nil || s.early(m.Source, t.final) {
			continue
		}
		k, err := t.stockInTime(life, m.Source)
		if err != nil {
			return err
		}
		if k == nil {
			continue
		}
		if at := t.behind(k, named[m.Source]); at >= 0 {
			t.fillAt[at] = append(t.fillAt[at], k)
		} else {
			k.close(life)
		}
	}
	return nil
}

// stockInTime is stockOf, of a table that the transaction may lean on further on. Who has
// the publication locked that it is yet to join is waited for, but not for ever: what is
// locked by a transaction that stays open is every new table's.
func (t *stepping) stockInTime(life context.Context, oid uint32) (*stock, error) {
	s := t.link.s
	for until := time.Now().Add(lateLocks * s.cfg.DDL.LockTimeout); ; {
		k, err := s.stockOf(life, oid)
		if err != errLate {
			return k, err
		}
		if time.Now().After(until) {
			return nil, nil
		}
		select {
		case <-t.stop:
			return nil, errStopped
		case <-life.Done():
			return nil, context.Cause(life)
		case <-time.After(lockPause):
		}
	}
}

// lateLocks is how many lock_timeouts that is.
const lateLocks = 10

// behind is the step behind which a table is filled, of those that are about it, or -1.
// Where a block stands for some, the table is as it is in the end.
func (t *stepping) behind(k *stock, steps []int) int {
	if slices.ContainsFunc(t.list, func(x ddllog.Step) bool { return x.Answered }) {
		steps = steps[len(steps)-1:]
	}
	for _, i := range steps {
		for _, at := range t.list[i].Tables {
			if at.OID == k.oid && at.Shape != "" && at.Shape == k.shape {
				return i
			}
		}
	}
	if k.last <= max(t.link.s.entries[k.oid].entry, t.last[k.oid].entry) {
		return steps[len(steps)-1]
	}
	return -1
}

// letGo closes what was taken and not copied.
func (t *stepping) letGo(ctx context.Context) {
	for _, list := range t.fillAt {
		for _, k := range list {
			k.close(ctx)
		}
	}
	clear(t.fillAt)
}

// split refuses that a table whose rows are not here becomes a part of one that is
// followed in its place: these rows would come by nobody.
func (t *stepping) split(members, changed []ledger.Member, e *ddllog.Entry) error {
	for _, m := range changed {
		was := find(members, m.Source)
		if m.State != ledger.Removed || was == nil || was.State != ledger.Waiting {
			continue
		}
		for _, touched := range e.Tables {
			for _, above := range touched.Above {
				if root := find(members, above); touched.OID == m.Source && root != nil && root.State == ledger.Followed {
					return &shiftedError{final: t.final, table: pgname.Shown(root.Schema, root.Name),
						what: pgname.Shown(m.Schema, m.Name) + " became a partition of it before its own rows could be copied"}
				}
			}
		}
	}
	return nil
}

func find(members []ledger.Member, oid uint32) *ledger.Member {
	i := slices.IndexFunc(members, func(m ledger.Member) bool { return m.Source == oid })
	if i < 0 {
		return nil
	}
	return &members[i]
}

// fill copies a table's rows behind what was received, and has it followed.
func (t *stepping) fill(life context.Context, k *stock) error {
	s, m := t.link.s, find(t.members, k.oid)
	if m == nil || m.State != ledger.Waiting {
		return nil
	}
	is := *m
	is.State, is.Point = ledger.Followed, k.point
	record, err := ledger.Became(s.cfg.Mirror, []ledger.Member{is})
	if err != nil {
		return err
	}
	name := pgname.Shown(is.TargetSchema, is.TargetName)
	var rows int64
	begun := time.Now()
	s.filling = k
	err = t.between(life, &target.Command{Title: "copy the rows of " + name, Record: record,
		Into: "copy " + pgname.Qualified(is.TargetSchema, is.TargetName) + k.list() + " from stdin",
		Rows: func(ctx context.Context, to io.Writer) (n int64, err error) {
			rows, err = t.pour(ctx, k, to)
			return rows, err
		}})
	k.close(life)
	if err != nil {
		return err
	}
	s.filling = nil
	t.become([]ledger.Member{is})
	s.log.InfoContext(life, "rows copied", "table", name, "rows", rows, "lsn", k.point, "took", time.Since(begun))
	s.tellFilled(k.oid)
	return nil
}

// pour writes the rows, until the link is to end.
func (r *receiver) pour(ctx context.Context, k *stock, to io.Writer) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-r.stop:
			cancel(errStopped)
		case <-ctx.Done():
		}
	})
	rows, err := k.write(ctx, to)
	cancel(nil)
	watch.Wait()
	if err != nil {
		return rows, fmt.Errorf("read %s: %w", k.name, err)
	}
	return rows, nil
}
