package view

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// size writes bytes as PostgreSQL counts them, 1024 to a kB, so that numbers agree
// with psql's: 6.4 GB.
func size(bytes int64) string {
	value, unit := float64(bytes), 0
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	for math.Abs(value) >= 1023.95 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

// rows writes an estimate of rows: ~22.0 M rows. A negative one is not known.
func rows(estimate float64) string {
	if estimate < 0 {
		return "? rows"
	}
	if estimate == 1 {
		return "~1 row"
	}
	return "~" + thousands(estimate) + " rows"
}

// thousands writes a number with three digits or so: 950, 9.8 k, 22.0 M.
func thousands(n float64) string {
	unit := 0
	units := []string{"", " k", " M", " G", " T"}
	for n >= 999.95 && unit < len(units)-1 {
		n /= 1000
		unit++
	}
	if unit == 0 {
		return fmt.Sprintf("%.0f", n)
	}
	return fmt.Sprintf("%.1f%s", n, units[unit])
}

// count writes a whole number with its noun: 1 table, 12 indexes.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(int64(n)) + " " + plural(noun)
}

// grouped writes a whole number with commas: 96,301,112.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// plural of an object kind.
func plural(noun string) string {
	switch {
	case strings.HasSuffix(noun, "data"), strings.HasSuffix(noun, "statistics"):
		return noun
	case strings.HasSuffix(noun, "y") && !strings.HasSuffix(noun, "ey"):
		return noun[:len(noun)-1] + "ies"
	case strings.HasSuffix(noun, "s"), strings.HasSuffix(noun, "x"), strings.HasSuffix(noun, "ch"):
		return noun + "es"
	}
	return noun + "s"
}

// span writes a duration in two units at most: 4m10s, 2h05m, 850ms.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", max(0, d.Milliseconds()))
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 100*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// share is done of total in percent, never 100 before all is done.
func share(done, total int64) int {
	if total <= 0 || done >= total {
		return 100
	}
	return min(99, int(float64(done)/float64(total)*100))
}
