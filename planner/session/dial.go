package session

import (
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// keepalive notices within 90 s that an idle peer is gone, and keeps a NAT's entry
// alive. The server is asked for the same in the other direction (see pinned).
//
// TCP_USER_TIMEOUT is not set: Linux then also ends a connection whose peer is
// alive but does not read, and a COPY may wait long for the other side's disk or
// for a lock. A peer that vanishes while we send is noticed when the kernel gives
// up to retransmit.
var keepalive = net.KeepAliveConfig{
	Enable:   true,
	Idle:     30 * time.Second,
	Interval: 10 * time.Second,
	Count:    6,
}

// dial sets how the connection is made, how long that may take, and what a
// cancelled context does to a running query. There are no other deadlines: a COPY
// may be silent for as long as it likes.
func dial(cfg *pgx.ConnConfig) {
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = defaultTimeout
	}
	dialer := &net.Dialer{Timeout: cfg.ConnectTimeout, KeepAliveConfig: keepalive}
	cfg.DialFunc = dialer.DialContext

	// By default a cancelled context closes the socket and the server works on. Here
	// the server is asked to stop, and has some seconds to say that it did.
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: 5 * time.Second}
	}
}

// keepOnlyServerParams leaves out what would be sent to the server as a setting
// and is none: libpq's own parameters that the driver does not know, and what is
// pinned after the connection stands. A pooler refuses a startup parameter that
// it does not know.
//
// What restricts whom we talk to (sslcrl, requirepeer) stays, and the server
// refuses it: better than to ignore it silently.
func keepOnlyServerParams(params map[string]string) {
	for name := range params {
		switch lower := strings.ToLower(name); {
		case strings.HasPrefix(lower, "keepalives"), strings.HasPrefix(lower, "gss"),
			strings.HasPrefix(lower, "oauth_"), lower == "tcp_user_timeout",
			lower == "fallback_application_name", lower == "sslcompression",
			lower == "load_balance_hosts", lower == "replication",
			lower == "application_name", lower == "client_encoding",
			isPinned(lower):
			delete(params, name)
		}
	}
}
