// Package sourcelog says what makes the log of a source's DDL there, and what takes it
// away: SQL as data. It runs nothing.
//
// A log is a schema of the source with a table, functions, and two event triggers that
// call them. The triggers write down what DDL is run and keep a mirror's own publications
// right; the stream carries the rows of the table to the target. Four rules follow:
//
//   - one name is that of the schema, and of the event trigger of commands that end;
//   - the statements can be run over an older log: rows that are in it stay;
//   - the comment of the schema is a hash of the statements that made it, so that a log of
//     another build, or of other patterns, is known, and put right;
//   - what the functions must never do is at the head of log.sql.
package sourcelog
