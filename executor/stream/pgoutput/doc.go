// Package pgoutput decodes the messages of PostgreSQL's own output plugin, protocol
// version 1, as a walsender sends them behind the header of each CopyData.
//
// Begin and Commit enclose the changes of one transaction; transactions come whole
// and in the order of their commits. A Relation comes before the first change of its
// table on a connection, and again when its definition moved.
//
// Rows are by far the most of it, so decoding one allocates nothing: a Row's tuples
// are parts of the message that it was read from, checked to be well-formed and left
// as they are (TupleData). Whoever keeps one longer than the message copies it.
//
// No input makes it panic or read beyond the message: what is not well-formed is a
// *FormatError.
package pgoutput
