package cli_test

import (
	"net"
	"net/url"
	"sync"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// proxy stands between the program and a server, and cuts connections.
type proxy struct {
	t      *testing.T
	server string
	url    string // of the database, through the proxy
	port   string

	mu     sync.Mutex
	listen net.Listener // nil when dead
	conns  map[net.Conn]bool
	all    sync.WaitGroup

	limit  int64 // of bytes on one connection, and then:
	left   int   // cuts still to be made
	whole  bool  // cut all connections
	deadly bool  // and take no more
	made   int
}

func newProxy(t *testing.T, db *pgtest.DB) *proxy {
	t.Helper()
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, server: u.Host, port: "127.0.0.1:0", conns: map[net.Conn]bool{}}
	p.revive()
	u.Host = p.port
	p.url = u.String()
	t.Cleanup(func() {
		p.mu.Lock()
		p.close()
		p.mu.Unlock()
		p.all.Wait()
	})
	return p
}

// plan has a connection, or all, cut when limit bytes went through it, so many times.
func (p *proxy) plan(limit int64, times int, whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit, p.left, p.whole = limit, times, whole
}

// die ends everything when limit bytes went through one connection.
func (p *proxy) die(limit int64) {
	p.plan(limit, 1, true)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadly = true
}

func (p *proxy) cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made
}

// revive takes connections again.
func (p *proxy) revive() {
	p.t.Helper()
	l, err := net.Listen("tcp", p.port)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listen, p.port = l, l.Addr().String()
	p.all.Go(func() { p.accept(l) })
}

func (p *proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.serve(client) })
	}
}

func (p *proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		client.Close()
		return
	}
	p.mu.Lock()
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.relay(client, server) })
	both.Go(func() { p.relay(server, client) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, client)
	delete(p.conns, server)
}

// relay copies one direction, and cuts where it is planned.
func (p *proxy) relay(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 64<<10)
	for sum := int64(0); ; {
		n, err := from.Read(buf)
		if _, failed := to.Write(buf[:n]); err != nil || failed != nil {
			return
		}
		if sum += int64(n); p.due(sum) {
			return
		}
	}
}

// due reports whether this connection is to be cut, and cuts the others.
func (p *proxy) due(sum int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left == 0 || sum < p.limit {
		return false
	}
	p.left--
	p.made++
	if p.deadly {
		p.close()
	} else if p.whole {
		p.cutAll()
	}
	return true
}

func (p *proxy) cutAll() {
	for c := range p.conns {
		c.Close()
	}
}

func (p *proxy) close() {
	if p.listen != nil {
		p.listen.Close()
		p.listen = nil
	}
	p.cutAll()
}
