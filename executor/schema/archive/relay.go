package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"golang.org/x/sync/errgroup"
)

// port is in the socket's name only.
const port = "5432"

// relay is the server that pg_dump sees: one connection on a socket that nobody
// else can open, joined to a session that is open already.
type relay struct {
	folder   string
	listener *net.UnixListener
	server   *pgconn.HijackedConn
	watch    errorWatch

	once sync.Once
}

// newRelay takes conn over. close must be called, whatever happens then.
func newRelay(ctx context.Context, conn *pgx.Conn) (*relay, error) {
	// Leave the caller's transaction block, if any, with an error: pg_dump begins its own.
	if status := conn.PgConn().TxStatus(); status != 'I' {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("the connection is in a transaction (%c)", status)
	}
	if err := conn.PgConn().SyncConn(ctx); err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	server, err := conn.PgConn().Hijack()
	if err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	_ = server.Conn.SetDeadline(time.Time{})
	r := &relay{server: server}
	if err := r.listen(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// listen makes a folder that only this user may enter, and a socket in it.
func (r *relay) listen() (err error) {
	if r.folder, err = os.MkdirTemp("", "bascule"); err != nil {
		return err
	}
	path := filepath.Join(r.folder, ".s.PGSQL."+port)
	r.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	return err
}

// serve carries messages both ways until one side ends, or close is called. Its
// error is that the server's connection was lost.
func (r *relay) serve() error {
	client, err := r.accept()
	if err != nil {
		return nil // closed before pg_dump came; how it ended says why
	}
	var g errgroup.Group
	g.Go(func() error {
		_, err := io.Copy(r.server.Conn, client)
		_ = r.server.Conn.SetReadDeadline(time.Now().Add(time.Second)) // it said goodbye; the server closes
		if isOurs(err) {
			return nil
		}
		return err
	})
	g.Go(func() error {
		defer client.Close()
		_, err := io.Copy(client, io.TeeReader(r.server.Conn, &r.watch))
		if isOurs(err) {
			return nil
		}
		return err
	})
	return g.Wait()
}

// isOurs reports whether the error only says that pg_dump or we closed the socket.
func isOurs(err error) bool {
	var op *net.OpError
	return errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &op) && op.Net == "unix" && op.Source != nil
}

// accept waits for pg_dump and greets it as the server did us.
func (r *relay) accept() (net.Conn, error) {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return nil, err
		}
		switch err := r.greet(client); {
		case err == nil:
			_ = r.listener.Close()
			return client, nil
		default:
			_ = client.Close()
		}
	}
}

// greet answers the start of a connection. Authentication is what the folder's
// mode is for.
func (r *relay) greet(client net.Conn) error {
	b := pgproto3.NewBackend(client, client)
	for {
		m, err := b.ReceiveStartupMessage()
		if err != nil {
			return err
		}
		switch m.(type) {
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest:
			if _, err := client.Write([]byte{'N'}); err != nil {
				return err
			}
			continue
		case *pgproto3.StartupMessage:
		default:
			return fmt.Errorf("unexpected %T", m)
		}
		b.Send(&pgproto3.AuthenticationOk{})
		for name, value := range r.server.ParameterStatuses {
			b.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
		}
		b.Send(&pgproto3.BackendKeyData{ProcessID: r.server.PID, SecretKey: make([]byte, 4)})
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		return b.Flush()
	}
}

// close ends both connections and takes the folder away. It may be called twice.
func (r *relay) close() {
	r.once.Do(func() {
		if r.listener != nil {
			_ = r.listener.Close()
		}
		_ = r.server.Conn.Close()
		if r.folder != "" {
			_ = os.RemoveAll(r.folder)
		}
	})
}

// cancel asks the server to end what it does for pg_dump. A killed client alone is
// noticed only when the server next writes to it, and till then it may wait for a
// lock, and hold others.
func (r *relay) cancel() {
	// What called this was a cancelled context, and this must still go out.
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	conn, err := pgconn.Construct(r.server)
	if err == nil {
		_ = conn.CancelRequest(ctx)
	}
}

// err is the last error that the server sent, or nil.
func (r *relay) err() error {
	if e := r.watch.last(); e != nil {
		return e
	}
	return nil
}
