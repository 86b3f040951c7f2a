// Package keep keeps the mirrors streaming that an apply has made: it is the runner.
//
// Each mirror has a keeper, with one session on the target, whose locks say that a runner
// is there and, by the lease, that it is the one that streams. When that session is lost
// the lease is too, and the stream ends; until it does, the position's epoch keeps it from
// committing what another has taken over.
//
// Rules:
//
//   - the ledger says what is to be done, and whoever wants the mirror gets it;
//   - an error that passes by itself is tried again for ever, one that does not is the
//     mirror's halt, and neither ends another mirror;
//   - the state file is read, and never written.
package keep
