package session

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"bascule/config"
)

// Options say what a session is for. The zero value is a session that may write.
type Options struct {
	// Application is the application_name: bascule/<mirror>/<role>. It is cut to 63
	// bytes. Default "bascule".
	Application string

	// Database overrides the peer's.
	Database string

	// ReadOnly makes every transaction READ ONLY unless it says otherwise. It is a
	// precaution, no wall: slots can be dropped in a read-only transaction.
	ReadOnly bool

	// Settings are pinned with the session's own, and win over them. A setting that
	// the server is too old for is left out where we know it; see sinceVersion.
	Settings map[string]string

	// Replication opens a connection that takes replication commands besides SQL, all by
	// the simple protocol only: work on its PgConn. A cancelled context ends no command on
	// the server there, it only ends waiting: a message that is received with a deadline
	// may be received later, and a command that was waited for closes the connection.
	Replication bool
}

// defaultTimeout is how long connecting may take when nothing says otherwise.
const defaultTimeout = 15 * time.Second

// Open connects to a peer and pins the session's settings.
//
// Every error is a *ConnectError, and holds no password. When ctx is cancelled
// during a later query, the server is asked to stop it and the connection stays
// usable: the query's error is then SQLSTATE 57014, and ctx.Err() says why.
func Open(ctx context.Context, peer *config.Peer, opts Options) (*pgx.Conn, error) {
	cfg, err := ConnConfig(ctx, peer, opts)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, connectError(ctx, peer, cfg, err)
	}
	pinCtx, cancel := context.WithTimeout(ctx, cfg.ConnectTimeout)
	defer cancel()
	if err := pin(pinCtx, conn, opts); err != nil {
		closeWithin(ctx, conn, time.Second)
		return nil, connectError(ctx, peer, cfg, err)
	}
	return conn, nil
}

// Close closes a session, even after a cancel: the server must not keep it. How that
// ends is of no interest; it takes five seconds at most.
func Close(ctx context.Context, conn *pgx.Conn) { closeWithin(ctx, conn, 5*time.Second) }

func closeWithin(ctx context.Context, conn *pgx.Conn, patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_ = conn.Close(ctx)
}

// ConnConfig returns how Open would connect: host, port, user, database, TLS and
// the password, which is fetched by the peer's password_command if it has one. It
// opens no connection. Its error is a *ConnectError.
//
// The result holds the password in plain text: never print it.
func ConnConfig(ctx context.Context, peer *config.Peer, opts Options) (*pgx.ConnConfig, error) {
	cfg, err := parse(peer, opts.Database)
	if err != nil {
		return nil, refused(peer, err)
	}
	if err := authenticate(ctx, peer, cfg); err != nil {
		return nil, &ConnectError{Address: peer.Address, Endpoint: endpoint(cfg), Err: err}
	}
	dial(cfg)
	keepOnlyServerParams(cfg.RuntimeParams)
	cfg.RuntimeParams["application_name"] = application(opts.Application)
	cfg.RuntimeParams["client_encoding"] = "UTF8"

	// Exec: one round trip a query, and nothing kept on either side. Statements that
	// are cached by name or by description go wrong when DDL, ours or another's,
	// changes what they return, and named ones need a pooler that knows them.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	cfg.StatementCacheCapacity = 0
	cfg.DescriptionCacheCapacity = 0
	if opts.Replication {
		replicate(cfg)
	}
	return cfg, nil
}

// replicate makes it a connection to a walsender. The settings are pinned there all
// the same: what is decoded is written as the session says.
func replicate(cfg *pgx.ConnConfig) {
	cfg.RuntimeParams["replication"] = "database"
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: c.Conn()}
	}
}

// application is an application_name as the server would keep it.
func application(name string) string {
	if name == "" {
		name = "bascule"
	}
	if len(name) <= maxName {
		return name
	}
	cut := maxName
	for cut > 0 && name[cut]&0xC0 == 0x80 { // not inside a character
		cut--
	}
	return name[:cut]
}

// maxName is NAMEDATALEN - 1.
const maxName = 63
