package planner_test

import (
	"slices"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/state"
)

func TestDDLBlocks(t *testing.T) {
	const x, app, second = "ddl.x", "9d7f0c6e/mirror.app", "9d7f0c6e/mirror.second"
	both := func(w *world, t *testing.T) { // two mirrors that stream, and a block for both
		w.second("")
		w.streaming(t)
		w.hcl += "ddl \"x\" {\n  mirrors = [mirror.app, mirror.second]\n  command = \"" + addColumn + "\"\n}\n"
	}
	for _, c := range []struct {
		rule string
		edit func(w *world, t *testing.T)
		want string
	}{
		{"it runs", func(w *world, t *testing.T) { w.streaming(t); w.block("x", addColumn) }, "> ddl.x\nddl.x " + app},
		{"an applied one is done, and its command is not read", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", "no SQL at all")
			w.knows(state.Ready, x, "no SQL at all", "mirror.app")
		}, "nothing"},
		{"space around a command is none of it", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", "\n"+addColumn+" \n")
			w.knows(state.Ready, x, addColumn, "mirror.app")
		}, "nothing"},
		{"an applied one is not edited", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", addColumn+" NOT NULL")
			w.knows(state.Ready, x, addColumn, "mirror.app")
		}, "!B189"},
		{"one that failed on the source may be", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", addColumn)
			w.knows(state.Creating, x, "ALTER TABLE public.orders ADD COLUMN surname varchr(20)", "mirror.app")
			w.has("peer.b", on("recorded", x, "ALTER TABLE public.orders ADD COLUMN surname varchr(20)"))
		}, "> ddl.x\nddl.x " + app + " without 1"},
		{"one that the source ran may not", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", addColumn)
			w.knows(state.Creating, x, "ALTER TABLE public.orders ADD COLUMN surname text", "mirror.app")
			w.has("peer.b", on("begun", x, "ALTER TABLE public.orders ADD COLUMN surname text"))
		}, "!B189"},
		{"one that was interrupted continues", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", addColumn)
			w.knows(state.Creating, x, addColumn, "mirror.app")
			w.has("peer.b", on("begun", x, addColumn))
		}, "> ddl.x\nddl.x " + app + " continues"},
		{"lost state takes over what is applied", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", addColumn)
			w.has("peer.b", on("applied", x, addColumn))
			w.state.Resources, w.state.Lineage = nil, "00000000-other"
		}, "~ mirror.app; > ddl.x\nddl.x 00000000/mirror.app record"},
		{"lost state of what is on its way", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", addColumn)
			w.has("peer.b", on("begun", x, addColumn))
			w.state.Resources, w.state.Lineage = nil, "00000000-other"
		}, "~ mirror.app; > ddl.x\nddl.x 00000000/mirror.app continues"},
		{"lost state, and an edited block", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", addColumn)
			w.has("peer.b", on("applied", x, "ALTER TABLE public.orders ADD COLUMN surname text"))
			w.state.Resources, w.state.Lineage = nil, "00000000-other"
		}, "~ mirror.app; !B189"},
		{"a new mirror comes first", func(w *world, t *testing.T) { w.block("x", addColumn) }, "+ mirror.app; > ddl.x; .B156; .B169\nddl.x " + app},
		{"a new mirror has what is applied", func(w *world, t *testing.T) {
			w.block("x", addColumn)
			w.knows(state.Ready, x, addColumn, "mirror.app")
		}, "+ mirror.app; .B156; .B169"},
		{"a mirror that is made anew has it too", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", addColumn)
			w.knows(state.Ready, x, addColumn, "mirror.app")
			w.live["peer.b"].Ledger = &catalog.Ledger{}
			w.replaces = []string{"mirror.app"}
		}, "-/+ mirror.app overwrites public.lines, public.orders; .B156; ?B134"},
		{"a mirror that is made anew while it is on its way", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", addColumn)
			w.has("peer.b", on("begun", x, addColumn))
			w.replaces = []string{"mirror.app"}
		}, "-/+ mirror.app; .B156; !B190"},
		{"two mirrors", func(w *world, t *testing.T) { both(w, t) }, "> ddl.x\nddl.x " + app + " " + second},
		{"through to one of two", func(w *world, t *testing.T) {
			both(w, t)
			w.has("peer.b", on("applied", x, addColumn))
			w.has("peer.c", on("begun", x, addColumn))
		}, "> ddl.x\nddl.x " + app + " " + second + " continues"},
		{"a mirror is named after it ran", func(w *world, t *testing.T) {
			both(w, t)
			w.knows(state.Ready, x, addColumn, "mirror.app")
			w.has("peer.b", on("applied", x, addColumn))
		}, "!B190"},
		{"a mirror is named after it began", func(w *world, t *testing.T) {
			both(w, t)
			w.has("peer.b", on("begun", x, addColumn))
		}, "!B190"},
		{"a mirror is named that was copied after it ran", func(w *world, t *testing.T) {
			both(w, t)
			w.knows(state.Ready, x, addColumn, "mirror.app")
			for i := range w.live["peer.c"].Ledger.Mirrors[0].Members {
				w.live["peer.c"].Ledger.Mirrors[0].Members[i].Point = 200
			}
		}, "nothing"},
		{"a block is taken out", func(w *world, t *testing.T) {
			w.streaming(t)
			w.knows(state.Ready, x, addColumn, "mirror.app")
			w.has("peer.b", on("applied", x, addColumn))
		}, "forget ddl.x\nddl.x " + app},
		{"a block is taken out on its way", func(w *world, t *testing.T) {
			w.streaming(t)
			w.knows(state.Creating, x, addColumn, "mirror.app")
			w.has("peer.b", on("begun", x, addColumn))
		}, "forget ddl.x; !B193\nddl.x " + app},
		{"a block is taken out with its mirror", func(w *world, t *testing.T) {
			w.streaming(t)
			w.knows(state.Ready, x, addColumn, "mirror.app")
			w.has("peer.b", on("applied", x, addColumn))
			w.withoutMirror()
		}, "- mirror.app; forget ddl.x\nddl.x"},
		{"all is destroyed", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", addColumn)
			w.knows(state.Ready, x, addColumn, "mirror.app")
			w.destroy = true
		}, "- mirror.app; forget ddl.x; forget peer.a; forget peer.b\nddl.x"},
		{"its mirrors are destroyed", func(w *world, t *testing.T) {
			w.streaming(t)
			w.knows(state.Ready, x, addColumn, "mirror.app")
			w.destroy, w.targets = true, []string{"mirror.app"}
		}, "- mirror.app; forget ddl.x\nddl.x"},
		{"only a mirror", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", addColumn)
			w.targets = []string{"mirror.app"}
		}, "nothing"},
		{"only a block", func(w *world, t *testing.T) {
			w.streaming(t)
			table(w.src, 21000, "public", "news", "id")
			w.block("x", addColumn)
			w.targets = []string{"ddl.x"}
		}, "> ddl.x\nddl.x " + app},
		{"without its mirror", func(w *world, t *testing.T) { w.block("x", addColumn); w.excludes = []string{"mirror.app"} }, "nothing"},
		{"its target is away", func(w *world, t *testing.T) {
			w.streaming(t)
			w.block("x", addColumn)
			w.targets = []string{"ddl.x"}
			w.live["peer.b"].Err, w.live["peer.b"].Database = hinted{}, nil
		}, "!B101"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := newStream("")
			c.edit(w, t)
			if got := command(w.plan(t)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestWhyForgotten: a block that is still declared is not said to be gone.
func TestWhyForgotten(t *testing.T) {
	for destroy, want := range map[bool]string{true: "everything is to go; nothing runs", false: "it is no longer in the configuration; nothing runs"} {
		w := newStream("")
		w.streaming(t)
		if destroy {
			w.block("x", addColumn)
		}
		w.knows(state.Ready, "ddl.x", addColumn, "mirror.app")
		w.destroy = destroy
		i := slices.IndexFunc(w.plan(t).Changes, func(c planner.Change) bool { return c.Action == planner.Forget })
		if i < 0 || w.plan(t).Changes[i].Reason != want {
			t.Errorf("destroy %v: change %d, want %s", destroy, i, want)
		}
	}
}

// TestOrderOfCommands: as the configuration has it, behind the mirrors.
func TestOrderOfCommands(t *testing.T) {
	w := newStream("")
	w.block("b", addColumn)
	w.block("a", addOther, "depends_on = [ddl.c]")
	w.block("c", addColumn)
	if got := brief(w.plan(t)); !strings.HasPrefix(got, "+ mirror.app; > ddl.b; > ddl.c; > ddl.a;") {
		t.Error(got)
	}
}

// TestHeld: what the source has by a command that is not through yet is no reason to copy.
func TestHeld(t *testing.T) {
	for _, c := range []struct {
		rule string
		edit func(w *world)
		want string
	}{
		{"a table that was created", func(w *world) {
			table(w.src, 21000, "public", "news", "id")
			w.block("x", "CREATE TABLE public.news (id int PRIMARY KEY)", "ran_on_source = true")
		}, "> ddl.x"},
		{"a table that was renamed", func(w *world) {
			find(w.src, 20200).Name = "rows"
			w.block("x", "ALTER TABLE public.lines RENAME TO rows", "ran_on_source = true")
		}, "> ddl.x"},
		{"a table that was dropped", func(w *world) {
			w.src.Relations = w.src.Relations[:2]
			w.block("x", "DROP TABLE public.lines", "ran_on_source = true")
		}, "> ddl.x"},
		{"a column that was added", func(w *world) {
			r := find(w.src, 20200)
			r.Columns = append(r.Columns, catalog.Column{Num: 9, Name: "n", Type: "integer", Binary: true})
			w.ledger().Stream.Halt = &catalog.LedgerHalt{Code: "shape", Text: "no column n"}
			w.block("x", "ALTER TABLE public.lines ADD COLUMN n int", "ran_on_source = true")
		}, "> ddl.x"},
		{"an interrupted one", func(w *world) {
			table(w.src, 21000, "public", "news", "id")
			w.block("x", "CREATE TABLE public.news (id int PRIMARY KEY)")
			w.has("peer.b", on("begun", "ddl.x", "CREATE TABLE public.news (id int PRIMARY KEY)"))
		}, "> ddl.x"},
		{"what is set besides", func(w *world) {
			table(w.src, 21000, "public", "news", "id")
			w.hcl = strings.Replace(w.hcl, "target     = peer.b\n", "target     = peer.b\nstream { max_delay = \"1s\" }\n", 1)
			w.block("x", "CREATE TABLE public.news (id int PRIMARY KEY)", "ran_on_source = true")
		}, "~ mirror.app (stream.max_delay: 100ms -> 1s); > ddl.x"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := streams(t, "")
			c.edit(w)
			if got := works(w.plan(t)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestStaleCommands: a saved plan runs what was reviewed.
func TestStaleCommands(t *testing.T) {
	plan := func(edit func(w *world)) *planner.Plan {
		w := streams(t, "")
		w.block("x", addColumn)
		edit(w)
		return w.plan(t)
	}
	saved := plan(func(*world) {})
	for _, c := range []struct {
		rule string
		edit func(w *world)
		want string
	}{
		{"nothing", func(*world) {}, ""},
		{"sizes", func(w *world) { find(w.src, 20100).Bytes++ }, ""},
		{"an apply began", func(w *world) { w.has("peer.b", on("begun", "ddl.x", addColumn)) }, "ddl.x: what is to be done changed"},
		{"it was applied", func(w *world) { w.knows(state.Ready, "ddl.x", addColumn, "mirror.app") }, "ddl.x: nothing is to be done any more"},
	} {
		if got := strings.Join(planner.Stale(saved, plan(c.edit)), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}
