package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// blockSlack is room in a block for the frames of the messages in it.
const blockSlack = 64

// maxMessage bounds a message of the source that is not COPY data.
const maxMessage = 16 << 20

// reader takes the source's messages apart and builds the target's input.
type reader struct {
	*relay
	ctx    context.Context
	in     []byte // read and not yet consumed: in[at:]
	at     int
	blocks chan<- block
	free   <-chan []byte
	out    []byte // the block being built
	frame  int    // where the open CopyData message of out starts, or -1
	held   []byte // start of a copy that may turn out to have no rows
	begun  bool   // In of the current job was sent
}

// read runs all jobs' source side and feeds the target.
func (r *relay) read(ctx context.Context, blocks chan<- block, free <-chan []byte, sent chan<- int) error {
	defer close(sent)
	rd := &reader{relay: r, ctx: ctx, in: make([]byte, 0, BlockSize), blocks: blocks, free: free, frame: -1}
	var queries []byte
	for _, j := range r.jobs {
		queries = appendMessage(queries, 'Q', j.Out)
	}
	// The statements of a pipeline are far smaller than what a socket buffers, so
	// writing them all before reading cannot block both ends.
	if _, err := r.from.Write(queries); err != nil {
		return &JobError{Source: true, Err: fmt.Errorf("connection lost: %w", err)}
	}
	if !rd.refill() {
		return errStopped
	}
	for i := range r.jobs {
		if err := rd.job(i, sent); err != nil {
			if ctx.Err() != nil || errors.Is(err, errStopped) {
				return errStopped
			}
			return &JobError{Job: i, Source: true, Err: err}
		}
	}
	return rd.flush(len(r.jobs) - 1)
}

// refill takes an empty block; false when the target's side has ended.
func (rd *reader) refill() bool {
	select {
	case rd.out = <-rd.free:
		rd.frame = -1
		return true
	case <-rd.ctx.Done():
		return false
	}
}

// job reads one COPY up to ReadyForQuery.
func (rd *reader) job(i int, sent chan<- int) error {
	rd.begun, rd.held = false, rd.held[:0]
	for {
		kind, size, err := rd.header()
		if err != nil {
			return err
		}
		if kind == 'd' {
			if err := rd.payload(i, size, sent); err != nil {
				return err
			}
			continue
		}
		body, err := rd.body(size)
		if err != nil {
			return err
		}
		switch kind {
		case 'E':
			var msg pgproto3.ErrorResponse
			if err := msg.Decode(body); err != nil {
				return err
			}
			return pgconn.ErrorResponseToPgError(&msg)
		case 'C':
			tag := string(body[:max(0, len(body)-1)])
			if !strings.HasPrefix(tag, "COPY ") {
				continue
			}
			rd.results[i].Rows = pgconn.NewCommandTag(tag).RowsAffected()
			if err := rd.end(i, sent); err != nil {
				return err
			}
		case 'Z':
			return nil
		}
	}
}

// end closes the job on the target.
func (rd *reader) end(i int, sent chan<- int) error {
	if !rd.begun {
		if len(rd.held) <= rd.jobs[i].Header {
			return nil
		}
		if err := rd.begin(i, sent); err != nil {
			return err
		}
	}
	rd.closeFrame()
	if err := rd.room(i, 16); err != nil {
		return err
	}
	rd.out = appendMessage(rd.out, 'c', "")
	return nil
}

// begin sends the job's In and what was held back of its data.
func (rd *reader) begin(i int, sent chan<- int) error {
	rd.begun = true
	rd.closeFrame()
	if err := rd.room(i, len(rd.jobs[i].In)+16+len(rd.held)+8); err != nil {
		return err
	}
	rd.out = appendMessage(rd.out, 'Q', rd.jobs[i].In)
	rd.data(rd.held)
	rd.held = rd.held[:0]
	sent <- i
	return nil
}

// payload moves the size bytes of one CopyData message.
func (rd *reader) payload(i, size int, sent chan<- int) error {
	rd.results[i].Wire += int64(size)
	for size > 0 {
		if rd.at == len(rd.in) {
			if err := rd.fill(); err != nil {
				return err
			}
		}
		part := rd.in[rd.at:min(len(rd.in), rd.at+size)]
		rd.at += len(part)
		size -= len(part)
		if !rd.begun {
			if len(rd.held)+len(part) <= rd.jobs[i].Header {
				rd.held = append(rd.held, part...)
				continue
			}
			if err := rd.begin(i, sent); err != nil {
				return err
			}
		}
		for len(part) > 0 {
			n := min(len(part), BlockSize-len(rd.out))
			if n <= 0 {
				if err := rd.flush(i); err != nil {
					return err
				}
				continue
			}
			rd.data(part[:n])
			part = part[n:]
		}
	}
	return nil
}

// data appends COPY data to the block, in its open frame.
func (rd *reader) data(p []byte) {
	if rd.frame < 0 {
		rd.frame = len(rd.out)
		rd.out = append(rd.out, 'd', 0, 0, 0, 0)
	}
	rd.out = append(rd.out, p...)
}

func (rd *reader) closeFrame() {
	if rd.frame >= 0 {
		binary.BigEndian.PutUint32(rd.out[rd.frame+1:], uint32(len(rd.out)-rd.frame-1))
		rd.frame = -1
	}
}

// room makes sure that n more bytes may be appended.
func (rd *reader) room(i, n int) error {
	if len(rd.out) > 0 && len(rd.out)+n > BlockSize {
		return rd.flush(i)
	}
	return nil
}

// flush hands the block over and takes an empty one.
func (rd *reader) flush(i int) error {
	rd.closeFrame()
	select {
	case rd.blocks <- block{data: rd.out, job: i}:
	case <-rd.ctx.Done():
		return errStopped
	}
	if !rd.refill() {
		return errStopped
	}
	return nil
}

// header reads the 5 bytes that begin a message.
func (rd *reader) header() (kind byte, size int, err error) {
	for len(rd.in)-rd.at < 5 {
		if err := rd.fill(); err != nil {
			return 0, 0, err
		}
	}
	kind = rd.in[rd.at]
	size = int(binary.BigEndian.Uint32(rd.in[rd.at+1:])) - 4
	rd.at += 5
	if size < 0 || kind != 'd' && size > maxMessage {
		return 0, 0, fmt.Errorf("message %q of %d bytes: not the PostgreSQL protocol", kind, size)
	}
	return kind, size, nil
}

// body reads a small message whole.
func (rd *reader) body(size int) ([]byte, error) {
	for len(rd.in)-rd.at < size {
		if err := rd.fill(); err != nil {
			return nil, err
		}
	}
	b := rd.in[rd.at : rd.at+size]
	rd.at += size
	return b, nil
}

// fill reads more from the source behind what is not consumed yet.
func (rd *reader) fill() error {
	if rd.at > 0 {
		rest := copy(rd.in, rd.in[rd.at:])
		rd.in, rd.at = rd.in[:rest], 0
	}
	if len(rd.in) == cap(rd.in) {
		rd.in = append(rd.in, make([]byte, cap(rd.in))...)[:len(rd.in)]
	}
	n, err := rd.from.Read(rd.in[len(rd.in):cap(rd.in)])
	rd.in = rd.in[:len(rd.in)+n]
	if n > 0 {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("connection lost: %w", err)
}
