package stream

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bascule/executor/ledger"
	"bascule/executor/stream/ddllog"
	"bascule/executor/stream/pgoutput"
	"bascule/executor/stream/target"
)

// stepping is a source transaction that is applied by itself, with commands among its
// rows.
type stepping struct {
	*receiver
	list    []ddllog.Step
	members []ledger.Member // as they are at this place
	where   ddllog.Schemas  // of names that lack one
	next    int             // step

	// last are the last entries that are about tables, of the transaction. fillAt are the
	// rows of tables that are filled by it, by the step behind which.
	last   map[uint32]touched
	fillAt map[int][]*stock

	// altered: something ran. Other sessions would wait for this one.
	altered bool

	emptying *emptying // a table, just now

	blocks  []*ranBlock // that the target does not have
	running *blockError // what a refusal means just now, if it is a block's
}

// run asks the applier for a command. done is closed when it has run.
type run struct {
	command *target.Command
	done    chan struct{}
}

// prepare commits all before the open transaction, and finds out what its commands come
// to here. What cannot run halts the stream before the transaction.
func (r *receiver) prepare(life context.Context, found *surprise) (*stepping, error) {
	if err := r.stand(life); err != nil {
		return nil, err
	}
	conn, err := r.aside(life)
	if err != nil {
		return nil, err
	}
	s := r.link.s
	members, err := ledger.Members(life, conn, s.cfg.Mirror)
	if err != nil {
		return nil, err
	}
	commands, err := ledger.AppliedCommands(life, conn, s.cfg.Mirror)
	if err != nil {
		return nil, err
	}
	t := &stepping{receiver: r, members: members, last: found.last, fillAt: map[int][]*stock{}}
	if t.blocks, err = s.pendingBlocks(life, conn); err != nil {
		return nil, err
	}
	t.list = ddllog.Steps(found.entries, r.rules(), ddllog.Answered(append(commands, t.answered()...)))
	if err := t.whole(); err != nil {
		return nil, err
	}
	if t.where, err = t.schemas(life); err != nil {
		return nil, err
	}
	for i := range t.list {
		if t.list[i].Stop != "" {
			return nil, t.stops(i, t.list[i].Stop, nil)
		}
	}
	for i := range t.list {
		if err := t.look(life, i); err != nil {
			return nil, err
		}
	}
	if len(t.list) == 1 && t.list[0].Alone {
		return t, t.alone(life)
	}
	return t, t.takeStocks(life)
}

// look finds out on the target whether a step is to run at all.
func (t *stepping) look(life context.Context, i int) error {
	x := &t.list[i]
	conn, err := t.aside(life)
	if err != nil {
		return err
	}
	if x.Extension != "" {
		var there bool
		if err := conn.QueryRow(life, extensionThere, x.Extension).Scan(&there); err != nil {
			return err
		}
		if there {
			x.Text = ""
		}
	}
	if len(x.Needs) == 0 {
		return nil
	}
	var lacking []string
	if err := conn.QueryRow(life, selectLacking, x.Path(), x.Needs).Scan(&lacking); err != nil {
		return err
	}
	for _, name := range lacking {
		if !t.makes(name, i) {
			x.Text = ""
			t.tell(life, fmt.Sprintf("%s is passed over: the target has no %s, which is not of the mirror", x.Title(), name))
			return nil
		}
	}
	return nil
}

// makes reports whether a step before i makes a relation, as far as its entry tells.
func (t *stepping) makes(name string, i int) bool {
	for _, x := range t.list[:i] {
		for _, o := range x.Objects {
			if is := bare(o.Identity); !o.Dropped && (is == bare(name) || strings.HasSuffix(is, "."+bare(name))) {
				return true
			}
		}
	}
	return false
}

// bare is a name without its quotes.
func bare(name string) string { return strings.ReplaceAll(name, `"`, "") }

// reached runs the command of an entry, when all that came before it in its transaction
// is on its way.
func (t *stepping) reached(life context.Context, id int64) error {
	at := t.next
	for at < len(t.list) && t.list[at].ID != id {
		at++
	}
	if at == len(t.list) {
		return nil // it concerns us not
	}
	t.next = at + 1
	if err := t.step(life, &t.list[at]); err != nil {
		return err
	}
	for _, k := range t.fillAt[at] {
		if err := t.fill(life, k); err != nil {
			return err
		}
	}
	return nil
}

// step does what is done for an entry.
func (t *stepping) step(life context.Context, x *ddllog.Step) error {
	if err := t.emptyEarly(life, x); err != nil {
		return err
	}
	changed, notes := ddllog.Become(t.members, x.Entry, t.final)
	if b, i := t.blockOf(x.Place()); b != nil {
		err := t.runPart(life, b, i, changed, nil)
		t.tellAll(life, notes)
		return err
	}
	record, err := ledger.Became(t.link.s.cfg.Mirror, changed)
	if err != nil {
		return err
	}
	c := &target.Command{Title: x.Title(), Record: record}
	switch {
	case x.Alone:
		c.Record = append(c.Record, ledger.ForgetAlone(t.link.s.cfg.Mirror))
	case x.Text != "":
		c.Text, c.Says, c.SearchPath, c.Role, c.LockTimeout = x.Text, x.Says, x.Path(), t.role(x), t.link.s.cfg.DDL.LockTimeout
	}
	if c.Text != "" || len(c.Record) > 0 {
		if err := t.between(life, c); err != nil {
			return err
		}
	}
	t.tellAll(life, notes)
	if x.Text != "" && len(x.Volatile) > 0 {
		t.tell(life, fmt.Sprintf("%s computed values of rows that were there by %s, which may have come out otherwise than on the source: compare them, or copy the table again",
			x.Title(), strings.Join(x.Volatile, ", ")))
	}
	t.become(changed)
	return nil
}

// become goes on with members that have changed.
func (t *stepping) become(changed []ledger.Member) {
	t.members = ddllog.Apply(t.members, changed)
	t.receiver.members = t.link.s.choose(t.members)
	t.forget()
}

func (t *stepping) tellAll(ctx context.Context, notes []string) {
	for _, note := range notes {
		t.tell(ctx, note)
	}
}

// role is that which runs a command here.
func (t *stepping) role(x *ddllog.Step) string {
	if t.link.s.cfg.DDL.Owners {
		return x.Role
	}
	return ""
}

// between has a command run behind the rows that were received, and waits for it.
func (t *stepping) between(life context.Context, c *target.Command) error {
	if t.open != nil || !t.partial { // the first one begins the target's transaction
		if _, err := t.room(life, 0); err != nil {
			return err
		}
		if err := t.piece(life); err != nil {
			return err
		}
	}
	t.altered = true
	x := &run{command: c, done: make(chan struct{})}
	if err := t.order(life, order{run: x}); err != nil {
		return err
	}
	late := c.LockTimeout * 3 / 4
	if c.Text == "" {
		late = never
	}
	look := time.NewTimer(late)
	defer look.Stop()
	for {
		select {
		case <-x.done:
			return nil
		case <-life.Done():
			return context.Cause(life)
		case <-look.C:
			if conn, err := t.aside(life); err == nil {
				c.Blocked(t.link.session.BlockedBy(life, conn))
			}
		}
	}
}

// stepped ends the transaction, and the link behind it.
func (r *receiver) stepped(life context.Context, c pgoutput.Commit) error {
	if err := r.steps.recordBlocks(life, c.End); err != nil {
		return err
	}
	r.inside = false
	r.dealt = max(r.dealt, c.End)
	r.link.s.received(c.End, 0)
	r.transactions++
	r.committed = c.Time
	if err := r.conclude(life); err != nil {
		return err
	}
	r.link.s.had(r.steps.last)
	for i := range r.steps.list {
		r.link.s.log.InfoContext(life, "DDL applied", "ddl", r.steps.list[i].Title(), "lsn", c.End)
	}
	r.steps.tellBlocks(life, c.End)
	return errAnew
}

// conclude commits the transaction on the target that commands ran in, with what is open.
func (r *receiver) conclude(life context.Context) error {
	b, err := r.room(life, 0)
	if err != nil {
		return err
	}
	r.open = nil
	b.end()
	if err := r.send(life, b, true); err != nil {
		return err
	}
	return r.drain(life)
}

const extensionThere = `select exists (select from pg_catalog.pg_extension where extname = $1)`

// selectLacking looks names up by another search_path, in the one statement: what is its
// own in it, is found before. The path is in the condition, so it is set by then.
const selectLacking = `
	select array(
		select n.name
		from (select pg_catalog.set_config('search_path', $1, true) offset 0) p(path)
		cross join lateral unnest($2::text[]) n(name)
		where case when p.path is not null then pg_catalog.to_regclass(n.name) end is null
		order by n.name)`
