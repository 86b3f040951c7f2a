// Package planner compares what is declared with what was applied and what is
// there, and says what an apply would do.
//
// It is pure: no network, no clock, no randomness. Make is a function of its Input,
// equal inputs give byte-equal plans, and a Plan is data that can be saved, read
// by people and carried out later. Everything that a check has to say is a Finding
// with a code, before anything is written.
//
// What a mirror leaves behind is decided here, once, as a set of (class, oid):
// what was not selected, and everything that cannot exist without it, which depend
// finds. The executor only looks things up in it.
package planner
