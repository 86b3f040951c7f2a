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
// A command for a mirror that a subscription keeps in step goes over our own stream, too:
// apply takes the mirror over, runs the command on the source in a transaction of its own,
// has the stream run it on the target at its place, and gives the mirror back. To hold the
// source's transaction open until the server's worker has come there would keep its locks
// for as long as the target lags, and so would have to be refused over a bound of the lag,
// and a crash in between would leave either side to be finished by hand. So no lock waits
// for the other side, however far behind it is; -wait-timeout bounds the wait.
package executor
