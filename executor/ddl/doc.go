// Package ddl runs the command of a ddl block on the source of its mirrors, in one
// transaction that ends with a logical message: where it stands in the stream, each
// target runs the command, too.
//
// Five rules follow:
//
//   - the application is never queued behind the command for longer than its
//     lock_timeout: what was not got in that time is tried again after a pause;
//   - which transaction runs the command is recorded on the targets before it commits,
//     so that after a crash the source can be asked what became of it;
//   - the message carries no SQL. Any role can write one: a target runs only what it
//     finds in its own ledger under the message's id and nonce;
//   - a command that wrote rows of a table that is followed is rolled back: they would
//     arrive a second time by the stream;
//   - nothing of ours, schema bascule and the mirrors' publications, may be touched by
//     the command.
//
// What cannot run in a transaction runs statement by statement, on each server by
// itself, and is tracked so that no statement runs twice.
package ddl
