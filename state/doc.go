// Package state keeps the state file: what exists because of us, and why.
//
// Rules:
//
//   - intent is saved before anything comes to exist, so that a crash leaves
//     nothing that the file does not name;
//   - a save is atomic (temporary file, fsync, rename, fsync of the folder) and
//     readable by its owner only;
//   - it never holds a password, nor a hash of one;
//   - one process at a time holds the lock, which is the operating system's, so a
//     killed process leaves none behind.
package state
