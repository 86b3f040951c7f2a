package pgtest

import (
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Wire is what lies between the program and a server. It can be cut, held, and slow.
type Wire struct {
	URL string // of the database, over the wire

	listener net.Listener
	server   string
	all      sync.WaitGroup

	mu    sync.Mutex
	moved *sync.Cond // held, closed or ends changed
	ends  map[net.Conn]bool
	held  bool
	delay time.Duration
}

// NewWire lays a wire to a database's server. It ends with the test.
func NewWire(t testing.TB, db *DB) *Wire {
	t.Helper()
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{server: u.Host, ends: map[net.Conn]bool{}}
	w.moved = sync.NewCond(&w.mu)
	if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u.Host = w.listener.Addr().String()
	w.URL = u.String()
	w.all.Go(w.accept)
	t.Cleanup(func() {
		w.listener.Close()
		w.Cut()
		w.all.Wait()
	})
	return w
}

// Cut closes all connections. What was under way on them is lost; new ones are
// carried.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for end := range w.ends {
		end.Close()
	}
	clear(w.ends)
	w.held = false
	w.moved.Broadcast()
}

// Hold lets nothing through, either way, until Flow or Cut. Nothing is lost, also not
// what a process sent that is dead by then.
func (w *Wire) Hold() { w.set(func() { w.held = true }) }

// Flow lets through what was held.
func (w *Wire) Flow() { w.set(func() { w.held = false }) }

// Slow makes each piece of data take so long.
func (w *Wire) Slow(delay time.Duration) { w.set(func() { w.delay = delay }) }

func (w *Wire) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	w.moved.Broadcast()
}

func (w *Wire) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.all.Go(func() { w.carry(near) })
	}
}

func (w *Wire) carry(near net.Conn) {
	far, err := net.Dial("tcp", w.server)
	if err != nil {
		near.Close()
		return
	}
	w.mu.Lock()
	w.ends[near], w.ends[far] = true, true
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.relay(near, far) })
	both.Go(func() { w.relay(far, near) })
	both.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ends, near)
	delete(w.ends, far)
}

// relay carries one direction. When one end is closed the other is too, after what
// was sent before has gone through.
func (w *Wire) relay(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if !w.pass(from) {
			return
		}
		if _, failed := to.Write(buf[:n]); err != nil || failed != nil {
			return
		}
	}
}

// pass waits as long as the wire is held, or slow. It reports false when the
// connection was cut meanwhile.
func (w *Wire) pass(end net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.delay > 0 {
		delay := w.delay
		w.mu.Unlock()
		time.Sleep(delay)
		w.mu.Lock()
	}
	for w.held && w.ends[end] {
		w.moved.Wait()
	}
	return w.ends[end]
}
