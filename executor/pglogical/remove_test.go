package pglogical_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/pglogical"
)

// The source is as it was when the engine is removed, whatever was there before it, and
// wherever it was interrupted.
func TestRemove(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule   string
		before string // SQL on the source
		do     func(r *rig)
		kept   bool // the extension was there before
	}{
		{"following", "", func(r *rig) { r.start(r.bank()...) }, false},
		{"prepared", "", func(r *rig) { r.prepare(r.bank()...) }, false},
		{"with an extension", "create extension pglogical; select pglogical.create_node('theirs', 'dbname=x'); select pglogical.replication_set_add_table('default', 'public.b')",
			func(r *rig) { r.start(r.bank()...) }, true},
		{"nothing there", "", func(r *rig) {}, false},
		{"the subscription is gone", "", func(r *rig) {
			r.start(r.bank()...)
			r.take()
			r.dst.Exec(r.t, "select pglogical.drop_subscription('"+mirrorName+"')")
		}, false},
		{"the extension is gone on the target", "", func(r *rig) {
			r.start(r.bank()...)
			r.take()
			r.dst.Exec(r.t, "drop extension pglogical cascade; drop schema if exists pglogical")
		}, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, bank)
			if c.before != "" {
				r.src.Exec(t, c.before)
			}
			source, target := r.src.Query1(t, traces), r.dst.Query1(t, traces)
			c.do(r)
			for range 2 { // it may be repeated
				if left, err := r.engine().Remove(t.Context()); err != nil || len(left) > 0 {
					t.Fatalf("%v %v", left, err)
				}
			}
			if after := r.src.Query1(t, traces); after != source {
				t.Errorf("the source before:\n%s\nafter:\n%s", source, after)
			}
			if after := r.dst.Query1(t, traces); after != target {
				t.Errorf("the target before:\n%s\nafter:\n%s", target, after)
			}
			if c.kept {
				if got := r.src.Query(t, "select set_name, set_reloid from pglogical.replication_set_table join pglogical.replication_set using (set_id)"); got != "default|b" {
					t.Errorf("their sets: %s", got)
				}
			}
		})
	}
}

// What a side has is removed without the other, whose part is told and removed later.
func TestRemoveOneSide(t *testing.T) {
	t.Parallel()
	r := newRig(t, bank)
	source, target := r.src.Query1(t, traces), r.dst.Query1(t, traces)
	r.start(r.bank()...)
	var slotName string
	if err := r.target.QueryRow(t.Context(), "select sub_slot_name::text from pglogical.subscription").Scan(&slotName); err != nil {
		t.Fatal(err)
	}
	side := func(source, target *pgx.Conn, want string) {
		t.Helper()
		cfg := r.config()
		cfg.Source, cfg.Target = source, target
		cfg.Provider = swapped(cfg.Provider, "port=", "port=1") // the servers do not reach each other either
		left, err := pglogical.New(cfg).Remove(t.Context())
		if err != nil || len(left) != 1 || !strings.Contains(left[0], want) {
			t.Errorf("%v %v, want %s", left, err, want)
		}
	}
	r.dst.Exec(t, "update pglogical.node_interface set if_dsn = 'host=127.0.0.1 port=1' where if_dsn like '% dbname="+r.src.Name+" %'")
	side(nil, r.target, slotName)
	if after := r.dst.Query1(t, traces); withoutSlots(after) != withoutSlots(target) {
		t.Errorf("the target before:\n%s\nafter:\n%s", target, after)
	}
	side(r.source, nil, mirrorName)
	if after := r.src.Query1(t, traces); after != source {
		t.Errorf("the source before:\n%s\nafter:\n%s", source, after)
	}
}

// withoutSlots: both databases are on one server.
func withoutSlots(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "slot ") {
			kept = append(kept, line)
		}
	}
	return strings.TrimSpace(strings.Join(kept, ""))
}
