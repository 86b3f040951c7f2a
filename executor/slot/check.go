package slot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog"
)

// Codes of halts that Check finds.
const (
	CodeOtherCluster   = "other_cluster"   // the peer is not the server that was mirrored
	CodeTimeline       = "timeline"        // what was promoted lacks what is on the target
	CodeSlotLost       = "slot_lost"       // gone, or invalidated
	CodeSlotChanged    = "slot_changed"    // made anew in another way
	CodeTargetRestored = "target_restored" // the slot is past the position
	CodeUnpublished    = "unpublished"     // a table is not, or not wholly, published
)

// TerminalError reports that a mirror must not stream on. Waiting does not help; what
// does is in Halt.Remedy.
type TerminalError struct{ Halt ledger.Halt }

func (e *TerminalError) Error() string { return e.Halt.Text }

// Hint says what the operator can do about it.
func (e *TerminalError) Hint() string { return e.Halt.Remedy }

// Checked is what Check compares the source with. All but Members are required.
type Checked struct {
	Address string // of the mirror: for the remedies
	Stream  planner.Stream

	// Position from which the stream is to go on, and the source's timeline on which it
	// is; 0 for one that is not known.
	Position catalog.LSN
	Timeline int32

	// Members of the mirror. Those that are streamed must be published.
	Members []ledger.Member

	database string // of the source
}

// Check looks, before the mirror streams from its position, whether it may: the
// source is the server that it was, or one promoted in its place that has all that is
// on the target; the slot is there, valid, and has not moved past the position, from
// where the server would otherwise begin later without a word; and the publications
// hold every table that is streamed.
//
// conn is a replication connection to the source's database, and can stream from the
// slot afterwards. Check returns the source's timeline: where it is another than
// before, it is to be recorded. What must stop the mirror is a *TerminalError; a slot
// that another session reads (*InUseError), and a server that is not promoted yet
// (*StandbyError), are transient.
func Check(ctx context.Context, conn *pgx.Conn, c Checked) (timeline int32, err error) {
	timeline, err = c.server(ctx, conn)
	if err != nil {
		return 0, err
	}
	slots, publications, err := catalog.ReadSlots(ctx, conn)
	if err != nil {
		return 0, err
	}
	if err := c.slot(slots); err != nil {
		return 0, err
	}
	return timeline, c.published(ctx, conn, publications)
}

// slot judges the slot.
func (c *Checked) slot(slots []catalog.Slot) error {
	name := c.Stream.Slot
	i := slices.IndexFunc(slots, func(s catalog.Slot) bool { return s.Name == name })
	if i < 0 {
		return c.again(CodeSlotLost, "replication slot %q is gone, and with it the changes since %s", name, c.Position)
	}
	s := slots[i]
	switch {
	case s.Invalidation != "":
		return c.again(CodeSlotLost, "replication slot %q was invalidated by the server (%s): the changes since %s are gone", name, s.Invalidation, c.Position)
	case s.WALStatus == "lost":
		return c.again(CodeSlotLost, "replication slot %q is lost: the server has removed WAL that it needs (max_slot_wal_keep_size)", name)
	case s.Plugin != "pgoutput" || s.Database != c.database:
		return c.again(CodeSlotChanged, "replication slot %q is not the one that was made: it has plugin %q, database %q", name, s.Plugin, s.Database)
	case s.Confirmed > c.Position:
		return c.again(CodeTargetRestored, "replication slot %q is at %s, past the target's position %s: the target was restored to an earlier "+
			"time, or the slot was read or made anew by somebody else; the changes in between are gone", name, s.Confirmed, c.Position)
	case s.Active:
		return &InUseError{Slot: name, PID: s.PID, Client: s.Client}
	}
	return nil
}

// CheckPublished is the part of Check that looks at the publications alone: for who is
// about to mend them, and would hide by it that something was not published for a time.
func CheckPublished(ctx context.Context, conn *pgx.Conn, c Checked) error {
	_, publications, err := catalog.ReadSlots(ctx, conn)
	if err != nil {
		return err
	}
	return c.published(ctx, conn, publications)
}

// published compares the publications with the tables that are streamed.
func (c *Checked) published(ctx context.Context, conn *pgx.Conn, there []catalog.Publication) error {
	var missing []string
	all, inserts := map[uint32]bool{}, map[uint32]bool{} // what is published of which tables
	for _, name := range publications(c.Stream) {
		i := slices.IndexFunc(there, func(p catalog.Publication) bool { return p.Name == name })
		if i < 0 {
			return c.again(CodeUnpublished, "publication %q is gone: what is in the slot can no longer be decoded", name)
		}
		p := &there[i]
		if p.ViaRoot != c.Stream.ViaRoot {
			return c.again(CodeUnpublished, "publish_via_partition_root of publication %q was changed since the copy", name)
		}
		for _, t := range p.Tables {
			if !t.Published || c.Stream.OwnPublications && (t.Columns != nil || t.Filter != "") {
				continue
			}
			some := p.Insert && (p.Truncate || !c.Stream.OwnPublications) // in a named one it is as the plan found it
			inserts[t.OID] = inserts[t.OID] || some
			all[t.OID] = all[t.OID] || some && p.Update && p.Delete
		}
	}
	logged, err := c.logged(ctx, conn)
	if err != nil {
		return err
	}
	for _, m := range c.Members {
		whole := logged[m.Source] || all[m.Source] || m.Follow == planner.FollowInserts && inserts[m.Source]
		if m.State == ledger.Followed && !whole {
			missing = append(missing, pgname.Shown(m.Schema, m.Name))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return c.tables(missing)
}

// logged are the tables of which the publications show already what a logged command
// has made of them, and the members do not: the stream has yet to come to it.
func (c *Checked) logged(ctx context.Context, conn *pgx.Conn) (map[uint32]bool, error) {
	set := map[uint32]bool{}
	if c.Stream.Log == "" {
		return set, nil
	}
	commands, err := catalog.ReadLoggedCommands(ctx, conn, c.Stream.Log)
	if gone(err) {
		return set, nil
	}
	for _, command := range commands {
		for _, oid := range command.Tables {
			set[oid] = set[oid] || command.Seen == 0 || !command.Applied(c.Position)
		}
	}
	return set, err
}

// tables is the halt for tables that are not wholly published: what was written to
// them meanwhile never arrives.
func (c *Checked) tables(missing []string) error {
	text := fmt.Sprintf("not published any more, or not wholly: %s", strings.Join(missing[:min(5, len(missing))], ", "))
	if len(missing) > 5 {
		text += fmt.Sprintf(" and %d more", len(missing)-5)
	}
	return &TerminalError{ledger.Halt{Code: CodeUnpublished, Table: missing[0], Terminal: true, Text: text,
		Remedy: fmt.Sprintf("somebody dropped the table or changed the publication: copy each such table again, bascule apply -replace='%s.table[%q]'", c.Address, missing[0])}}
}

// again is the halt after which only copying everything again helps.
func (c *Checked) again(code, format string, args ...any) error {
	return &TerminalError{ledger.Halt{Code: code, LSN: c.Position.String(), Terminal: true, Text: fmt.Sprintf(format, args...),
		Remedy: "copy everything again: bascule apply -replace='" + c.Address + "'"}}
}
