// Package journal changes the state file of an apply, and saves it with each change.
//
// Rules:
//
//   - what came to be is saved also after a cancel;
//   - a change under way has one entry for each of its steps, the step's last word; the
//     entries go when the change is settled.
package journal
