package executor

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

// streaming sets up the main stream of a mirror, for apply and for a runner alike. A
// stream beside it takes another name, connection and members, and no check.
func streaming(id, address string, s planner.Stream, source, target *config.Peer, sink progress.Sink, log *slog.Logger) stream.Config {
	o := streamOpener{id: id, address: address, settings: s, source: source, target: target}
	cfg := stream.Config{
		Mirror: id, Name: ledger.Main, Label: address,
		Source: o.openSource, Target: o.openTarget, Check: o.check,
		Slot: s.Slot, Publications: []string{s.Publication}, Binary: s.Binary,
		MaxDelay:    time.Duration(s.MaxDelayMillis) * time.Millisecond,
		SkipMissing: s.MissingRow == "skip",
		Sink:        sink, Log: log,
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

// streamOpener opens the sessions of a stream. Each connect takes the peer as it is
// declared, and with it a password that may have changed.
type streamOpener struct {
	id, address    string
	settings       planner.Stream
	source, target *config.Peer
}

func (o streamOpener) openSource(ctx context.Context) (*pgconn.PgConn, error) {
	conn, err := session.Open(ctx, o.source, session.Options{Application: session.Application(o.address, "stream"), Replication: true})
	if err != nil {
		return nil, err
	}
	return conn.PgConn(), nil
}

func (o streamOpener) openTarget(ctx context.Context) (*pgx.Conn, error) {
	settings := map[string]string{
		// Nothing is acknowledged before it is flushed, so no commit has to wait for that.
		"synchronous_commit": "off",
	}
	if o.settings.ReplicaRole {
		settings["session_replication_role"] = "replica"
	}
	return session.Open(ctx, o.target, session.Options{Application: session.Application(o.address, "apply"), Settings: settings})
}

// checkTime is how long a check may take. A server that vanished would be waited for
// until the kernel gives up to send.
const checkTime = time.Minute

// check finds out, before anything is streamed, whether the slot, the publications
// and the source are those that the position belongs to. A source that was promoted
// meanwhile, with all that is on the target, is recorded.
func (o streamOpener) check(ctx context.Context, position catalog.LSN) error {
	limited, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	err := o.checkNow(limited, position)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("check %s and %s before streaming: no answer in %s: %w", o.source.Address, o.target.Address, checkTime, os.ErrDeadlineExceeded)
	}
	return err
}

func (o streamOpener) checkNow(ctx context.Context, position catalog.LSN) error {
	target, err := session.Open(ctx, o.target, session.Options{Application: session.Application(o.address, "check")})
	if err != nil {
		return err
	}
	defer session.Close(ctx, target)
	was, err := ledger.ReadStream(ctx, target, o.id)
	if err != nil {
		return err
	}
	members, err := ledger.Members(ctx, target, o.id)
	if err != nil {
		return err
	}
	checked := slot.Checked{Address: o.address, Stream: o.settings, Position: position, Members: members}
	if was != nil {
		checked.Timeline = was.Timeline
	}
	source, err := session.Open(ctx, o.source, session.Options{Application: session.Application(o.address, "check"), Replication: true})
	if err != nil {
		return err
	}
	defer session.Close(ctx, source)
	begun, err := ledger.BegunDDL(ctx, target, o.id)
	if err != nil {
		return err
	}
	if checked.Members, err = unexplained(ctx, source, o.settings.Log, unawaited(members, begun)); err != nil {
		return err
	}
	timeline, err := slot.Check(ctx, source, checked)
	if err != nil || timeline == checked.Timeline {
		return err
	}
	return ledger.SetTimeline(ctx, target, o.id, timeline)
}
