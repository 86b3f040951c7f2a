package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Line is a TCP path to a server that takes its time: each byte arrives the delay
// after it was sent, each way, and no later because of those before it.
type Line struct {
	listener net.Listener
	to       string
	delay    atomic.Int64
}

// Lay makes a line to the server of a connection string, and returns the connection
// string that goes over it. Run carries; Close ends it.
func Lay(connString string) (*Line, string, error) {
	u, err := url.Parse(connString)
	if err != nil {
		return nil, "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	line := &Line{listener: l, to: u.Host}
	u.Host = l.Addr().String()
	return line, u.String(), nil
}

// SetDelay sets the delay each way; it holds for what is sent from now on.
func (l *Line) SetDelay(d time.Duration) { l.delay.Store(int64(d)) }

// Run carries connections until the context ends, and cuts them then.
func (l *Line) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { l.listener.Close() })()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		near, err := l.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		wg.Go(func() { l.carry(ctx, near) })
	}
}

// carry connects the two ends until one of them is closed.
func (l *Line) carry(ctx context.Context, near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer far.Close()
	cut := func() { near.Close(); far.Close() }
	defer context.AfterFunc(ctx, cut)()
	var wg sync.WaitGroup
	wg.Go(func() { l.flow(far, near) })
	wg.Go(func() { l.flow(near, far) })
	wg.Wait()
}

// parcel is bytes under way.
type parcel struct {
	due  time.Time
	data []byte
}

// flow carries one direction. What is under way is bounded, as a network's is, by
// 4096 parcels of at most 64 KiB: far more than fits in the delay.
func (l *Line) flow(to, from net.Conn) {
	under := make(chan parcel, 4096)
	var wg sync.WaitGroup
	wg.Go(func() {
		for p := range under {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.data); err != nil {
				from.Close()
				break
			}
		}
		for range under { // the reader must not hang on what nobody takes
		}
		if c, ok := to.(*net.TCPConn); ok {
			_ = c.CloseWrite() // the other end is often gone before
		}
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			under <- parcel{time.Now().Add(time.Duration(l.delay.Load())), bytes.Clone(buffer[:n])}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				to.Close()
			}
			break
		}
	}
	close(under)
	wg.Wait()
}
