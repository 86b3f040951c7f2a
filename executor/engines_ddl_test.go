package executor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"bascule/executor"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// sentToUs has a command run on the source while our stream has the mirror, and pglogical's
// slot is there: the command is not in its queue. The apply is stopped before the target has
// it, and hands the mirror back behind it: from before it, pglogical would pass it over.
func (x *engined) sentToUs(t *testing.T) {
	t.Helper()
	x.more = block("level", "alter table public.account add column level int not null default 1")
	x.begunInVain(t, "ddl.level")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	release := holds(t, x.target, "select from account")
	_, _, err := x.triesWith(ctx, t, func(c *executor.Config) {
		c.Plan, c.Sink = x.targeted(t, "ddl.level"), &handingBack{Sink: x.events, sent: stop, begins: release}
	})
	if err == nil || ctx.Err() == nil {
		t.Errorf("it was not stopped: %v\n%s", err, x.events)
	}
	x.applied(t)
	x.writes(t, "update account set level = id")
}

// begunInVain leaves a block as an apply does that was killed between the record of its
// transaction and the end of that.
func (x *engined) begunInVain(t *testing.T, address string) {
	t.Helper()
	d := x.targeted(t, address).Changes[0].DDL
	looker := x.target.Conn(t)
	id, mirror := planner.DDLID(address, d.Checksum), x.target.Query1(t, "select mirror from bascule.stream")
	if _, err := ledger.PutDDL(t.Context(), looker, mirror, ledger.DDL{ID: id, Nonce: strings.Repeat("a", 32),
		Address: address, Checksum: d.Checksum, Command: d.Command, LockTimeout: time.Second}); err != nil {
		t.Fatal(err)
	}
	if err := ledger.StartDDL(t.Context(), looker, mirror, id, aborted(t, x.source), nil); err != nil {
		t.Fatal(err)
	}
}

// handingBack does something when a command has run on the source, and when the mirror is
// about to be handed back.
type handingBack struct {
	progress.Sink
	sent, begins func()
}

// Event takes one event in.
func (h *handingBack) Event(e progress.Event) {
	switch e := e.(type) {
	case progress.StageStarted:
		if e.Stage == "wait for the targets" {
			h.sent()
		}
	case progress.Noted:
		if strings.HasPrefix(e.Text, "hands back to") {
			h.begins()
		}
	}
	h.Sink.Event(e)
}

// carriedIsRecorded leaves the last block as an apply does that was killed before it
// recorded that pglogical had brought it: the next that takes the mirror over records that
// before it records that it has it. Were that one killed in between, nobody would know any
// more what pglogical brought.
func (x *engined) carriedIsRecorded(t *testing.T) {
	t.Helper()
	const open = "select count(*) from bascule.ddl where applied is null"
	x.target.Exec(t, "update bascule.ddl set applied = null, lsn = null where address = 'ddl.carried'")
	if got := x.target.Query1(t, open); got != "1" {
		t.Fatalf("%s are open", got)
	}
	release := holds(t, x.target, "select from bascule.ddl for update")
	ended := make(chan error, 1)
	go func() {
		_, _, err := x.tries(t)
		ended <- err
	}()
	pgtest.Eventually(t, func() error {
		if got := x.target.Query1(t, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ~ 'update bascule.ddl'"); got != "1" {
			return fmt.Errorf("%s wait\n%s", got, x.events)
		}
		return nil
	})
	if !x.handed(t) {
		t.Error("it was recorded that it is taken back before what it brought")
	}
	release()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := x.target.Query1(t, open); got != "0" {
		t.Errorf("%s are open", got)
	}
}
