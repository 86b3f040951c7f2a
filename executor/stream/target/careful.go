package target

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"
)

// Careful applies a segment row by row in source order and waits until the server has
// answered all of it. The error is a *RowError or *MissingError for what one row is to
// blame for; the session has ended then. The segments of one transaction are all
// applied by Careful, or all by Send.
func (s *Session) Careful(ctx context.Context, seg *Segment) error {
	stop := context.AfterFunc(ctx, func() { s.fail(context.Cause(ctx)) })
	defer stop()
	c := &careful{seg: seg, skip: s.cfg.SkipMissing}
	if err := s.await(func() error { return s.rowByRow(seg, c) }); err != nil {
		return err
	}
	s.missed += c.missing
	if !seg.Last {
		return nil
	}
	return s.await(func() error {
		s.advance(seg)
		s.commit(seg)
		return nil
	})
}

// await sends what work makes of it, and waits until it is answered or the session has
// ended: until then the reader may look into the segment.
func (s *Session) await(work func() error) error {
	r := &reply{ready: make(chan struct{})}
	if err := s.deliver(r, work); err != nil {
		return err
	}
	return s.wait(context.Background(), r)
}

func (s *Session) deliver(r *reply, work func() error) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if err := work(); err != nil {
		s.fail(err)
		<-s.ended
		return err
	}
	s.sync(r)
	return s.sent()
}

func (s *Session) rowByRow(seg *Segment, c *careful) error {
	if err := s.begin(seg); err != nil {
		return err
	}
	if seg.First {
		s.claim()
	}
	for i := range seg.Items {
		it := &seg.Items[i]
		e := expect{careful: c, item: i}
		if it.Kind == Empty {
			s.truncate(&seg.Truncates[it.Truncate], e)
			continue
		}
		if err := s.one(it, e); err != nil {
			return err
		}
	}
	return nil
}

// refusal is the error of one change.
func (c *careful) refusal(item int, types *pgtype.Map, err error) error {
	table, key, op := c.what(item, types)
	return &RowError{Final: c.seg.final(item), Table: table, Key: key, Op: op, Err: err}
}

// missed is the error of a change whose row is not there.
func (c *careful) missed(item int, types *pgtype.Map) error {
	table, key, op := c.what(item, types)
	return &MissingError{Final: c.seg.final(item), Table: table, Key: key, Op: op}
}

// what names a change.
func (c *careful) what(item int, types *pgtype.Map) (table, key, op string) {
	it := &c.seg.Items[item]
	switch it.Kind {
	case Empty:
		var names []string
		for _, t := range c.seg.Truncates[it.Truncate].Tables {
			names = append(names, t.String())
		}
		return strings.Join(names, ", "), "", "truncate"
	case Insert:
		op = "insert"
	case Update:
		op = "update"
	case Delete:
		op = "delete"
	}
	tuple := it.Old
	if tuple == nil {
		tuple = it.New
	}
	return it.Table.String(), it.Table.keyText(tuple, types), op
}

// keyText is the key of a row for people, as the server writes it: (a, b)=(1, x).
func (t *Table) keyText(tuple []byte, types *pgtype.Map) string {
	places := make([]int, len(t.columns))
	if t.lastKey < 0 || !cut(tuple, places) {
		return ""
	}
	var names, values []string
	for _, k := range t.keys() {
		names = append(names, t.rel.Columns[k].Name)
		values = append(values, shownValue(valueAt(tuple, places[k]), t.columns[k].base, types))
	}
	return fmt.Sprintf("(%s)=(%s)", strings.Join(names, ", "), strings.Join(values, ", "))
}

// shownValue is a value for people, cut where it is long. What has no text that we
// know is written in hexadecimal digits.
func shownValue(value []byte, typ uint32, types *pgtype.Map) string {
	switch {
	case len(value) < valueHead:
		return "null"
	case value[0] == asText:
		return shortened(string(value[valueHead:]))
	}
	raw := value[valueHead:]
	if known, ok := types.TypeForOID(typ); ok {
		if v, err := known.Codec.DecodeDatabaseSQLValue(types, typ, pgtype.BinaryFormatCode, raw); err == nil {
			if text, ok := v.([]byte); !ok {
				return shortened(fmt.Sprint(v))
			} else if utf8.Valid(text) && typ != pgtype.ByteaOID {
				return shortened(string(text))
			}
		}
	}
	return shortened(`\x` + hex.EncodeToString(raw[:min(len(raw), shownMost)]))
}

// shownMost is how many bytes of a value are shown.
const shownMost = 100

func shortened(text string) string {
	if len(text) <= shownMost {
		return text
	}
	return strings.ToValidUTF8(text[:shownMost], "") + "..."
}
