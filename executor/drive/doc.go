// Package drive runs Bascule's own stream of a mirror for whoever holds the mirror: an
// apply that changes it, a command, a handover to the engine of its servers, a runner.
//
// A Mirror is what all of them know of it, and sets up the stream. Rules:
//
//   - nothing is streamed before it is found out that slot, publications and source are
//     those that the position belongs to;
//   - who starts a stream beside other work ends it: the work's context lasts as long as
//     the stream runs, so that what halts the stream ends the work too;
//   - an error that will not pass by itself is the mirror's halt, and is recorded with its
//     target, also after a cancel and where the session was lost with the stream.
package drive
