package view

import "strings"

// style paints text, or does not.
type style bool

const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint puts text into a colour.
func (s style) paint(color, text string) string {
	if !s || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// wrap breaks text at spaces so that no line is wider than width. Lines that begin
// with a space are commands or lists, and stay as they are.
func wrap(text string, width int) string {
	var out []string
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(line, " ") {
			out = append(out, line)
			continue
		}
		out = append(out, wrapLine(line, width)...)
	}
	return strings.Join(out, "\n")
}

func wrapLine(line string, width int) []string {
	var out []string
	var current string
	for word := range strings.FieldsSeq(line) {
		switch {
		case current == "":
			current = word
		case runes(current)+1+runes(word) > width:
			out = append(out, current)
			current = word
		default:
			current += " " + word
		}
	}
	return append(out, current)
}

// indent puts prefix before every line that is not empty.
func indent(text, prefix string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = prefix + l
		}
	}
	return strings.Join(lines, "\n")
}

func runes(s string) int { return len([]rune(s)) }

// left and right pad text to width columns.
func left(s string, width int) string { return s + strings.Repeat(" ", max(0, width-runes(s))) }

func right(s string, width int) string { return strings.Repeat(" ", max(0, width-runes(s))) + s }
