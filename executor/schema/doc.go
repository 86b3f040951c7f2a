// Package schema makes the source's objects on the target, from pg_dump's archive.
//
// The archive's table of contents says what there is, with the SQL that makes and
// drops each thing. Definitions are run as they are; none is taken apart. Choose
// sorts the entries:
//
//   - Pre comes before the rows, in the archive's order;
//   - Post is built on filled tables, in any order that dependencies allow;
//   - Last changes what roles may do, or what the server does on DDL: privileges,
//     default privileges, row security, event triggers.
//
// Each object is recorded in the ledger in the transaction that makes it, with its
// checksum and the statement that drops it. So a later attempt knows what is
// there, keeps what is still the same, and can undo the rest.
//
// Small objects are made many to a transaction and one round trip. When such a
// batch fails it is run again one by one, which finds the one that failed and its
// own error.
package schema
