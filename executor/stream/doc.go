// Package stream follows a source: it receives what the walsender of a slot sends,
// decodes it, and has it applied to the target, transaction by transaction in the
// order of their commits, each exactly once.
//
// A Stream lives through many connections. Each takes the mirror's position under a
// new epoch and starts replication there, so what an earlier connection left in flight
// either was committed before, and is counted in, or never can be. On one connection
//
//   - the receiver decodes and fills batches: many small transactions of the source in
//     one of the target, or one big one in several pieces;
//   - the applier hands batches to the target's session, which answers later;
//   - the watcher reads those answers, and the reporter tells the source.
//
// Batches are few and come back when they are sent, so what is held in memory is
// bounded from the socket to the target, whatever the size of a transaction; a row
// that is larger than a batch travels alone.
//
// What is acknowledged to the source is on the target's disk, always, and until
// something is, it is the position that the connection began at.
//
// A command of a ddl block arrives as a message in the source's transaction that ran it:
// an id, of which the ledger has the text. At that transaction's commit all before is
// committed here, and one transaction runs the command, records it and moves the
// position. Then the link ends, and the next one sees tables and members as they have
// become. A transaction that brings such a message and rows of the mirror's tables halts
// the stream: no command of ours is of that kind.
//
// DDL that nobody declared can be followed too (Config.DDL): the source logs it, and the
// log is published. A transaction that has entries of the log is received twice, for only
// at its end it is known whether it is a block's. Then it is applied by itself, its
// commands where they stand among its rows; see surprise.go.
//
// A table that was changed on the source alone is seen before the first row that does
// not fit: by the source's description of it, by what the target has, and by what the
// ledger records of how the source described it before. That also tells a column that
// was dropped from one that only the target ever had. The halt stands right before the
// transaction of that row, names what was changed and says the command that makes the
// target the same. What no row shows, a default, NOT NULL, an index, is not seen.
//
// Nothing is diagnosed while it is fast. A batch that fails ends the connection; the
// next one begins at the last committed position and applies carefully, row by row and
// a transaction at a time, until it is past the place. What fails then is exact, and
// halts the stream (HaltError).
package stream
