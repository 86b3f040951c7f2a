package stream

import (
	"context"
	"errors"

	"bascule/executor/stream/target"
	"bascule/planner/session"
)

// suspect is the table at which a batch failed. unique: by an error that can come of
// the order in which rows were written.
type suspect struct {
	table  uint32 // its oid on the source; 0: it is not known
	unique bool
}

// note remembers where a batch failed, so that the next link applies it carefully.
func (s *Stream) note(err error, sent *flights) {
	var failed *target.BatchError
	if !errors.As(err, &failed) || session.Transient(err) {
		return
	}
	s.careful = max(s.careful, sent.end(failed.Final))
	s.suspect = suspect{unique: unique(failed.Err)}
	if failed.Table != nil {
		s.suspect.table = failed.Table.OID()
	}
}

func unique(err error) bool {
	code := session.Code(err)
	return code == codeUnique || code == codeExclusion
}

// recover goes back to the fast path behind the place where a batch failed. All before
// is committed: row by row it was right, so a table that hands unique values from row
// to row, or fails time and again, keeps its order from here on.
func (r *receiver) recover(life context.Context) error {
	if err := r.drain(life); err != nil {
		return err
	}
	s := r.link.s
	if oid := s.suspect.table; oid != 0 {
		s.strikes[oid]++
		if s.suspect.unique || s.strikes[oid] >= mostStrikes {
			s.inOrder[oid] = struct{}{}
			s.log.InfoContext(life, "changes of a table keep their order from here on", "relation", oid, "lsn", s.careful)
		}
	}
	s.careful, s.suspect = 0, suspect{}
	r.forget() // the target's tables are told when they are looked up again
	return nil
}

const mostStrikes = 3
