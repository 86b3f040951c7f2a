// Package ledger owns schema bascule on the target: its tables, their format, and
// every statement that writes them.
//
// The ledger holds the facts that must be crash-safe together with rows and
// objects on the target: which objects of the archive are made, which parts of
// which tables are there, which commands were run. A record is written in the transaction that did the
// thing it speaks of, so it is there if and only if the thing is.
//
// A mirror's records go when the mirror goes, and the schema goes with the last
// mirror. Records of objects and chunks are needed to go on after a crash, and are
// deleted when the mirror is complete.
//
// Statements that belong into somebody else's transaction are returned as SQL text
// with literals, because that transaction is sent as one simple-protocol message.
package ledger
