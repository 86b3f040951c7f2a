package drive

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/slot"
	"bascule/executor/stream"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// Mirror is a mirror that streams. All is required.
type Mirror struct {
	ID, Address    string // ID: in the ledger
	Settings       planner.Stream
	Source, Target *config.Peer

	Sink progress.Sink
	Log  *slog.Logger
}

// Config sets up the main stream. A stream beside it takes another name, connection and
// members, and no check. Each connect takes the peers as they are declared, and with that
// a password that may have changed.
func (m Mirror) Config() stream.Config {
	s := &m.Settings
	cfg := stream.Config{
		Mirror: m.ID, Name: ledger.Main, Label: m.Address,
		Source: m.openSource, Target: m.openTarget, Check: m.check,
		Slot: s.Slot, Publications: []string{s.Publication}, Binary: s.Binary,
		MaxDelay:    time.Duration(s.MaxDelayMillis) * time.Millisecond,
		SkipMissing: s.MissingRow == "skip",
		Sink:        m.Sink, Log: m.Log,
	}
	if s.Engine != "" {
		cfg.Again = applyAgain // which hands it to its servers too
	}
	if s.Inserts != "" {
		cfg.Publications = append(cfg.Publications, s.Inserts)
	}
	if s.Log != "" {
		cfg.DDL = stream.DDL{Log: s.Log, Halt: s.DDL == planner.DDLHalt, Owners: s.OwnersKept, Privileges: s.PrivilegesKept,
			Some: len(s.LogTables)+len(s.LogExclude) > 0}
	}
	return cfg
}

func (m Mirror) openSource(ctx context.Context) (*pgconn.PgConn, error) {
	conn, err := session.Open(ctx, m.Source, session.Options{Application: session.Application(m.Address, "stream"), Replication: true})
	if err != nil {
		return nil, err
	}
	return conn.PgConn(), nil
}

func (m Mirror) openTarget(ctx context.Context) (*pgx.Conn, error) {
	settings := map[string]string{
		// Nothing is acknowledged before it is flushed, so no commit has to wait for that.
		"synchronous_commit": "off",
	}
	if m.Settings.ReplicaRole {
		settings["session_replication_role"] = "replica"
	}
	return session.Open(ctx, m.Target, session.Options{Application: session.Application(m.Address, "apply"), Settings: settings})
}

// checkTime is how long a check may take. A server that vanished would be waited for
// until the kernel gives up to send.
const checkTime = time.Minute

// check finds out, before anything is streamed, whether the slot, the publications
// and the source are those that the position belongs to. A source that was promoted
// meanwhile, with all that is on the target, is recorded.
func (m Mirror) check(ctx context.Context, position catalog.LSN) error {
	limited, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	err := m.checkNow(limited, position)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("check %s and %s before streaming: no answer in %s: %w", m.Source.Address, m.Target.Address, checkTime, os.ErrDeadlineExceeded)
	}
	return err
}

func (m Mirror) checkNow(ctx context.Context, position catalog.LSN) error {
	target, err := session.Open(ctx, m.Target, session.Options{Application: session.Application(m.Address, "check")})
	if err != nil {
		return err
	}
	defer session.Close(ctx, target)
	was, err := ledger.ReadStream(ctx, target, m.ID)
	if err != nil {
		return err
	}
	members, err := ledger.Members(ctx, target, m.ID)
	if err != nil {
		return err
	}
	checked := slot.Checked{Address: m.Address, Stream: m.Settings, Position: position, Members: members}
	if was != nil {
		checked.Timeline = was.Timeline
	}
	source, err := session.Open(ctx, m.Source, session.Options{Application: session.Application(m.Address, "check"), Replication: true})
	if err != nil {
		return err
	}
	defer session.Close(ctx, source)
	begun, err := ledger.BegunDDL(ctx, target, m.ID)
	if err != nil {
		return err
	}
	if checked.Members, err = unexplained(ctx, source, m.Settings.Log, Unawaited(members, begun)); err != nil {
		return err
	}
	timeline, err := slot.Check(ctx, source, checked)
	if err != nil || timeline == checked.Timeline {
		return err
	}
	return ledger.SetTimeline(ctx, target, m.ID, timeline)
}
