// Package snapshot copies the rows of many tables under one view of the source.
//
// A Holder locks the tables and exports the snapshot; every Worker reads inside
// it. A chunk is one COPY: a whole table, or a range of its blocks. It is written
// and recorded in the ledger in one transaction on the target, so it is there
// whole, once, or not at all. A table that is one chunk is truncated and written
// frozen in that transaction.
//
// Bytes go through as the server writes them, see package relay.
package snapshot
