// Package removal takes away what was made for a mirror, on either side. Its tables and
// their rows stay.
//
// A removal has a session of the target, if that has records of the mirror and can be
// reached, and one of the source, if that has something of it. Rules:
//
//   - nobody streams the mirror any more before anything is taken away, not even when the
//     removal is interrupted: it is paused in its ledger;
//   - the source comes first: the slot, for it holds WAL, then what the slot needs, then
//     replica identities;
//   - the ledger goes last, for it says what was made;
//   - until all is gone the mirror stays in the state, as removing. Whatever is taken away
//     leaves it at once, so what is there after an error is what is left (Left), and a
//     removal can be done again;
//   - where the plan knows that the target cannot be reached, the source is put in order
//     without it, and what is on the target waits for an apply that reaches that;
//   - a name that is not what the mirror's would be is refused, whatever a record says.
package removal
