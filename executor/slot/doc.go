// Package slot makes, checks and takes away what a continuous mirror has on its
// source: replication slots, publications, changed replica identities, and the log of
// DDL with its event triggers.
//
// A slot holds back the removal of WAL on the source until it is dropped, so a
// forgotten one fills the source's disk; and a publication that changes under a slot
// loses rows without a word. Five rules follow:
//
//   - publications are there before their slot, hold explicit lists of tables, and are
//     never made anew: only tables are added to them and dropped;
//   - only what carries our prefix and a lineage is ever dropped, and of publications
//     and slots that a configuration names nothing is changed;
//   - a slot by which copies are made is temporary: it goes with its connection;
//   - everything can be done again after a crash;
//   - before each streaming it is looked whether the slot still is the one that was
//     left, with Check.
//
// Whatever waits says for whom.
package slot
