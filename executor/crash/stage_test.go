package crash_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// stage is a part of the work that begins with a line of the debug log.
type stage struct {
	name  string
	lines int           // how many such lines a run has, about
	lasts time.Duration // at most so long after the line the program is killed
	match func(line string) bool
	once  bool // need not be hit more often
}

// stages in which the program is killed. The first whose match is true is the
// line's.
var stages = []*stage{
	{"state save", 8, time.Millisecond, message("state save begins"), false},
	{"archive read", 1, 20 * time.Millisecond, message("archive read begins"), false},
	{"schema", 1, 20 * time.Millisecond, both(message("stage begins"), attribute("stage", `"create the schema"`)), true},
	{"chunk", 12, 20 * time.Millisecond, message("chunk begins"), false},
	{"foreign key", 5, 20 * time.Millisecond, both(message("object begins"), object("fk constraint ", "validate fk constraint ")), false},
	{"index", 6, 20 * time.Millisecond, both(message("object begins"), object("index ", "constraint ")), false},
	{"finish", 1, 20 * time.Millisecond, both(message("stage begins"), attribute("stage", "finish")), false},
	{"sequences", 1, 2 * time.Millisecond, both(message("object begins"), object("set sequences")), false},
	{"refresh", 1, 20 * time.Millisecond, message("refresh begins"), true},
}

func message(text string) func(string) bool { return attribute("msg", `"`+text+`"`) }

func attribute(key, value string) func(string) bool {
	return func(line string) bool { return strings.Contains(line+" ", " "+key+"="+value+" ") }
}

// object matches lines about objects whose names begin so.
func object(prefixes ...string) func(string) bool {
	return func(line string) bool {
		_, name, _ := strings.Cut(line, ` object="`)
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
}

func both(f, g func(string) bool) func(string) bool {
	return func(line string) bool { return f(line) && g(line) }
}

// stageOf returns the stage that a line begins, or nil.
func stageOf(line string) *stage {
	for _, s := range stages {
		if s.match(line) {
			return s
		}
	}
	return nil
}

// aim is a moment: so long after the nth line that begins the stage.
type aim struct {
	stage *stage
	nth   int
	delay time.Duration
}

// hits is the log of what was hit.
type hits struct {
	rng  *rand.Rand
	each int // hits that a stage needs
	list []hit
}

type hit struct {
	aim
	last *stage // that had begun last when the program died
}

// counts: the program died in the stage that was aimed at. After a delay it may have
// been in another.
func (h hit) counts() bool { return h.delay == 0 || h.last == h.stage }

func (hs *hits) of(s *stage) (n int) {
	for _, h := range hs.list {
		if h.stage == s && h.counts() {
			n++
		}
	}
	return n
}

// lacking returns the stages that were not hit often enough yet.
func (hs *hits) lacking() []*stage {
	var list []*stage
	for _, s := range stages {
		if n := hs.of(s); n == 0 || n < hs.each && !s.once {
			list = append(list, s)
		}
	}
	return list
}

// next aims at a stage that lacks hits, at the very line or a little later.
func (hs *hits) next() aim {
	from := hs.lacking()
	if len(from) == 0 {
		from = stages
	}
	a := aim{stage: from[hs.rng.IntN(len(from))]}
	a.nth = 1 + hs.rng.IntN(a.stage.lines)
	if hs.rng.IntN(2) == 0 {
		a.delay = time.Duration(hs.rng.Int64N(int64(a.stage.lasts)))
	}
	return a
}

// String lists the stages, how often each was hit, and how.
func (hs *hits) String() string {
	var b strings.Builder
	for _, s := range stages {
		fmt.Fprintf(&b, "%-12s %d hits:", s.name, hs.of(s))
		for _, h := range hs.list {
			if h.stage != s {
				continue
			}
			fmt.Fprintf(&b, " line %d", h.nth)
			if h.delay > 0 {
				fmt.Fprintf(&b, " +%.1f ms", float64(h.delay.Microseconds())/1000)
			}
			if !h.counts() {
				fmt.Fprintf(&b, " (was in %s)", h.last.name)
			}
			b.WriteString(";")
		}
		b.WriteString("\n")
	}
	return b.String()
}
