package server_test

import (
	"context"
	"crypto/sha256"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"bascule/bench/server"
)

// An echo over the line: nothing is lost or out of order, and a round trip takes both
// delays, but many at once hardly longer than one.
func TestLineDelaysEachWayAndKeepsAllBytes(t *testing.T) {
	t.Parallel()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	line, over, err := server.Lay("postgres://nobody@" + echo.Addr().String() + "/x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- line.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	line.SetDelay(50 * time.Millisecond)
	u, err := url.Parse(over)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	sent := make([]byte, 8<<20)
	for i := range sent {
		sent[i] = byte(i * i >> 7)
	}
	start := time.Now()
	go func() { c.Write(sent); c.(*net.TCPConn).CloseWrite() }()
	back, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	if sha256.Sum256(back) != sha256.Sum256(sent) {
		t.Errorf("%d bytes came back of %d, or others", len(back), len(sent))
	}
	if took < 100*time.Millisecond || took > 3*time.Second {
		t.Errorf("8 MiB there and back took %v over a line of 50 ms each way", took)
	}
}
