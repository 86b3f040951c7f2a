// Package depend follows pg_depend: what of a database cannot exist without what else.
//
// Objects are nodes, (class, oid), or one column of a relation. Three rules follow from how
// the server keeps dependencies, and from what pg_dump writes:
//
//   - what is a part of another object goes with the whole of it;
//   - the definition of a table holds its checks and its defaults, so a table cannot be
//     made without them;
//   - a function's text may read tables that pg_depend does not know of.
//
// Nothing here knows what a mirror is: which objects stay behind or are dropped is said by
// whoever asks.
package depend
