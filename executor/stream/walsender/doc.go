// Package walsender is the client's end of START_REPLICATION: it takes a replication
// connection over, reads what the source's walsender sends, and tells it what may be
// forgotten.
//
// Three goroutines share a Conn. One runs Read, which fills blocks of a fixed number
// from the socket and waits when all are full: that is the bound on what has been
// received and not looked at. One takes the blocks apart into messages (Blocks,
// Messages, Release). One sends status updates (Status). Finish ends it in order, so
// that the slot is free when it returns; Close ends it anyhow.
//
// A message is valid until the block that it came from is released. Only one that is
// larger than a block has memory of its own, which whoever keeps it may take over.
package walsender
