package view

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"bascule/executor/progress"
	"bascule/planner/session"
)

// ProgressConfig sets up a Progress. Writer is required.
type ProgressConfig struct {
	Writer io.Writer

	// Terminal draws bars that are redrawn in place; otherwise there is a line
	// every Every.
	Terminal bool

	// Size returns columns and rows of the terminal, asked before each drawing.
	Size func() (columns, rows int)

	Color bool

	// Every is the time between two reports. Default 200 ms on a terminal, 10 s
	// elsewhere.
	Every time.Duration
}

// Progress shows the events of an apply while it runs. It is a progress.Sink and
// an io.Writer: what is written through it, such as the log, does not end up inside
// the bars.
type Progress struct {
	cfg   ProgressConfig
	style style

	mu    sync.Mutex
	tally *tally
	above []string // finished lines that wait to be printed
	drawn int      // lines of bars on the terminal now

	faulted string // the last error that was announced

	// wake is filled when there are lines to print.
	wake chan struct{}
}

// NewProgress returns a Progress that shows nothing until Run.
func NewProgress(cfg ProgressConfig) *Progress {
	if cfg.Every == 0 {
		cfg.Every = 10 * time.Second
		if cfg.Terminal {
			cfg.Every = 200 * time.Millisecond
		}
	}
	return &Progress{cfg: cfg, style: style(cfg.Color), tally: newTally(), wake: make(chan struct{}, 1)}
}

// Event takes one event in; it never waits for the terminal.
func (p *Progress) Event(e progress.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if line := p.announce(e); line != "" {
		p.above = append(p.above, line)
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	p.tally.add(e, time.Now())
}

// Run shows progress until ctx ends, and leaves the terminal without bars.
func (p *Progress) Run(ctx context.Context) {
	tick := time.NewTicker(p.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			p.show(false)
			return
		case <-p.wake:
			if !p.cfg.Terminal { // bars print their lines at the next redraw
				p.show(false)
			}
		case <-tick.C:
			p.show(true)
		}
	}
}

// Write prints text above the bars.
func (p *Progress) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := io.WriteString(p.cfg.Writer, p.erase()); err != nil {
		return 0, err
	}
	return p.cfg.Writer.Write(text)
}

// show prints what waits and, when live, how far things are.
func (p *Progress) show(live bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.erase()
	for _, l := range p.above {
		out += l + "\n"
	}
	p.above = nil
	if live {
		now := time.Now()
		for _, name := range p.tally.order {
			p.tally.mirrors[name].sampled(now)
		}
		out += p.live(now)
	}
	_, _ = io.WriteString(p.cfg.Writer, out)
}

// live renders the bars, or the lines of a report.
func (p *Progress) live(now time.Time) string {
	var out string
	if !p.cfg.Terminal {
		for _, name := range p.tally.order {
			out += reportLine(name, p.tally.mirrors[name], now) + "\n"
		}
		return out
	}
	columns, height := 80, 24
	if p.cfg.Size != nil {
		columns, height = p.cfg.Size()
	}
	lines := bars(p.tally, p.style, now, max(20, columns-1), max(1, height-2))
	for _, l := range lines {
		out += l + "\n"
	}
	p.drawn = len(lines)
	return out
}

// erase takes the bars off the terminal.
func (p *Progress) erase() string {
	if p.drawn == 0 {
		return ""
	}
	out := fmt.Sprintf("\x1b[%dA\r\x1b[J", p.drawn)
	p.drawn = 0
	return out
}

// announce renders an event that is a line of its own, or returns "".
func (p *Progress) announce(e progress.Event) string {
	switch e := e.(type) {
	case progress.ChangeEnded:
		switch {
		case e.Err == nil:
			return fmt.Sprintf("%s: %s in %s", e.Address, doneWord(e.Action), span(e.Took))
		case errors.Is(e.Err, context.Canceled), session.Code(e.Err) == queryCanceled:
			return fmt.Sprintf("%s: stopped after %s", e.Address, span(e.Took))
		}
		return fmt.Sprintf("%s: %s after %s", e.Address, p.style.paint(red, "failed"), span(e.Took))
	case progress.StageStarted:
		if e.Stage == "copy" { // CopyStarted says more
			return ""
		}
		return fmt.Sprintf("%s: %s", addressOf(e.Mirror), e.Stage)
	case progress.CopyStarted:
		return fmt.Sprintf("%s: copying %s, %s", addressOf(e.Mirror), count(e.Tables, "table"), size(e.Bytes))
	case progress.ChunkEnded:
		return p.fault(e.Mirror, e.Err)
	case progress.ObjectEnded:
		return p.fault(e.Mirror, e.Err)
	case progress.Retrying:
		return fmt.Sprintf("%s: %s: %v; trying again in %s", addressOf(e.Mirror), e.What, e.Err, span(e.In))
	case progress.Noted:
		return fmt.Sprintf("%s: %s", addressOf(e.Mirror), e.Text)
	}
	return ""
}

// fault renders an error once: one error ends every table and object of its batch.
func (p *Progress) fault(mirror string, err error) string {
	if !lasting(err) {
		return ""
	}
	line := fmt.Sprintf("%s: %v", addressOf(mirror), err)
	if line == p.faulted {
		return ""
	}
	p.faulted = line
	return line
}

// lasting reports whether an error is worth a line when it happens: it is not when
// the same is tried again, which Retrying tells, or when it was cancelled.
func lasting(err error) bool {
	return err != nil && !errors.Is(err, context.Canceled) && session.Code(err) != queryCanceled && !session.Transient(err)
}

// queryCanceled is the SQLSTATE of a query that a cancel stopped.
const queryCanceled = "57014"
