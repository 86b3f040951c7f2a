package target

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"bascule/executor/ledger"
	"bascule/planner/catalog"
)

const (
	answerBuffer = 64 << 10
	answerMost   = 1 << 30 // of one message
)

// answers reads what the server says, and compares it with what is expected.
type answers struct {
	*Session
	in    []byte // read and not yet consumed: in[at:]
	at    int
	list  []expect // list[next:] are the next answers
	next  int
	place string // the last row of a placed
}

// read returns at the first error, or nil when the session was closed and the server
// has answered everything.
func (a *answers) read() error {
	for {
		kind, body, err := a.message()
		if err != nil {
			if a.finished() {
				return nil
			}
			return fmt.Errorf("connection lost: %w", err)
		}
		switch kind {
		case 'C':
			err = a.complete(body)
		case 'D':
			err = a.row(body)
		case 'Z':
			err = a.isReady(body)
		case 'E':
			err = a.refused(body)
		}
		if err != nil {
			return err
		}
	}
}

// finished: the end of the connection is what was asked for.
func (a *answers) finished() bool {
	a.state.Lock()
	defer a.state.Unlock()
	return a.state.closing && a.state.err == nil && a.front() == nil
}

// front is what the next answer is expected to be, or nil.
func (a *answers) front() *expect {
	if a.next == len(a.list) {
		clear(a.list)
		a.list, a.next = a.expected.swap(a.list), 0
		if len(a.list) == 0 {
			return nil
		}
	}
	return &a.list[a.next]
}

var errAnswer = errors.New("the server answered what was not asked")

// complete takes the end of a statement.
func (a *answers) complete(tag []byte) error {
	e := a.front()
	if e == nil {
		return errAnswer
	}
	switch e.kind {
	case counted:
		if err := a.count(e, tag); err != nil {
			return err
		}
	case committed:
		if string(tag) != "COMMIT\x00" {
			return fmt.Errorf("the transaction was not committed: %s", strings.TrimRight(string(tag), "\x00"))
		}
	case placed:
		if err := a.landed(e.commit); err != nil {
			return err
		}
	case queried:
		close(e.reply.ready)
	case commanded:
		if err := e.said(tag); err != nil {
			return err
		}
	case spoken:
		return nil
	case ready:
		return errAnswer
	}
	if e.times--; e.times == 0 {
		a.next++
	}
	return nil
}

// count compares the rows that a statement touched with those it was given.
func (a *answers) count(e *expect, tag []byte) error {
	rows, found := e.rows, tagRows(tag)
	if e.sent != nil {
		rows = e.sent.Load()
	}
	if found == rows || e.table.nothing && found < rows {
		return nil
	}
	mismatch := &CountError{Op: e.op, Rows: rows, Found: found}
	switch {
	case e.careful == nil:
		return &BatchError{Table: e.table, Final: e.final, Err: mismatch}
	case found > 0:
		return e.careful.refusal(e.item, a.types, mismatch)
	case e.careful.skip:
		e.careful.missing++
		return nil
	}
	return e.careful.missed(e.item, a.types)
}

// landed tells of a commit.
func (a *answers) landed(c *Commit) error {
	insert, flushed, _ := strings.Cut(a.place, " ")
	wal, err := catalog.ParseLSN(insert)
	if err != nil {
		return err
	}
	if c.Flushed, err = catalog.ParseLSN(flushed); err != nil {
		return err
	}
	c.WAL = a.pages.place(wal)
	a.state.Lock()
	a.state.commits = append(a.state.commits, *c)
	a.state.Unlock()
	select {
	case a.done <- struct{}{}:
	default:
	}
	return nil
}

// row takes the first column of a row. Rows of what only counts them have none.
func (a *answers) row(body []byte) error {
	e := a.front()
	if e == nil || e.kind != placed && e.kind != queried {
		return nil
	}
	if len(body) < 6 {
		return errAnswer
	}
	text := ""
	if n := int(int32(binary.BigEndian.Uint32(body[2:]))); n > 0 && 6+n <= len(body) {
		text = string(body[6 : 6+n])
	}
	if e.kind == placed {
		a.place = text
	} else {
		e.reply.rows = append(e.reply.rows, text)
	}
	return nil
}

func (a *answers) isReady(status []byte) error {
	e := a.front()
	if e != nil && e.kind == spoken {
		a.next++
		return e.spoke(status)
	}
	if e == nil || e.kind != ready {
		return errAnswer
	}
	if e.reply != nil {
		close(e.reply.ready)
	}
	a.next++
	return nil
}

// refused makes an error of the server's, which ends the session.
func (a *answers) refused(body []byte) error {
	var msg pgproto3.ErrorResponse
	if err := msg.Decode(body); err != nil {
		return err
	}
	err := pgconn.ErrorResponseToPgError(&msg)
	e := a.front()
	switch {
	case e == nil, err.SeverityUnlocalized == "FATAL", err.SeverityUnlocalized == "PANIC":
		return fmt.Errorf("target: %w", err)
	case e.kind == claimed && err.Code == ledger.ClaimLost:
		return &ClaimLostError{Mirror: a.cfg.Mirror, At: e.final, Err: err}
	case e.kind == queried:
		return fmt.Errorf("target: %w", err)
	case e.kind == commanded, e.kind == spoken:
		return &CommandError{Command: e.command, Err: err}
	case e.careful != nil:
		return e.careful.refusal(e.item, a.types, err)
	case e.kind == completed && e.rows > 0 && err.Code == uncounted:
		return &BatchError{Table: e.table, Final: e.final, Err: &CountError{Op: e.op, Rows: e.rows, Found: -1}}
	}
	return &BatchError{Table: e.table, Final: e.final, Err: err}
}

// tagRows is the count at the end of a command tag.
func tagRows(tag []byte) int64 {
	n, unit := int64(0), int64(1)
	for i := len(tag) - 2; i >= 0 && tag[i] >= '0' && tag[i] <= '9'; i-- {
		n += int64(tag[i]-'0') * unit
		unit *= 10
	}
	return n
}

// message reads one. Its body is valid until the next.
func (a *answers) message() (kind byte, body []byte, err error) {
	for len(a.in)-a.at < 5 {
		if err := a.fill(5); err != nil {
			return 0, nil, err
		}
	}
	kind = a.in[a.at]
	size := int(binary.BigEndian.Uint32(a.in[a.at+1:])) - 4
	if size < 0 || size > answerMost {
		return 0, nil, fmt.Errorf("message %q of %d bytes: not the PostgreSQL protocol", kind, size)
	}
	for len(a.in)-a.at < 5+size {
		if err := a.fill(5 + size); err != nil {
			return 0, nil, err
		}
	}
	body = a.in[a.at+5 : a.at+5+size]
	a.at += 5 + size
	return kind, body, nil
}

// fill reads more behind what is not consumed yet; need is how much of that has to fit.
func (a *answers) fill(need int) error {
	rest := copy(a.in, a.in[a.at:])
	a.in, a.at = a.in[:rest], 0
	if cap(a.in) < need {
		a.in = append(make([]byte, 0, need), a.in...)
	}
	n, err := a.hijacked.Conn.Read(a.in[rest:cap(a.in)])
	a.in = a.in[:rest+n]
	if n > 0 {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}
