// Package engine hands a mirror from Bascule's own stream to the engine of its servers,
// and back.
//
// An engine is what moves the rows of a mirror between two applies: something that the
// servers have themselves. Whatever an apply does to such a mirror, it does over
// Bascule's own stream, which is exact: the first copy, a table that is added or copied
// again, what an apply that was killed has left. So there is one way to do each of these
// for all engines, and what differs is only how rows are handed from one carrier to the
// other, at one position: all that committed before it is on the target, and nothing else.
//
// Rules:
//
//   - who moves the mirror is in its ledger before the engine is started, and after it is
//     stopped: what was killed in between is taken back as if the engine had been at work;
//   - there is always a slot that one of the two can go on from: of two slots, each is made
//     before the other is dropped;
//   - who takes a mirror from its engine gives it back, also after an error or a cancel,
//     but where it is halted or paused, or a command is under way that only Bascule's stream
//     would run.
package engine
