// Package trigger switches the target's own triggers off while a mirror lives that
// streams into their tables, and makes them fire as before when it goes. That is for a role
// that may not write the changes with session_replication_role, by which they do not fire.
//
// How a trigger fired is in Stream.Silenced of the mirror's ledger. Rules:
//
//   - it is recorded there before the trigger is switched off, and what is found switched
//     off and is not recorded is none of ours;
//   - only a trigger that still is off is switched back: what somebody else made of it
//     since is theirs;
//   - the lock of its table is tried for in turns that let others in between.
package trigger
