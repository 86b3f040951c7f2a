package slot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/executor/ledger"
	"bascule/planner/catalog"
)

// StandbyError reports that the source is a standby, which may be about to be
// promoted. It is transient.
type StandbyError struct{}

func (e *StandbyError) Error() string { return "the source is a standby, and not promoted yet" }

// Unwrap returns the server's error for a server that cannot be worked with yet.
func (e *StandbyError) Unwrap() error {
	return &pgconn.PgError{Severity: "FATAL", Code: "57P03", Message: e.Error()}
}

// Hint says what the operator can do about it.
func (e *StandbyError) Hint() string {
	return "promote it, or let the source peer name the primary"
}

// server judges which server the source is, and returns its timeline.
func (c *Checked) server(ctx context.Context, conn *pgx.Conn) (int32, error) {
	var standby bool
	if err := conn.QueryRow(ctx, selectStandby).Scan(&standby); err != nil {
		return 0, fmt.Errorf("ask the source whether it is a standby: %w", err)
	}
	if standby {
		return 0, &StandbyError{}
	}
	now, err := command(ctx, conn.PgConn(), "IDENTIFY_SYSTEM", pglogrepl.ParseIdentifySystem)
	if err != nil {
		return 0, fmt.Errorf("identify the source: %w", err)
	}
	c.database = now.DBName
	if now.SystemID != c.Stream.SystemIdentifier {
		return 0, &TerminalError{ledger.Halt{Code: CodeOtherCluster, LSN: c.Position.String(),
			Text: fmt.Sprintf("the source is another cluster than the one that is mirrored: its system identifier is %s and was %s, and positions have no meaning there",
				now.SystemID, c.Stream.SystemIdentifier),
			Remedy: "let the source peer name the server that it was and resume, or copy everything from this one: bascule apply -replace='" + c.Address + "'"}}
	}
	if c.Timeline == 0 || now.Timeline == c.Timeline {
		return now.Timeline, nil
	}
	history, err := command(ctx, conn.PgConn(), fmt.Sprintf("TIMELINE_HISTORY %d", now.Timeline), pglogrepl.ParseTimelineHistory)
	if err != nil {
		return 0, fmt.Errorf("read the history of timeline %d of the source: %w", now.Timeline, err)
	}
	left, err := leftAt(string(history.Content), c.Timeline)
	switch {
	case errors.Is(err, errNotThere):
		return 0, c.again(CodeTimeline, "the source is on timeline %d, which does not come from timeline %d, on which the position %s is", now.Timeline, c.Timeline, c.Position)
	case err != nil:
		return 0, fmt.Errorf("read the history of timeline %d of the source: %w", now.Timeline, err)
	case c.Position > left:
		return 0, c.again(CodeTimeline, "the source was promoted at %s, before the target's position %s: transactions are on the target that it does not have", left, c.Position)
	}
	return now.Timeline, nil
}

// errNotThere: a history does not have the timeline.
var errNotThere = errors.New("the timeline is not in the history")

// leftAt returns where a history leaves a timeline. Its lines are: timeline, LSN,
// reason, with tabs between; comments begin with #.
func leftAt(history string, timeline int32) (catalog.LSN, error) {
	for line := range strings.Lines(history) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		number, err := strconv.ParseInt(fields[0], 10, 32)
		if err != nil {
			return 0, fmt.Errorf("%q is no line of a timeline's history", strings.TrimSpace(line))
		}
		if int32(number) == timeline {
			return catalog.ParseLSN(fields[1])
		}
	}
	return 0, errNotThere
}

const selectStandby = `select pg_catalog.pg_is_in_recovery()`
