package session

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config"
)

// ConnectError reports that no session could be opened. It holds neither the
// password nor the URL, in text or in any field of its chain.
type ConnectError struct {
	Address  string // of the peer: peer.prod
	Endpoint string // host:port/database, "" when the URL cannot be read
	Err      error

	// tlsRefused: TLS was wanted, and the server would speak without it only.
	tlsRefused bool
}

func (e *ConnectError) Error() string {
	if e.Endpoint == "" {
		return fmt.Sprintf("%s: %v", e.Address, e.Err)
	}
	return fmt.Sprintf("%s: connect to %s: %v", e.Address, e.Endpoint, e.Err)
}

func (e *ConnectError) Unwrap() error { return e.Err }

// Missing reports that the server is there, and has no database of that name.
func (e *ConnectError) Missing() bool { return Code(e.Err) == "3D000" }

// refused reports a peer whose settings cannot be read.
func refused(peer *config.Peer, err error) error {
	return &ConnectError{Address: peer.Address, Err: err}
}

// connectError makes a ConnectError of what pgx reports, whose own error type
// carries the whole configuration with the password in it.
func connectError(ctx context.Context, peer *config.Peer, cfg *pgx.ConnConfig, err error) error {
	e := &ConnectError{Address: peer.Address, Endpoint: endpoint(cfg)}
	if ctx.Err() != nil {
		e.Err = context.Cause(ctx)
		return e
	}
	attempts := attemptsOf(err)
	for i, a := range attempts {
		if errors.Is(a, context.DeadlineExceeded) { // not ctx's: see above
			attempts[i] = &timeoutError{cfg.ConnectTimeout}
		}
	}
	e.Err = joined(attempts)
	e.tlsRefused = cfg.TLSConfig != nil && Code(e.Err) == "" && !network(e.Err) && !certificate(e.Err) && !unresolved(e.Err)
	return e
}

// attemptsOf lists the errors of each host and TLS mode that was tried, without
// the driver's own wrappers.
func attemptsOf(err error) []error {
	var driver *pgconn.ConnectError
	if !errors.As(err, &driver) {
		return []error{err} // of pin, which has no such wrapper
	}
	err = driver.Unwrap()
	list := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		list = slices.Clone(many.Unwrap())
	}
	for i, a := range list {
		list[i] = core(a)
	}
	return list
}

// core is the part of one attempt's error that says what went wrong.
func core(err error) error {
	var server *pgconn.PgError
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &server):
		return server
	case errors.As(err, &cert):
		return cert
	case errors.As(err, &dns):
		return dns
	case errors.As(err, &op):
		return op
	}
	if inner := errors.Unwrap(err); inner != nil { // its outer part repeats the address
		return inner
	}
	return err
}

// joined is one error of several attempts. Where a server answered at all, what it
// said is what counts.
func joined(attempts []error) error {
	said := slices.DeleteFunc(slices.Clone(attempts), func(e error) bool { return Code(e) == "" })
	if len(said) > 0 {
		attempts = said
	}
	var distinct []error
	var texts []string
	for _, a := range attempts {
		if text := a.Error(); !slices.Contains(texts, text) {
			distinct, texts = append(distinct, a), append(texts, text)
		}
	}
	if len(distinct) == 1 {
		return distinct[0]
	}
	return &attemptsError{distinct, strings.Join(texts, "; ")}
}

// attemptsError is several errors on one line.
type attemptsError struct {
	errs []error
	text string
}

func (e *attemptsError) Error() string   { return e.text }
func (e *attemptsError) Unwrap() []error { return e.errs }

// timeoutError reports that connecting took longer than connect_timeout.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string   { return fmt.Sprintf("no answer within %s", e.after) }
func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return true }
