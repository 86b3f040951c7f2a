// Package executor carries out a Plan. It and what is below it is all that writes
// to a database.
//
// Rules:
//
//   - what is about to exist is in the state file before it exists;
//   - facts about rows and objects are in the ledger on the target, in the
//     transaction that made them; the state file says only what exists and why;
//   - after a kill at any moment, the same command completes the work;
//   - what must still be recorded after a cancel is recorded all the same.
//
// A mirror is carried out in attempts. An attempt takes a snapshot, undoes what the
// one before it left half-done, makes the schema, and then runs one graph of
// pieces of work on a bounded pool of workers: chunks of tables, indexes as soon as
// their table is filled, keys, foreign keys, ANALYZE. There are no phases with
// barriers in it. When the snapshot is lost, a new attempt begins.
//
// What it hands on: ddl blocks to command, the removal of mirrors to removal, the taking of
// a mirror from the engine of its servers to engine, the running of a stream to drive, the
// state file to journal. Between two applies, keep has the mirrors streamed.
package executor
