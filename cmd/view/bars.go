package view

import (
	"fmt"
	"strings"
	"time"
)

// bars renders the whole of each mirror, its tables in work, and what is being
// built, in at most height lines of width columns.
func bars(t *tally, s style, now time.Time, width, height int) []string {
	var lines []string
	for _, name := range t.order {
		lines = append(lines, mirrorBars(name, t.mirrors[name], s, now, width)...)
	}
	if len(lines) > height {
		hidden := len(lines) - height + 1
		lines = append(lines[:height-1], fmt.Sprintf("  and %d more", hidden))
	}
	for i, l := range lines {
		lines[i] = cut(l, width)
	}
	return lines
}

func mirrorBars(name string, m *mirrorTally, s style, now time.Time, width int) []string {
	if m.tables == 0 && m.bytes == 0 {
		return append([]string{fmt.Sprintf("%s  %s  %s", name, m.stage, span(now.Sub(m.began)))}, buildBars(m, s, now, width)...)
	}
	carried := m.carried()
	whole := fmt.Sprintf("  %3d %%  %s of %s", share(carried, m.bytes), size(carried), size(m.bytes))
	if rate := m.rate(); rate > 0 {
		whole += fmt.Sprintf("  %s/s", size(int64(rate)))
		if left := m.remaining(); left > 0 {
			whole += "  " + span(left) + " left"
		}
	}
	lines := []string{
		name + "  " + bar(carried, m.bytes, barWidth(width, runes(name)+2+runes(whole)), s, green) + whole,
		fmt.Sprintf("  %d of %s, %d of %s, %s", len(m.copied), count(m.tables, "table"), m.built, count(m.objects, "object"), span(now.Sub(m.began))),
	}
	lines = append(lines, tableBars(m, s, width)...)
	return append(lines, buildBars(m, s, now, width)...)
}

func tableBars(m *mirrorTally, s style, width int) []string {
	label := 0
	for _, w := range m.work {
		if w.parts > 0 {
			label = max(label, runes(w.name))
		}
	}
	label = min(label, width/2)
	var lines []string
	for _, w := range m.work {
		if w.parts <= 0 {
			continue
		}
		done := min(w.done+m.flight(w), w.bytes)
		text := fmt.Sprintf("  %3d %%  %s of %s", share(done, w.bytes), size(done), size(w.bytes))
		lines = append(lines, "  "+left(cut(w.name, label), label)+"  "+bar(done, w.bytes, barWidth(width, label+4+runes(text)), s, cyan)+text)
	}
	return lines
}

func buildBars(m *mirrorTally, s style, now time.Time, width int) []string {
	var lines []string
	for _, b := range m.builds {
		label := "  " + b.label()
		text := "  " + span(now.Sub(b.began))
		if b.phase != "" {
			text += "  " + b.phase
		}
		if b.total > 0 {
			text = fmt.Sprintf("  %3d %%", share(b.done, b.total)) + text
			lines = append(lines, label+"  "+bar(b.done, b.total, barWidth(width, runes(label)+2+runes(text)), s, yellow)+text)
			continue
		}
		lines = append(lines, label+text)
	}
	return lines
}

// barWidth is what is left of a line beside its text, within reason.
func barWidth(width, text int) int { return min(30, width-text) }

// bar draws [====>   ] in width columns, or nothing where there is no room.
func bar(done, total int64, width int, s style, color string) string {
	if width < 6 {
		return ""
	}
	inner := width - 2
	filled := inner
	if total > 0 {
		filled = int(float64(min(done, total)) / float64(total) * float64(inner))
	}
	body := strings.Repeat("=", filled)
	if filled < inner {
		body += ">" + strings.Repeat(" ", inner-filled-1)
	}
	return "[" + s.paint(color, body) + "]"
}

// cut shortens a line to width columns; colour codes take no room and stay whole.
func cut(line string, width int) string {
	var b strings.Builder
	used, code, painted := 0, false, false
	for _, r := range line {
		switch {
		case r == '\x1b':
			code, painted = true, true
		case code:
			code = r != 'm'
		case used == width:
			if painted {
				b.WriteString("\x1b[0m")
			}
			return b.String()
		default:
			used++
		}
		b.WriteRune(r)
	}
	return b.String()
}

// reportLine is the line of a mirror where there is no terminal.
func reportLine(name string, m *mirrorTally, now time.Time) string {
	if m.tables == 0 && m.bytes == 0 {
		return fmt.Sprintf("%s: %s, %s%s", name, m.stage, span(now.Sub(m.began)), building(m))
	}
	carried := m.carried()
	line := fmt.Sprintf("%s: %d of %s, %s of %s (%d %%), %d of %s", name, len(m.copied), count(m.tables, "table"),
		size(carried), size(m.bytes), share(carried, m.bytes), m.built, count(m.objects, "object"))
	if rate := m.rate(); rate > 0 {
		line += fmt.Sprintf(", %s/s", size(int64(rate)))
		if left := m.remaining(); left > 0 {
			line += ", " + span(left) + " left"
		}
	}
	return line + building(m)
}

// building names what is being built, and how far it is where that is known.
func building(m *mirrorTally) string {
	var names []string
	for _, b := range m.builds[:min(3, len(m.builds))] {
		text := b.label()
		if b.total > 0 {
			text += fmt.Sprintf(" (%d %%)", share(b.done, b.total))
		}
		names = append(names, text)
	}
	if len(names) == 0 {
		return ""
	}
	if rest := len(m.builds) - len(names); rest > 0 {
		names = append(names, fmt.Sprintf("%d more", rest))
	}
	return "; building " + strings.Join(names, ", ")
}
