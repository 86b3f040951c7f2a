// Package target writes what a stream decoded to the target, in transactions that
// move the mirror's position with the rows.
//
// A Session owns one connection. Send turns a Segment into protocol messages and
// returns when they are in the session's buffers; nothing waits for an answer, so the
// server always has its next statement. Every answer is read and checked all the
// same: the first one that is not as expected ends the session, and nothing that was
// sent behind it can commit, for each transaction begins by claiming the position
// under the epoch and the LSN that the one before it was to leave.
//
// Changes of one key inside a segment are folded into one, and a table's changes go as
// one DELETE, one UPDATE and one COPY. That changes their order, which is harmless
// unless values of another unique index move from row to row, or something on the
// target looks at single rows. So two rules follow:
//
//   - a table with triggers or rules that fire in this session is applied row by row,
//     and everything in its segment with it;
//   - a failure of the fast path says nothing of the row to blame. The caller takes a
//     new session and applies the same transactions by Careful: row by row in source
//     order. It succeeds (then the table is to be kept in order from there on), or
//     says exactly which row it was.
//
// One goroutine calls Table, Send, Careful and Close; Run, Done, Commits and
// Flushed may be called beside it.
package target
