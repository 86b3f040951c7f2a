package walsender

import (
	"context"
	"encoding/binary"
	"time"

	"bascule/planner/catalog"
)

// Status tells the source how far was received, and what is on the target's disk: the
// slot then holds no WAL before flushed. With reply the server answers by a keepalive
// as soon as it gets there. It may be called beside everything else.
func (c *Conn) Status(received, flushed catalog.LSN, reply bool) error {
	b := make([]byte, 0, statusSize)
	b = append(b, 'd')
	b = binary.BigEndian.AppendUint32(b, statusSize-1)
	b = append(b, 'r')
	b = binary.BigEndian.AppendUint64(b, uint64(received))
	b = binary.BigEndian.AppendUint64(b, uint64(flushed))
	b = binary.BigEndian.AppendUint64(b, uint64(flushed))
	b = binary.BigEndian.AppendUint64(b, uint64(time.Since(epoch).Microseconds()))
	b = append(b, 0)
	if reply {
		b[len(b)-1] = 1
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.finished {
		return nil // CopyDone is out
	}
	return c.write(b)
}

const statusSize = 1 + 4 + 1 + 4*8 + 1

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (c *Conn) write(b []byte) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return err
	}
	_, err := c.conn.Write(b)
	return err
}

// Finish ends the stream in order: CopyDone, then all that still comes is dropped until
// the server has left the slot and closed its end, or ctx ends. Read is still running,
// and the caller takes no block any more. The connection is closed afterwards.
func (c *Conn) Finish(ctx context.Context) error {
	defer c.Close()
	c.writing.Lock()
	c.finished = true
	err := c.write([]byte{'c', 0, 0, 0, 4})
	c.writing.Unlock()
	for left := false; err == nil; {
		var ok bool
		for ok = true; ok && !left; {
			_, ok, err = c.Next()
		}
		if err != nil { // the server's CopyDone, as a rule
			left, err = true, c.write([]byte{'X', 0, 0, 0, 4})
			continue
		}
		select {
		case block, open := <-c.blocks:
			if !open {
				return nil
			}
			c.frames.keep(block)
			c.Release(block)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return err
}

// Close ends the connection without a word. Read returns, also where it waits for a
// block that nobody releases any more.
func (c *Conn) Close() {
	c.closing.Do(func() { close(c.closed) })
	_ = c.conn.Close() // of what is thrown away, no error is of interest
}
