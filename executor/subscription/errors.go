package subscription

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/planner/session"
)

// ReachError reports that the target's server could not make a subscription: mostly
// because it does not reach the source. It holds no password, in text or in any field of
// its chain.
type ReachError struct {
	From, To string // peers
	Endpoint string // where it looked for the source: host:port/database
	Err      error
}

func (e *ReachError) Error() string {
	text := e.Err.Error()
	var server *pgconn.PgError
	if errors.As(e.Err, &server) { // libpq writes several lines
		text = strings.Join(strings.Fields(server.Error()), " ")
	}
	return fmt.Sprintf("subscribe, on the server of %s, to %s at %s: %s", e.From, e.To, e.Endpoint, text)
}

func (e *ReachError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *ReachError) Hint() string {
	var silent *session.SilentError
	switch code := session.Code(e.Err); {
	case strings.HasPrefix(code, "08"), errors.As(e.Err, &silent):
		return fmt.Sprintf("the server of %s connects by itself: say in a from_server block of %s how it reaches that (host, port, user, password, sslmode), let the address through firewalls "+
			"and the source's pg_hba.conf, for that database, and give the role REPLICATION", e.From, e.To)
	case code == "42501":
		return fmt.Sprintf("the role of %s has to be a superuser up to PostgreSQL 15; from 16 on GRANT pg_create_subscription to it, and CREATE on the database", e.From)
	case code == "2F003":
		return fmt.Sprintf("for a role of %s that is no superuser the source has to ask for a password, and %s, or its from_server block, has to give one", e.From, e.To)
	case code == "42P01":
		return "the target lacks a table that the publications have: copy it again, or take it out of the publication"
	}
	return ""
}

// ForeignError reports a subscription of the mirror's name that has another slot or other
// publications.
type ForeignError struct{ Name, Peer string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("subscription %q on %s is not the mirror's: it has another slot or other publications", e.Name, e.Peer)
}

// Hint says what the operator can do about it.
func (e *ForeignError) Hint() string { return "if nobody needs it, drop it by hand" }

// GoneError reports that the subscription that moved a mirror's rows is not there any
// more, and with it where it stood.
type GoneError struct{ Name, Peer string }

func (e *GoneError) Error() string {
	return fmt.Sprintf("subscription %q is gone from %s, and with it up to where the rows of the source had arrived", e.Name, e.Peer)
}

// Hint says what the operator can do about it.
func (e *GoneError) Hint() string {
	return "its tables cannot be followed from a point that nobody knows: copy everything again, bascule apply -replace=ADDRESS with the mirror's"
}

// BusyError reports that a worker of a subscription does not end.
type BusyError struct {
	Name, Peer string
	PID        int32
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("worker %d of subscription %q on %s does not end", e.PID, e.Name, e.Peer)
}

// Hint says what the operator can do about it.
func (e *BusyError) Hint() string {
	return fmt.Sprintf("see what it waits for, and end it: select pg_terminate_backend(%d)", e.PID)
}

// IdleError reports that a subscription was enabled and does not stream.
type IdleError struct {
	Name, Peer, Endpoint string

	// Worker: there is one. SlotGone: the source has no such slot any more.
	Worker, SlotGone bool
}

func (e *IdleError) Error() string {
	switch {
	case e.SlotGone:
		return fmt.Sprintf("subscription %q does not stream: its slot is gone", e.Name)
	case e.Worker:
		return fmt.Sprintf("subscription %q has a worker on %s, which does not stream from the source's slot", e.Name, e.Peer)
	}
	return fmt.Sprintf("subscription %q is enabled on %s, and has no worker that stays", e.Name, e.Peer)
}

// Hint says what the operator can do about it.
func (e *IdleError) Hint() string {
	return fmt.Sprintf("the log of %s says why: max_logical_replication_workers and max_worker_processes may be used up, %s may be another server than the source, "+
		"or rows may not be written; it is tried again by the server until then", e.Peer, e.Endpoint)
}

// UnfollowedError reports tables of a mirror that its subscription would pass over.
type UnfollowedError struct {
	Name             string
	Tables           []string
	Source, Endpoint string
}

func (e *UnfollowedError) Error() string {
	list := strings.Join(e.Tables[:min(5, len(e.Tables))], ", ")
	if n := len(e.Tables) - 5; n > 0 {
		list += fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("subscription %q would not follow %s: nothing at %s publishes that", e.Name, list, e.Endpoint)
}

// Hint says what the operator can do about it.
func (e *UnfollowedError) Hint() string {
	return fmt.Sprintf("see that %s is the same database as %s, and that its publications have the tables", e.Endpoint, e.Source)
}
