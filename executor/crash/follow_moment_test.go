package crash_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"bascule/planner/catalog"
)

// moment is a stage of following, that lines of the log begin and end.
type moment struct {
	name   string
	begins []func(line string) bool // one of them is aimed at

	// over reports whether the stage that a line began is over with a later one.
	over func(began, line string) bool
}

// Moments at which something is killed.
var (
	copying = &moment{"copy", []func(string) bool{
		message("chunk begins"), message("chunk begins"), message("object begins"), stageBegins("take a snapshot"), stageBegins("create slot"),
	}, byLine(stageBegins("build beside the stream"))}

	handOver = &moment{"hand-over", []func(string) bool{both(message("hand-over begins"), attribute("mirror", "app"))}, byLine(never)}

	midBatch = &moment{"mid batch", []func(string) bool{message("batch begins"), message("batch sent")},
		func(began, line string) bool { return message("batch committed")(line) && lsnOf(line) >= lsnOf(began) }}

	unacknowledged = &moment{"between commit and acknowledgement", []func(string) bool{message("batch committed")},
		func(began, line string) bool {
			return message("position acknowledged")(line) && lsnOf(line) >= lsnOf(began)
		}}

	addition = &moment{"table addition", []func(string) bool{
		message("wait out begins"), stageBegins("take a snapshot"), message("chunk begins"), message("object begins"), sideStream(message("batch sent")),
	}, byLine(message("hand-over begins"))}

	takeOver = &moment{"take-over", []func(string) bool{both(message("stream begins"), notSide)}, byLine(message("batch committed"))}
)

var moments = []*moment{copying, handOver, midBatch, unacknowledged, addition, takeOver}

func byLine(match func(string) bool) func(string, string) bool {
	return func(_, line string) bool { return match(line) }
}

func never(string) bool { return false }

func stageBegins(text string) func(string) bool {
	return func(line string) bool {
		return message("stage begins")(line) && (strings.Contains(line, ` stage="`+text) || strings.Contains(line+" ", " stage="+text+" "))
	}
}

func sideStream(match func(string) bool) func(string) bool {
	return func(line string) bool { return match(line) && strings.Contains(line, " stream=side ") }
}

func notSide(line string) bool { return !strings.Contains(line, " stream=side ") }

// lsnOf reads the LSN that a line is about.
func lsnOf(line string) catalog.LSN {
	_, rest, _ := strings.Cut(line, " lsn=")
	text, _, _ := strings.Cut(rest, " ")
	at, _ := catalog.ParseLSN(text)
	return at
}

// victim is what is killed.
type victim string

const (
	streamer     victim = "streamer"
	targetServer victim = "target server"
	sourceServer victim = "source server"
	connection   victim = "connection"
)

var victims = []victim{streamer, targetServer, sourceServer, connection}

// blow is one thing that was killed at one moment.
type blow struct {
	*moment
	victim
	how  string
	hit  bool // the moment was not over
	line string
}

// blows is the log of what was hit.
type blows struct {
	rng  *rand.Rand
	each int // hits that each pair needs
	list []blow
}

func (b *blows) of(m *moment, v victim) (n int) {
	for _, x := range b.list {
		if x.moment == m && x.victim == v && x.hit {
			n++
		}
	}
	return n
}

// lacking returns the victims that were not hit often enough at a moment, in random
// order.
func (b *blows) lacking(m *moment) []victim {
	list := slices.DeleteFunc(slices.Clone(victims), func(v victim) bool { return b.of(m, v) >= b.each })
	b.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// aim chooses one of the lines that begin a moment, and how many of them are passed.
func (b *blows) aim(m *moment) (begins func(string) bool, skip int) {
	return m.begins[b.rng.IntN(len(m.begins))], b.rng.IntN(3)
}

// short is a random time up to a limit.
func (b *blows) short(limit time.Duration) time.Duration {
	return time.Duration(b.rng.Int64N(int64(limit)))
}

func (b *blows) String() string {
	var text strings.Builder
	for _, m := range moments {
		for _, v := range victims {
			fmt.Fprintf(&text, "%-35s %-14s %d hits:", m.name, v, b.of(m, v))
			for _, x := range b.list {
				if x.moment != m || x.victim != v {
					continue
				}
				fmt.Fprintf(&text, " %s", x.how)
				if !x.hit {
					text.WriteString(" (too late)")
				}
				text.WriteString(";")
			}
			text.WriteString("\n")
		}
	}
	return text.String()
}
