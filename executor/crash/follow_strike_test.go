package crash_test

import (
	"slices"
	"testing"
	"time"

	"bascule/planner/catalog/pgtest"
)

// strike kills the victim when p has logged a line that begins a moment, brings it
// back, and reports whether the moment came.
//
// A streamer stays dead. What holds or slows a connection is over when strike returns.
func (w *world) strike(t *testing.T, b *blows, m *moment, v victim, p *process, from int) bool {
	t.Helper()
	begins, skip := b.aim(m)
	at := p.await(from, momentComes, begins)
	for ; skip > 0 && at >= 0; skip-- {
		next := p.await(at+1, momentAgain, begins)
		if next < 0 {
			break
		}
		at = next
	}
	if at < 0 || !p.alive() {
		return false
	}
	x := blow{moment: m, victim: v, line: p.since(at)[0]}
	pause := time.Duration(0)
	if b.rng.IntN(2) == 0 {
		pause = b.short(8 * time.Millisecond)
	}
	time.Sleep(pause) // a moment is not only its beginning
	struck := time.Now()
	x.how = w.kill(t, b, v, p)
	x.hit = !slices.ContainsFunc(p.since(at+1), func(line string) bool {
		return m.over(x.line, line) && logged(line).Before(struck.Truncate(time.Millisecond))
	})
	b.list = append(b.list, x)
	t.Logf("%s: %s, %s (hit: %v) %v after: %s", m.name, v, x.how, x.hit, pause.Round(time.Microsecond), x.line)
	return true
}

// How long a moment may take to come, and to come again.
const (
	momentComes = 30 * time.Second
	momentAgain = 300 * time.Millisecond
)

// kill kills, brings back what is no program, and says how it was done.
func (w *world) kill(t *testing.T, b *blows, v victim, p *process) string {
	t.Helper()
	switch v {
	case streamer:
		p.kill()
		return "kill -9"
	case targetServer:
		return w.killServer(t, b, w.target.Cluster)
	case sourceServer:
		return w.killServer(t, b, w.source.Cluster)
	}
	return w.disturb(b)
}

func (w *world) disturb(b *blows) string {
	wires := []struct {
		name string
		*pgtest.Wire
	}{{"to the source", w.toSource}, {"to the target", w.toTarget}}
	one, other := b.rng.IntN(2), b.rng.IntN(6)
	x := wires[one]
	switch other {
	case 0, 1:
		x.Cut()
		return "cut " + x.name
	case 2:
		w.toSource.Cut()
		w.toTarget.Cut()
		return "both cut"
	case 3:
		x.Hold()
		time.Sleep(b.short(1500 * time.Millisecond))
		x.Flow()
		return "held " + x.name
	case 4:
		x.Hold()
		time.Sleep(b.short(1500 * time.Millisecond))
		x.Cut()
		return "held and cut " + x.name
	}
	x.Slow(200 * time.Millisecond)
	time.Sleep(b.short(1500 * time.Millisecond))
	x.Slow(0)
	x.Cut()
	return "slow and cut " + x.name
}

// killServer ends a server at once, mostly without a word to anybody.
func (w *world) killServer(t *testing.T, b *blows, c *pgtest.Cluster) string {
	t.Helper()
	how := "kill -9"
	if b.rng.IntN(4) == 0 {
		how = "stopped"
		c.Stop(t)
	} else {
		c.Kill(t)
	}
	down := b.short(400 * time.Millisecond)
	time.Sleep(down)
	c.Start(t)
	return how
}

// gone waits until no session of the killed is left but such as waits for a lock.
func (w *world) gone(t *testing.T) {
	t.Helper()
	for _, db := range []*pgtest.DB{w.source, w.target} {
		db.Eventually(t, "select count(*) from pg_stat_activity where datname = current_database() and "+ours+" and wait_event_type is distinct from 'Lock'", "0")
	}
}
