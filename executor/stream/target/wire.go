package target

import (
	"encoding/binary"
	"net"
	"strconv"
)

// blockSize is how much is written at once.
const blockSize = 256 << 10

// wire builds messages for the server and writes them in blocks. The kernel's buffers
// are what lets us be ahead of the server; a Write blocks when they are full.
type wire struct {
	conn  net.Conn
	block []byte
	frame int // where the open CopyData message of the block starts, or -1

	// publish is called before bytes go out, so that who reads the answers knows what
	// to expect.
	publish func()

	err error // the first of a Write; nothing is written after it
}

func newWire(conn net.Conn, publish func()) *wire {
	return &wire{conn: conn, block: make([]byte, 0, blockSize), frame: -1, publish: publish}
}

// ship writes what is in the block.
func (w *wire) ship() {
	w.closeFrame()
	w.write(w.block)
	w.block = w.block[:0]
}

func (w *wire) write(p []byte) {
	if len(p) > 0 && w.err == nil {
		w.publish()
		_, w.err = w.conn.Write(p)
	}
}

// room makes sure that n bytes, at most blockSize, fit behind what is there.
func (w *wire) room(n int) {
	if len(w.block)+n > blockSize {
		w.ship()
	}
}

// put appends bytes of a message, however many.
func (w *wire) put(p []byte) {
	if len(p) >= blockSize {
		w.ship()
		w.write(p)
		return
	}
	w.room(len(p))
	w.block = append(w.block, p...)
}

func (w *wire) putText(s string) {
	w.room(len(s) + 1)
	w.block = append(append(w.block, s...), 0)
}

// putSQL appends a text as putText does, however long.
func (w *wire) putSQL(sql string) {
	w.put([]byte(sql))
	w.room(1)
	w.block = append(w.block, 0)
}

func (w *wire) put16(n int) {
	w.room(2)
	w.block = binary.BigEndian.AppendUint16(w.block, uint16(n))
}

func (w *wire) put32(n int) {
	w.room(4)
	w.block = binary.BigEndian.AppendUint32(w.block, uint32(n))
}

// message begins a message of n bytes behind its length.
func (w *wire) message(kind byte, n int) {
	w.room(5)
	w.block = append(w.block, kind)
	w.block = binary.BigEndian.AppendUint32(w.block, uint32(n+4))
}

// copyRoom makes sure that n bytes of COPY data, less than blockSize, can be appended to
// the block: where a CopyData message ends says nothing to the server.
func (w *wire) copyRoom(n int) {
	if len(w.block)+n+frameHead > blockSize {
		w.ship()
	}
	if w.frame < 0 {
		w.frame = len(w.block)
		w.block = append(w.block, 'd', 0, 0, 0, 0)
	}
}

const frameHead = 5

// copyPut appends COPY data, however much.
func (w *wire) copyPut(p []byte) {
	for len(p) > 0 {
		w.copyRoom(1)
		n := min(len(p), blockSize-len(w.block))
		w.block = append(w.block, p[:n]...)
		p = p[n:]
	}
}

func (w *wire) closeFrame() {
	if w.frame >= 0 {
		binary.BigEndian.PutUint32(w.block[w.frame+1:], uint32(len(w.block)-w.frame-1))
		w.frame = -1
	}
}

// copyDone ends COPY data.
func (w *wire) copyDone() {
	w.closeFrame()
	w.room(len(copyDoneMessage))
	w.block = append(w.block, copyDoneMessage...)
}

// parse prepares a statement.
func (w *wire) parse(st *statement) {
	w.message('P', len(st.name)+1+len(st.sql)+1+2+4*len(st.params))
	w.putText(st.name)
	w.putSQL(st.sql)
	w.put16(len(st.params))
	for _, oid := range st.params {
		w.put32(int(oid))
	}
}

// bindHead begins a Bind whose parameters, with their count, take n bytes behind the
// statement's name; formats are the bytes of the parameters' format codes.
func (w *wire) bindHead(st *statement, n int) {
	w.message('B', 1+len(st.name)+1+n+2)
	w.room(1)
	w.block = append(w.block, 0)
	w.putText(st.name)
}

// execute ends a Bind, whose results are text, and has it run.
func (w *wire) execute() {
	w.room(len(executeMessage) + 2)
	w.block = append(append(w.block, 0, 0), executeMessage...)
}

const (
	executeMessage   = "E\x00\x00\x00\x09\x00\x00\x00\x00\x00"
	syncMessage      = "S\x00\x00\x00\x04"
	copyDoneMessage  = "c\x00\x00\x00\x04"
	terminateMessage = "X\x00\x00\x00\x04"
)

// text binds values as text and executes; a nil one is null.
func (w *wire) text(st *statement, values ...*string) {
	n := 2 + 2 + 4*len(values)
	for _, v := range values {
		if v != nil {
			n += len(*v)
		}
	}
	w.bindHead(st, n)
	w.put16(0)
	w.put16(len(values))
	for _, v := range values {
		if v == nil {
			w.put32(-1)
			continue
		}
		w.put32(len(*v))
		w.put([]byte(*v))
	}
	w.execute()
}

// values binds the values of one row, each in the form it has, and executes. null and
// unchanged both are null.
func (w *wire) values(st *statement, values [][]byte) {
	n := 2 + 2*len(values) + 2 + 4*len(values)
	for _, v := range values {
		n += len(bytesOf(v))
	}
	w.bindHead(st, n)
	w.put16(len(values))
	for _, v := range values {
		format := 0
		if v[0] == asBinary {
			format = 1
		}
		w.put16(format)
	}
	w.put16(len(values))
	for _, v := range values {
		if len(v) < valueHead {
			w.put32(-1)
			continue
		}
		w.put(v[1:])
	}
	w.execute()
}

// array binds an array in binary form or in text, and where the statement wants to know
// it the number of its elements, and executes.
func (w *wire) array(st *statement, binary bool, value []byte, n int) {
	length := ""
	size := 2 + 2*len(st.params) + 2 + 4 + len(value)
	if len(st.params) == 2 {
		length = strconv.Itoa(n)
		size += 4 + len(length)
	}
	w.bindHead(st, size)
	w.put16(len(st.params))
	form := 0
	if binary {
		form = 1
	}
	w.put16(form)
	if length != "" {
		w.put16(0)
	}
	w.put16(len(st.params))
	w.put32(len(value))
	w.put(value)
	if length != "" {
		w.put32(len(length))
		w.put([]byte(length))
	}
	w.execute()
}

// query has any number of statements executed, behind which the server says that it is
// ready.
func (w *wire) query(sql string) {
	w.message('Q', len(sql)+1)
	w.putSQL(sql)
}

// sync ends a run of messages: the server answers that it is ready.
func (w *wire) sync() {
	w.room(len(syncMessage))
	w.block = append(w.block, syncMessage...)
}
