// Package ddllog reads what a source has logged of the DDL that was run there, and decides
// what of it is run on the target, and what becomes of the mirror's members.
//
// Event triggers on the source write an entry for each command, in the command's own
// transaction, so an entry arrives where the command stands among the rows. It has the
// whole text that the client sent. That text is run again only if it is one statement,
// and the one that the entry is of: what came with others, or was run inside a function
// or a DO, would run more than the entry says. Then the mirror stands still, with a block
// that says what is to be run.
//
// Entries speak of tables by their oid, under the names and with the keys that they had
// when the command had run. So they are right however far the source is ahead.
package ddllog
