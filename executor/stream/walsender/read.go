package walsender

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"bascule/planner/catalog"
)

// Read fills blocks from the socket until the connection or ctx ends. Blocks is
// closed then, and Err says why.
func (c *Conn) Read(ctx context.Context) {
	defer close(c.blocks)
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_, encrypted := c.conn.(*tls.Conn)
	for {
		var block []byte
		select {
		case block = <-c.free:
		case <-c.closed:
			c.readError = net.ErrClosed
			return
		case <-ctx.Done():
			c.readError = context.Cause(ctx)
			return
		}
		c.waiting.Store(time.Now().UnixNano())
		n, err := c.conn.Read(block[:blockSize])
		c.waiting.Store(0)
		if n > 0 {
			c.blocks <- block[:n] // there is room for every block
		}
		if err != nil {
			c.readError = cause(ctx, err)
			return
		}
		// A read of TLS is one record, of 8 KiB at most: it does not say that there is no
		// more, and to wait after each would take far longer than to read.
		if n < gatherBelow && !encrypted && c.Slack.Load() {
			c.gather()
		}
	}
}

const (
	gatherBelow = 64 << 10
	gatherFor   = 2 * time.Millisecond
)

// Silent is for how long the source has sent nothing, though Read was ready for it.
func (c *Conn) Silent() time.Duration {
	if since := c.waiting.Load(); since != 0 {
		return time.Since(time.Unix(0, since))
	}
	return 0
}

// Blocks are what was read, in order. Each one is fed, then taken apart by Next until
// it says false, then released. The first to feed is nil: what came with the answer
// to START_REPLICATION.
func (c *Conn) Blocks() <-chan []byte { return c.blocks }

// Err is why Blocks was closed.
func (c *Conn) Err() error { return c.readError }

// Feed gives Next a block. All messages of the one before have been taken.
func (c *Conn) Feed(block []byte) {
	if block != nil {
		c.frames.feed(block)
	}
}

// Release gives a block back to Read.
func (c *Conn) Release(block []byte) {
	if block != nil {
		c.free <- block
	}
}

// Message is one that the walsender sent.
type Message struct {
	// Data is the output plugin's, nil for a keepalive. It is part of the block that
	// was fed, and valid until the next call of Next; where Own is set it has memory of
	// its own.
	Data []byte
	Own  bool

	// WALEnd, of a keepalive, is how far the source has decoded and sent.
	WALEnd catalog.LSN

	// Reply, of a keepalive: the server waits for a status update.
	Reply bool
}

// Next returns the next message of the block that was fed, or false when there is no
// whole one left. An error of the server is a *pgconn.PgError; a server that ends the
// stream in order, as at its shutdown, is an io.ErrUnexpectedEOF, for a stream has no
// end.
func (c *Conn) Next() (Message, bool, error) {
	for {
		kind, body, ok := c.frames.next()
		if !ok {
			return Message{}, false, nil
		}
		switch kind {
		case 'd':
			m, err := c.data(body)
			return m, err == nil, err
		case 'E':
			return Message{}, false, fmt.Errorf("source: %w", serverError(body))
		case 'c', 'C', 'Z':
			return Message{}, false, fmt.Errorf("the source ended the stream: %w", io.ErrUnexpectedEOF)
		}
	}
}

// data takes a CopyData apart. Those of unknown kinds cannot be passed over: they
// might have been changes.
func (c *Conn) data(body []byte) (Message, error) {
	switch {
	case len(body) > dataHeader && body[0] == 'w':
		return Message{Data: body[dataHeader:], Own: c.frames.large}, nil
	case len(body) == keepaliveSize && body[0] == 'k':
		return Message{WALEnd: catalog.LSN(binary.BigEndian.Uint64(body[1:])), Reply: body[keepaliveSize-1] != 0}, nil
	}
	return Message{}, fmt.Errorf("the source sent a message of %d bytes that is none of replication", len(body))
}

const (
	dataHeader    = 1 + 8 + 8 + 8 // kind, start, end, time
	keepaliveSize = 1 + 8 + 8 + 1 // kind, end, time, reply
)
