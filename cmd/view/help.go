package view

import (
	"fmt"
	"strings"
)

// HelpPage describes a command, or the program.
type HelpPage struct {
	Usage string // bascule plan [flags]
	About string

	// Commands, Flags and Global are pairs of a form and what it does.
	Commands, Flags, Global [][2]string

	// Examples are pairs of a command line and what it is for.
	Examples [][2]string
}

// Help shows a page.
func (s *Screen) Help(p HelpPage) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", s.out.paint(bold, "Usage:"), p.Usage)
	if p.About != "" {
		fmt.Fprintf(&b, "\n%s\n", wrap(p.About, min(s.width, 80)))
	}
	s.pairs(&b, "Commands", p.Commands)
	s.pairs(&b, "Flags", p.Flags)
	s.pairs(&b, "Global flags, before or after the command", p.Global)
	if len(p.Examples) > 0 {
		fmt.Fprintf(&b, "\n%s\n", s.out.paint(bold, "Examples:"))
		for _, e := range p.Examples {
			fmt.Fprintf(&b, "  # %s\n  %s\n", e[1], e[0])
		}
	}
	return s.Text(b.String())
}

func (s *Screen) pairs(b *strings.Builder, title string, list [][2]string) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", s.out.paint(bold, title+":"))
	var g grid
	for _, p := range list {
		g.add("  "+p[0], p[1])
	}
	for _, l := range g.lines("   ") {
		fmt.Fprintln(b, l)
	}
}
