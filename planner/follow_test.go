package planner_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
)

// followed writes what is followed of each table: all and its key, inserts, or none.
func followed(m *planner.Mirror) string {
	var parts []string
	for _, t := range m.Tables {
		text := t.Name + " " + t.Follow
		if t.Follow == planner.FollowAll {
			text += fmt.Sprint(t.Key)
		}
		for _, n := range t.Notes {
			text += fmt.Sprintf(" (%s %s)", n.Text, n.Code)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func TestFollow(t *testing.T) {
	const rest = "lines all[id]; orders all[id]"
	whole := func(w *world, edit func(x *catalog.Index)) {
		keyless(w.src, 20900, "public", "t", "a", "b")
		find(w.src, 20900).Columns[0].NotNull = true
		x := index(w.src, 20901, 20900, "t_a", 1)
		x.ReplicaIdentity = true
		find(w.src, 20900).ReplicaIdentity = 'i'
		if edit != nil {
			edit(x)
		}
	}
	for _, c := range []struct {
		rule, body string
		edit       func(w *world)
		want       string
	}{
		{"a primary key", "", nil, rest},
		{"no key", "", func(w *world) { keyless(w.src, 20900, "public", "t", "a") }, rest + "; t inserts (no primary key, inserts only B102)"},
		{"identity nothing", "", func(w *world) { find(w.src, 20100).ReplicaIdentity = 'n' }, "lines all[id]; orders inserts (no usable replica identity, inserts only B102)"},
		{"a deferrable primary key", "", func(w *world) { w.src.Indexes[0].Immediate = false }, "lines all[id]; orders inserts (no usable replica identity, inserts only B102)"},
		{"an invalid primary key", "", func(w *world) { w.src.Indexes[0].Valid = false }, "lines all[id]; orders inserts (no usable replica identity, inserts only B102)"},
		{"full with a primary key is found by it", "", func(w *world) { find(w.src, 20100).ReplicaIdentity = 'f' }, rest},
		{"full without a key is found whole", "", func(w *world) { keyless(w.src, 20900, "public", "t", "a").ReplicaIdentity = 'f' },
			rest + "; t all[] (no key, whole rows are compared B157)"},
		{"full on demand", "table \"public.t\" {\nreplica_identity = \"full\"\n}", func(w *world) { keyless(w.src, 20900, "public", "t", "a") },
			rest + "; t all[] (no key, whole rows are compared B157)"},
		{"an index", "", func(w *world) { whole(w, nil) }, rest + "; t all[a]"},
		{"an index on demand, in its order", "table \"public.orders\" {\nreplica_identity = \"index:o\"\n}", func(w *world) {
			find(w.src, 20100).Columns[1].NotNull = true
			index(w.src, 20109, 20100, "o", 2, 1)
		}, "lines all[id]; orders all[note id]"},
		{"an index that is dropped", "", func(w *world) { whole(w, func(x *catalog.Index) { x.ReplicaIdentity = false }) },
			rest + "; t inserts (no usable replica identity, inserts only B102)"},
		{"an unlogged table", "", func(w *world) { find(w.src, 20100).Persistence = 'u' }, "lines all[id]; orders none (copied once, not followed B156)"},
		{"an extension's table", "", func(w *world) {
			r := keyless(w.src, 20900, "public", "t", "a")
			r.Extension, r.ConfigTable = "ext", true
		}, rest + "; t none (copied once, not followed B156)"},
		{"partitions are followed each", "", func(w *world) { parted(w) }, "lines all[id]; m none; m_1 all[id]; m_2 all[id]; orders all[id]"},
		{"or as their root", "stream { publish_via_partition_root = true }", func(w *world) { parted(w) }, "lines all[id]; m all[id]; m_1 none; m_2 none; orders all[id]"},
		{"partitions of other keys", "stream { publish_via_partition_root = true }", func(w *world) {
			parted(w)
			find(w.src, 21200).ReplicaIdentity = 'n'
		}, "lines all[id]; m inserts (no usable replica identity, inserts only B102); m_1 none; m_2 none; orders all[id]"},
	} {
		w := newStream(c.body)
		if c.edit != nil {
			c.edit(w)
		}
		if got := followed(w.plan(t).Changes[0].Mirror); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.rule, got, c.want)
		}
	}
}

// parted adds a partitioned table with two partitions.
func parted(w *world) {
	for i, name := range []string{"m", "m_1", "m_2"} {
		table(w.src, uint32(21000+100*i), "public", name, "id")
	}
	partitioned(w.src, 21000, 21100, 21200)
}

func TestStreamOfAPlan(t *testing.T) {
	for _, c := range []struct {
		rule, body string
		edit       func(w *world)
		want       string
	}{
		{"made", "", nil, "slot bascule_app_9d7f0c6e pubs bascule_app_9d7f0c6e bascule_app_9d7f0c6ei own true true binary true failover false replica role true copy true delay 100 halt declared"},
		{"named", "stream {\nslot = \"s\"\npublications = [\"p\"]\nddl = \"halt\"\nmissing_row = \"skip\"\nmax_delay = \"1s\"\n}", func(w *world) {
			w.live["peer.a"].Slots = []catalog.Slot{{Name: "s", Plugin: "pgoutput", Database: "app"}}
		}, "slot s pubs p  own false false binary true failover false replica role true copy true delay 1000 skip halt"},
		{"17 has failover slots", "", func(w *world) { w.src.Version.Num = 170010 },
			"slot bascule_app_9d7f0c6e pubs bascule_app_9d7f0c6e bascule_app_9d7f0c6ei own true true binary true failover true replica role true copy true delay 100 halt declared"},
		{"13 has no binary form", "initial_copy = false", func(w *world) { w.src.Version.Num = 130010 },
			"slot bascule_app_9d7f0c6e pubs bascule_app_9d7f0c6e bascule_app_9d7f0c6ei own true true binary false failover false replica role true copy false delay 100 halt declared"},
		{"a type that does not travel", "", func(w *world) { find(w.src, 20100).Columns[1].Binary = false },
			"slot bascule_app_9d7f0c6e pubs bascule_app_9d7f0c6e bascule_app_9d7f0c6ei own true true binary false failover false replica role true copy true delay 100 halt declared"},
		{"unless it is not followed", "", func(w *world) {
			find(w.src, 20100).Columns[1].Binary = false
			find(w.src, 20100).Persistence = 'u'
		}, "slot bascule_app_9d7f0c6e pubs bascule_app_9d7f0c6e bascule_app_9d7f0c6ei own true true binary true failover false replica role true copy true delay 100 halt declared"},
	} {
		w := newStream(c.body)
		if c.edit != nil {
			c.edit(w)
		}
		s := w.plan(t).Changes[0].Mirror.Stream
		got := fmt.Sprintf("slot %s pubs %s %s own %t %t binary %t failover %t replica role %t copy %t delay %d %s %s", s.Slot, s.Publication, s.Inserts, s.OwnSlot, s.OwnPublications,
			s.Binary, s.Failover, s.ReplicaRole, s.InitialCopy, s.MaxDelayMillis, s.MissingRow, s.DDL)
		if got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.rule, got, c.want)
		}
	}
}

func TestStreamNamesHoldTheLineage(t *testing.T) {
	seen := map[string]string{}
	long := strings.Repeat("a", 70)
	for _, address := range []string{"mirror.app", "mirror.my_app", `mirror.app["eu"]`, `mirror.app["EU"]`, "mirror.a-b", "mirror.a_b", "mirror." + long, "mirror." + long + "b", "mirror.été"} {
		slot, publication, inserts := planner.StreamNames(lineage, address)
		for _, name := range []string{slot, publication, inserts} {
			if len(name) > 63 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || !strings.HasPrefix(name, "bascule_") || !strings.Contains(name, "_9d7f0c6e") {
				t.Errorf("%s: %q", address, name)
			}
			if other := seen[name]; other != "" && other != address {
				t.Errorf("%q is of %s and of %s", name, other, address)
			}
			seen[name] = address
		}
		if slot == inserts {
			t.Errorf("%s: %s twice", address, slot)
		}
	}
}
