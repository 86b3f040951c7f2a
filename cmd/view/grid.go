package view

import "strings"

// grid lines up cells in columns.
type grid struct {
	cells   [][]string
	flushed map[int]bool // columns that are right-aligned
}

// right makes columns right-aligned.
func (g *grid) right(columns ...int) {
	g.flushed = map[int]bool{}
	for _, c := range columns {
		g.flushed[c] = true
	}
}

func (g *grid) add(cells ...string) { g.cells = append(g.cells, cells) }

// lines renders the rows with gap between two columns. Columns that are empty in
// every row take no room, and no line ends in spaces.
func (g *grid) lines(gap string) []string {
	var widths []int
	for _, row := range g.cells {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], runes(c))
		}
	}
	out := make([]string, 0, len(g.cells))
	for _, row := range g.cells {
		var parts []string
		for i, c := range row {
			switch {
			case widths[i] == 0:
			case g.flushed[i]:
				parts = append(parts, right(c, widths[i]))
			default:
				parts = append(parts, left(c, widths[i]))
			}
		}
		out = append(out, strings.TrimRight(strings.Join(parts, gap), " "))
	}
	return out
}
