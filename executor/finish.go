package executor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/schema"
	"bascule/planner"
	"bascule/planner/catalog"
)

// finish does what comes after all rows and objects, in the order that keeps one
// from hindering the next: event triggers would see what is done after them.
func (at *attempt) finish(ctx context.Context) error {
	at.stage("finish")
	for _, work := range []func(context.Context) error{
		at.sequences, at.privileges, at.refresh, at.move, at.settings, at.eventTriggers,
	} {
		if err := work(ctx); err != nil {
			return err
		}
	}
	if err := ledger.SumRelations(ctx, at.conn, at.plan.ID); err != nil {
		return err
	}
	return ledger.Finish(ctx, at.conn, at.plan.ID)
}

// sequences sets the target's sequences as the source's are now: they are read
// last, so that no value that a copied row has is given out again.
func (at *attempt) sequences(ctx context.Context) error {
	if len(at.plan.Sequences) == 0 {
		return nil
	}
	conn, err := at.open(ctx, at.source, "read", nil)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	names := map[uint32]string{}
	var oids []uint32
	for _, s := range at.plan.Sequences {
		names[s.OID] = pgname.Qualified(s.Schema, s.Name)
		oids = append(oids, s.OID)
	}
	values, err := catalog.ReadSequences(ctx, conn, oids)
	if err != nil {
		return err
	}
	for group := range slices.Chunk(values, 200) {
		var sqls []string
		for _, v := range group {
			sqls = append(sqls, fmt.Sprintf("select pg_catalog.setval(%s::pg_catalog.regclass, %d, %t)", pgname.Literal(names[v.OID]), v.Last, v.Called))
		}
		if err := at.maker.Run(ctx, at.conn.PgConn(), "set sequences", "", sqls); err != nil {
			return err
		}
	}
	return nil
}

func (at *attempt) privileges(ctx context.Context) error {
	return at.last(ctx, func(it *schema.Item) bool { return it.Desc != "EVENT TRIGGER" && !ofEventTrigger(it) })
}

func (at *attempt) eventTriggers(ctx context.Context) error {
	return at.last(ctx, func(it *schema.Item) bool { return it.Desc == "EVENT TRIGGER" || ofEventTrigger(it) })
}

func ofEventTrigger(it *schema.Item) bool { return strings.HasPrefix(it.Tag, "EVENT TRIGGER ") }

// last makes the choice's last items for which keep is true.
func (at *attempt) last(ctx context.Context, keep func(*schema.Item) bool) error {
	if at.choice == nil {
		return nil
	}
	var items []*schema.Item
	for _, it := range at.choice.Last {
		if keep(it) {
			items = append(items, it)
		}
	}
	return at.maker.CreateAll(ctx, at.connects(), items, nil)
}

// refresh fills the materialised views, after privileges: a view's query runs with
// its owner's.
func (at *attempt) refresh(ctx context.Context) error {
	for _, name := range at.plan.Refresh {
		at.cfg.Log.DebugContext(ctx, "refresh begins", "mirror", at.name, "view", name)
		if err := at.maker.Retried(ctx, at.conn.PgConn(), "refresh "+name, []string{"refresh materialized view " + name, "analyze " + name}, false); err != nil {
			return err
		}
	}
	return nil
}

// move gives tables their names on the target.
func (at *attempt) move(ctx context.Context) error {
	if !at.plan.Options.SchemaCopy {
		return nil
	}
	for i := range at.plan.Tables {
		t := &at.plan.Tables[i]
		sqls := t.MoveSQL()
		if len(sqls) == 0 || at.made["MOVE "+t.SourceName()] || at.streams && t.Work != planner.WorkAdd {
			continue
		}
		back := ledger.Object{Key: "MOVE " + t.SourceName(), Section: "post", Drop: strings.Join(moveBack(t), "; ")}
		if err := at.maker.Run(ctx, at.conn.PgConn(), "move "+t.SourceName(), "", sqls, back); err != nil {
			return err
		}
	}
	return nil
}

// moveBack undoes MoveSQL.
func moveBack(t *planner.Table) []string {
	var sqls []string
	schema, name := t.FinalName()
	if name != t.Name {
		sqls = append(sqls, "alter table "+pgname.Qualified(schema, name)+" rename to "+pgname.Quote(t.Name))
	}
	if schema != t.Schema {
		sqls = append(sqls, "alter table "+pgname.Qualified(schema, t.Name)+" set schema "+pgname.Quote(t.Schema))
	}
	return sqls
}

func (at *attempt) settings(ctx context.Context) error {
	o := at.plan.Options
	if !o.OnDatabase() {
		return nil
	}
	var database string
	if err := at.conn.QueryRow(ctx, currentDatabase).Scan(&database); err != nil {
		return err
	}
	return at.maker.ApplySettings(ctx, at.conn.PgConn(), database, o)
}

const currentDatabase = `select pg_catalog.current_database()`
