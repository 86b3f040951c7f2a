package cli

import (
	"fmt"
	"strings"
	"time"

	"bascule/cmd/view"
	"bascule/config"
)

// exitTimeout is the exit code of a wait that ended too early.
const exitTimeout = 8

// goal is what status -wait waits for.
type goal struct {
	maxLag  int64
	timeout time.Duration // 0: for ever
}

// goal reads the flags of -wait; nil without it.
func (c *call) goal() (*goal, error) {
	wait := c.flags.String("wait")
	switch {
	case wait == "" && (c.flags.IsSet("max-lag") || c.flags.IsSet("timeout")):
		return nil, usagef("-max-lag and -timeout say what -wait=streaming waits for, and are nothing without it")
	case wait == "":
		return nil, nil
	case wait != "streaming":
		return nil, usagef("-wait=%s is nothing to wait for; there is -wait=streaming", wait)
	}
	lag, err := config.ParseSize(c.flags.String("max-lag"))
	if err != nil {
		return nil, usagef("-max-lag: %v", err)
	}
	return &goal{maxLag: lag, timeout: c.flags.Duration("timeout")}, nil
}

// reached reports whether the report is what is waited for; without a goal any is. It
// returns an error when waiting is of no use: time is over, or a mirror has halted.
func (g *goal) reached(r view.StatusReport, waited time.Duration) (bool, error) {
	if g == nil {
		return true, nil
	}
	var missing string
	var servers *view.EngineStatus
	for i := range r.Mirrors {
		m := &r.Mirrors[i]
		if m.Stream != nil && m.Stream.Halt != nil {
			return false, &haltedError{address: m.Address, halt: m.Stream.Halt}
		}
		if missing == "" && !g.there(m) {
			missing = fmt.Sprintf("%s is %s", m.Address, m.Phase)
			if m.Stream != nil && m.Stream.LagBytes != nil {
				missing += fmt.Sprintf(", %d bytes behind", *m.Stream.LagBytes)
			}
			if m.Stream != nil && m.Stream.Engine != nil {
				servers = m.Stream.Engine
				if len(m.Stream.Engine.Causes) > 0 {
					missing += ": " + strings.Join(m.Stream.Engine.Causes, "; ")
				}
			}
		}
	}
	if missing != "" && g.timeout > 0 && waited >= g.timeout {
		return false, &timeoutError{missing: missing, servers: servers, after: g.timeout}
	}
	return missing == "", nil
}

// there reports whether a mirror is where it is to be.
func (g *goal) there(m *view.MirrorStatus) bool {
	if m.Stream == nil {
		return m.Finished != nil && m.Phase == "copied"
	}
	switch m.Phase {
	case view.PhaseStreaming, view.PhaseCatchingUp:
		return m.Stream.LagBytes != nil && *m.Stream.LagBytes <= g.maxLag
	}
	return false
}

// timeoutError is a wait that was not long enough.
type timeoutError struct {
	missing string
	servers *view.EngineStatus // that move the mirror which is missing, or nil
	after   time.Duration
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("after %s, %s", e.after, e.missing)
}

// Hint says what the operator can do about it.
func (e *timeoutError) Hint() string {
	switch {
	case e.servers == nil || !e.servers.Handed:
	case e.servers.Remedy != "":
		return e.servers.Remedy
	default:
		return "its servers go on with it by themselves; wait again, or look on with: bascule status -watch"
	}
	return "work goes on, if anybody works on it; wait again, or look on with: bascule status -watch"
}

// ExitCode is the command's exit code.
func (e *timeoutError) ExitCode() int { return exitTimeout }

// haltedError is a mirror that was waited for and stands still.
type haltedError struct {
	address string
	halt    *view.HaltStatus
}

func (e *haltedError) Error() string { return e.address + " has halted: " + e.halt.Text }

// Hint says what the operator can do about it.
func (e *haltedError) Hint() string { return e.halt.Remedy }
