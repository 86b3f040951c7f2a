// Package verify says whether two databases are equal: their definitions, object
// by object, and their rows.
//
// It reads both catalogues into facts (a kind, a name, and properties as text) and
// compares these; rows are compared by their number and by a sum of hashes that
// does not depend on their order. It writes nothing, needs no program beside it,
// and each side is read in one REPEATABLE READ, READ ONLY transaction with its own
// pinned settings, whatever the session is set to.
//
// What two databases need not share is left out: oids, the order of columns in a
// child that inherits them, statistics of the planner, tablespaces, temporary
// objects, schema bascule, publications and subscriptions, what an extension owns
// (but for its configuration rows, and privileges that were changed), names of
// foreign keys that a partition has from its parent. A materialised view with other
// rows than the source's is equal when it is what its query gives on the target now:
// the source's was stale.
//
// Between different major versions properties are compared where both have them,
// and the text of views, rules and SQL-standard function bodies is not, since
// servers print the same query in different ways; views are then compared by
// their columns and by what they use. Versions of extensions, the privilege
// MAINTAIN, and NOT NULL as a constraint with a name (PostgreSQL 18) are not
// compared either.
package verify
