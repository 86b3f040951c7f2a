package walsender

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// A source that sends on while its stream is ended: all blocks are full, and nobody
// takes one any more.
func TestCloseEndsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, client := net.Pipe()
		defer source.Close()
		c := newConn(client, time.Second)
		ended := make(chan struct{})
		go func() { c.Read(context.Background()); close(ended) }()
		for range blockCount {
			if _, err := source.Write(make([]byte, blockSize)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		c.Close()
		c.Close() // as Finish may have
		<-ended
		for range c.Blocks() { // it is closed
		}
		if !errors.Is(c.Err(), net.ErrClosed) {
			t.Errorf("ended by %v", c.Err())
		}
	})
}
