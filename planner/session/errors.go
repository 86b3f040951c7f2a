package session

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Code returns the SQLSTATE of the first server error in err's chain, or "".
func Code(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Code
	}
	return ""
}

// Transient reports whether the same work may well succeed when it is tried again:
// a lost connection, a server that restarts or is full of connections, a lock or
// serialization conflict. A cancel of our own is not, nor is a full disk.
func Transient(err error) bool {
	switch code := Code(err); {
	case code == "":
		return !ours(err) && network(err)
	case strings.HasPrefix(code, "08"):
		return true
	default:
		return transientCodes[code]
	}
}

var transientCodes = map[string]bool{
	"40001": true, // serialization_failure
	"40P01": true, // deadlock_detected
	"53300": true, // too_many_connections
	"55006": true, // object_in_use
	"55P03": true, // lock_not_available
	"57P01": true, // admin_shutdown
	"57P02": true, // crash_shutdown
	"57P03": true, // cannot_connect_now
}

// Locked reports whether the server says that a lock was not to be had: another session
// was in the way for as long as lock_timeout lets wait, or each waited for the other.
func Locked(err error) bool {
	code := Code(err)
	return code == "55P03" || code == "40P01"
}

// Lost reports whether err says that the connection is gone, and with it the
// transaction, the snapshot and the locks of its session. A connection that we
// closed ourselves by a cancel is not told apart here: ask Conn.IsClosed.
func Lost(err error) bool {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		severity := server.SeverityUnlocalized
		return strings.HasPrefix(server.Code, "08") || severity == "FATAL" || severity == "PANIC"
	}
	return !ours(err) && network(err)
}

// ours: the caller's context ended it. A connect that took too long is no context
// of the caller's; connectError tells the two apart.
func ours(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// network reports an error of the connection itself, and not of a certificate, a
// name that does not exist, or a program.
func network(err error) bool {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.IsTimeout || dns.IsTemporary
	}
	var op *net.OpError
	var slow net.Error
	var errno syscall.Errno
	switch {
	case errors.As(err, &op) && errors.Is(err, syscall.ENOENT): // a socket, back with its server
		return true
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF),
		errors.Is(err, net.ErrClosed), errors.Is(err, pgconn.ErrConnClosed):
		return true
	case errors.As(err, &errno):
		return networkErrnos[errno]
	default:
		return errors.As(err, &slow) && slow.Timeout()
	}
}

// networkErrnos leave out those of files and programs.
var networkErrnos = map[syscall.Errno]bool{
	syscall.ECONNREFUSED: true,
	syscall.ECONNRESET:   true,
	syscall.ECONNABORTED: true,
	syscall.EPIPE:        true,
	syscall.ETIMEDOUT:    true,
	syscall.EHOSTUNREACH: true,
	syscall.ENETUNREACH:  true,
	syscall.ENETDOWN:     true,
	syscall.EHOSTDOWN:    true,
	syscall.ENETRESET:    true,
}
