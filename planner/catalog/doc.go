// Package catalog is the only reader of PostgreSQL's catalogues.
//
// Read takes everything the planner and the executor need to know of a database
// in one READ ONLY, REPEATABLE READ transaction, with a fixed number of queries,
// however many tables there are. It calls only functions of an allow-list that a
// test holds: a read-only transaction alone does not keep SQL from dropping slots
// or emitting messages.
//
// Objects are identified by (class, oid), as in pg_depend. Names are for people.
package catalog
