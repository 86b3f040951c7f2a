package stream

import (
	"errors"
	"strings"

	"bascule/executor/stream/target"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// The rows that a table is filled with are of a later moment than what the stream has come
// to, and so may be what they are of: an enum has a label by then, or a domain lacks a
// check, that the target has yet to be told of. Behind that moment they fit.

// misfit notes that the target refused a table's rows for what they are. The table waits
// until the stream has come to their moment.
func (s *Stream) misfit(err error) bool {
	k := s.filling
	s.filling = nil
	var refused *target.CommandError
	if k == nil || !errors.As(err, &refused) || refused.Command.Into == "" || !ofValues(session.Code(err)) {
		return false
	}
	w := waiting{after: k.point, misfits: 1}
	if was := s.waits[k.oid]; was != nil {
		w.misfits += was.misfits
	}
	if w.misfits > mostMisfits {
		return false
	}
	s.waits[k.oid] = &w
	s.wishFor()
	s.log.Info("rows do not fit yet", "table", k.name, "lsn", k.point, "error", err)
	return true
}

// mostMisfits is how often rows of a table may not fit, each time of a moment that the
// stream has come to by the next.
const mostMisfits = 3

// ofValues reports whether a server refuses values for what they are, or for a constraint.
func ofValues(code string) bool {
	return strings.HasPrefix(code, "22") || strings.HasPrefix(code, "23")
}

// early reports whether a table's rows are not tried before a transaction, for they did not
// fit.
func (s *Stream) early(oid uint32, final catalog.LSN) bool {
	w := s.waits[oid]
	return w != nil && w.misfits > 0 && !reached(final, w.after)
}
