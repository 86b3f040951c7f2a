package view

import (
	"fmt"

	"bascule/config/pgname"
	"bascule/planner"
)

// workList renders what is done to tables of a mirror that streams; those that stay as
// they are are not named.
func workList(tables []planner.Table) []string {
	signs := map[string]string{planner.WorkAdd: "+", planner.WorkAgain: "~", planner.WorkRemove: "-"}
	var g grid
	g.right(1, 2)
	changed, kept := 0, 0
	for _, t := range tables {
		switch {
		case t.Work == "" && t.Follow == planner.FollowNone:
			continue
		case t.Work == "":
			kept++
			continue
		case t.Work == planner.WorkRemove:
			g.add(signs[t.Work]+" "+pgname.Shown(t.Schema, t.Name), "", "", "followed no longer; its rows stay", "")
		default:
			row := tableRow(t)
			row[0] = signs[t.Work] + " " + row[0]
			if t.Work == planner.WorkAgain {
				row[3] = joined("copied again", row[3])
			}
			g.add(row...)
		}
		changed++
	}
	if changed == 0 {
		return nil
	}
	lines := g.lines("   ")
	out := []string{"~ tables = ["}
	for _, l := range lines[:min(len(lines), tablesShown)] {
		out = append(out, "    "+l)
	}
	if rest := len(lines) - tablesShown; rest > 0 {
		out = append(out, fmt.Sprintf("    # and %s: bascule plan -json lists every one", count(rest, "table")))
	}
	if kept > 0 {
		out = append(out, "    # "+streamsOn(kept))
	}
	return append(out, "  ]")
}

func streamsOn(n int) string {
	if n == 1 {
		return "1 table streams on"
	}
	return grouped(int64(n)) + " tables stream on"
}

func joined(a, b string) string {
	if b == "" {
		return a
	}
	return a + ", " + b
}

// streamComments say what a mirror has on its source, how much is copied, and what
// comes then.
func (t *planWriter) streamComments(c *planner.Change) []string {
	m := c.Mirror
	var out []string
	copied := fmt.Sprintf("copy %s with %s", size(m.Bytes), count(m.Options.Workers, "worker"))
	some := len(m.Tables) > 0 && (m.Bytes > 0 || m.Rows > 0)
	if m.Stream == nil {
		if some {
			out = append(out, "# "+copied+", once")
		}
		return out
	}
	switch s := m.Stream; {
	case m.AdoptFrom != "":
	case c.Action == planner.Update && some:
		out = append(out, "# "+copied+", while the others stream on")
	case c.Action == planner.Update:
	default:
		out = append(out, t.comment(onSource(s, m.Source), 6))
		switch {
		case !s.InitialCopy:
			copied = "copy nothing"
		case m.Resume:
			copied = "copy what is not copied yet of " + size(m.Bytes) + " with " + count(m.Options.Workers, "worker")
		}
		then := ", then stream"
		switch {
		case s.Paused:
			then = ", then stand still: it is paused"
		case s.Engine != "":
			then = ", then hand over to " + engineName(s.Engine, s.Subscription)
		}
		out = append(out, t.comment(copied+then, 6))
	}
	return out
}

// onSource names slot and publications.
func onSource(s *planner.Stream, source string) string {
	published := "2 publications"
	if !s.OwnPublications {
		published = "publication " + s.Publication + ", which is there"
		if s.Inserts != "" {
			published = "publications " + s.Publication + " and " + s.Inserts + ", which are there"
		}
	}
	slot := "slot " + s.Slot
	if !s.OwnSlot {
		slot += ", which is there,"
	}
	return slot + " and " + published + " on " + source
}
