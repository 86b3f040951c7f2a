package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/executor/ddl"
	"bascule/executor/ledger"
	"bascule/executor/stream/ddllog"
	"bascule/executor/stream/target"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// A block whose command ran on the source has its place in a transaction that may have
// rows of before and rows of behind. So it runs in that transaction here, too: at the
// entries of the log that its command is marked with, or else before the first row that
// does not fit without it. That transaction is received twice, as one with DDL that nobody
// declared is (surprise.go), and applied by itself; with it are committed the position and
// that the block is applied. Blocks run in their order, those that name other tables left
// out, until the row fits. Where none is left and it does not, or one is refused, nothing
// of the transaction is applied, and the mirror stands before it.

// Block is a ddl block whose command ran on the source. ID, Address, Command and
// LockTimeout are required.
type Block struct {
	// ID is the command's in the ledger, where it is recorded. Once it is applied there, the
	// block is passed over.
	ID, Address string

	Command     string
	LockTimeout time.Duration

	// Tables are those that it names, on the target, as pgname.Shown has them; without any,
	// it may be about each.
	Tables []string

	// Become is what it makes of members: those that are new, or other than before. It is
	// not asked where the source's log says it. Default: nothing.
	Become func([]ledger.Member) []ledger.Member

	// Ran is called when the target has the block and what came before it. Default: nobody is
	// told.
	Ran func()
}

// ranBlock is a Block in the transaction that is stepped through.
type ranBlock struct {
	*Block
	parts []ddllog.Part // by the log; nil: it is for rows that do not fit
	ran   []bool        // each part
	done  bool          // all is
}

// byRows reports whether a block runs before a row that does not fit, rather than at
// entries of the log.
func (s *Stream) byRows(b *Block) bool { return s.cfg.DDL.Log == "" || !FromLog(b.Command) }

// pendingBlocks are those that the target does not have.
func (s *Stream) pendingBlocks(ctx context.Context, conn *pgx.Conn) (list []*ranBlock, err error) {
	for i := range s.cfg.Blocks {
		b := &ranBlock{Block: &s.cfg.Blocks[i], ran: make([]bool, 1)}
		row, err := ledger.FindDDL(ctx, conn, s.cfg.Mirror, b.ID)
		if err != nil {
			return nil, err
		}
		if row == nil || !row.Applied.IsZero() {
			continue
		}
		if !s.byRows(b.Block) {
			b.parts = ddllog.Parts(b.Command)
			b.ran = make([]bool, len(b.parts))
		}
		list = append(list, b)
	}
	return list, nil
}

// answered are the commands of blocks that stand for entries of the log, and have not run.
func (t *stepping) answered() (commands []string) {
	for _, b := range t.blocks {
		commands = append(commands, b.Command)
	}
	return commands
}

// whole refuses a block of which a part is at entries of this transaction, and another at
// entries that are not: it could not be recorded as applied, nor as not.
func (t *stepping) whole() error {
	here := map[ddllog.Place]bool{}
	for i := range t.list {
		here[t.list[i].Place()] = true
	}
	for _, b := range t.blocks {
		n := 0
		for _, part := range b.parts {
			if slices.ContainsFunc(part.Places, func(p ddllog.Place) bool { return here[p] }) {
				n++
			}
		}
		if n > 0 && n < len(b.parts) {
			return &blockError{final: t.final, address: b.Address, err: errElsewhere}
		}
	}
	return nil
}

var errElsewhere = errors.New("some of its comments name entries of the source's log that are not of this transaction: put what belongs to those into a block of its own")

// blockOf is the block that stands for an entry, and which part of it.
func (t *stepping) blockOf(place ddllog.Place) (*ranBlock, int) {
	for _, b := range t.blocks {
		for i, part := range b.parts {
			if slices.Contains(part.Places, place) {
				return b, i
			}
		}
	}
	return nil, 0
}

// runPart runs part of a block behind the rows that were received, and records what has
// become of the members. why is the halt that it is to prevent, nil for the log's.
func (t *stepping) runPart(life context.Context, b *ranBlock, i int, changed []ledger.Member, why error) error {
	record, err := ledger.Became(t.link.s.cfg.Mirror, changed)
	if err != nil {
		return err
	}
	c := &target.Command{Title: b.Address, Record: record}
	if !b.ran[i] {
		c.Text, c.Several, c.LockTimeout = b.Command, true, b.LockTimeout
		if b.parts != nil {
			c.Text = b.parts[i].Text
		}
	}
	if c.Text != "" || len(record) > 0 {
		t.running = &blockError{final: t.final, address: b.Address, where: "the target of " + t.link.s.cfg.Label, why: why}
		if err := t.between(life, c); err != nil {
			return err
		}
		t.running = nil
	}
	b.ran[i] = true
	b.done = !slices.Contains(b.ran, false)
	t.become(changed)
	return nil
}

// fit has a row fit that does not, by a block that is for it. It returns errFit when one
// has run, errApart when the transaction is to be applied by itself first; nil where there
// is none. why is the halt that there is without.
func (r *receiver) fit(life context.Context, rel *relation, why error) error {
	s := r.link.s
	if r.steps == nil {
		if !slices.ContainsFunc(s.cfg.Blocks, func(b Block) bool { return !s.ranBlocks[b.ID] && s.byRows(&b) }) {
			return nil
		}
		if err := r.apart(life); err != nil {
			return err
		}
		r.found.rows = true
		return errApart
	}
	t := r.steps
	b := t.blockFor(rel)
	if b == nil {
		return nil
	}
	var changed []ledger.Member
	if b.Become != nil {
		changed = b.Become(t.members)
	}
	if err := t.runPart(life, b, 0, changed, why); err != nil {
		return err
	}
	return errFit
}

var (
	// errApart: the open transaction is received to its end, and nothing of it applied.
	errApart = errors.New("the transaction is to be applied by itself")

	// errFit: what is known of tables is to be looked up again.
	errFit = errors.New("a block has run")
)

// blockFor is the next block for a table: the first that names it, or none. A table that
// stands under another, such as a partition, may be named by none.
func (t *stepping) blockFor(rel *relation) *ranBlock {
	names := []string{pgname.Shown(rel.Schema, rel.Name), pgname.Shown(rel.member.TargetSchema, rel.member.TargetName)}
	var first *ranBlock
	for _, b := range t.blocks {
		if b.parts != nil || b.done {
			continue
		}
		if len(b.Tables) == 0 || slices.ContainsFunc(names, func(n string) bool { return slices.Contains(b.Tables, n) }) {
			return b
		}
		if first == nil {
			first = b
		}
	}
	return first
}

// recordBlocks records, in the transaction, that those which ran in it are applied. end is
// the position behind its commit.
func (t *stepping) recordBlocks(life context.Context, end catalog.LSN) error {
	c := &target.Command{Title: "what ran is recorded"}
	for _, b := range t.blocks {
		if b.done {
			c.Record = append(c.Record, ledger.AppliedSQL(t.link.s.cfg.Mirror, b.ID, end))
		}
	}
	if len(c.Record) == 0 {
		return nil
	}
	return t.between(life, c)
}

// tellBlocks tells of them, once that is committed.
func (t *stepping) tellBlocks(ctx context.Context, end catalog.LSN) {
	s := t.link.s
	for _, b := range t.blocks {
		if !b.done {
			continue
		}
		s.log.InfoContext(ctx, "command applied", "ddl", b.Address, "lsn", end)
		s.ranBlocks[b.ID] = true
		if b.Ran != nil {
			b.Ran()
		}
	}
}

// blockError reports a block that could not run in its place.
type blockError struct {
	final          catalog.LSN
	address, where string
	why            error // the halt that it was to prevent, or nil
	err            error
}

func (e *blockError) Error() string {
	if e.why != nil {
		return fmt.Sprintf("%v; %s did not run for it: %v", e.why, e.address, e.err)
	}
	return fmt.Sprintf("transaction %s: %s did not run: %v", e.final, e.address, e.err)
}
func (e *blockError) Unwrap() error { return e.err }

// unfit is the halt by a block.
func (s *Stream) unfit(e *blockError) ledger.Halt {
	h := ledger.Halt{Code: catalog.HaltDDL, LSN: e.final.String()}
	var was *HaltError
	if e.why != nil && errors.As(s.halted(e.why), &was) {
		h = was.Halt
	}
	h.Text = e.Error()
	h.Remedy = fmt.Sprintf("nothing of it is on the target: correct %s, which may be edited, and run `bascule apply`", e.address)
	if session.Code(e.err) != "" {
		hint := (&ddl.CommandError{Address: e.address, Where: e.where, Err: e.err}).Hint()
		h.Remedy = fmt.Sprintf("%s. Nothing of it is on the target: make it possible there, or correct %s, which may be edited, and run `bascule apply`", hint, e.address)
	}
	return h
}
