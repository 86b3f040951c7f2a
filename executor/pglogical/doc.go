// Package pglogical has a mirror moved by the extension pglogical, which runs in both
// servers, from one position to another: until Give everything is Bascule's own stream,
// and from Take on again.
//
// What exists: on the source a node, replication sets, and the slot that the worker
// makes; on the target a node, a subscription, and a replication origin of the slot's
// name. The subscription never copies anything, neither structure nor rows. It is made
// with no sets, so that its worker makes the slot and sends nothing, and is stopped; it
// gets its sets when it is given a position.
//
// Rules:
//
//   - Positions are half-open, as everywhere. The worker records the end of each commit
//     in the origin, and the slot sends a transaction iff its commit is at or behind
//     where it is started: the same as pgoutput's.
//   - A change of a set counts from its own commit on. A table's rows of before that are
//     not sent, so a table joins under a lock that waits for its writers, and the slot is
//     moved behind that before Give goes on from it. A set that is named like the mirror's
//     with "_joined" says that this is still owed.
//   - What the subscription has not applied is in its slot alone. It is taken as it stands,
//     in time or not: PostgreSQL copies a logical slot with another output plugin, so
//     Bascule streams from a copy of it. A subscription that can never go on is taken too.
//   - What we made is known by what it is called: nodes and sets have the mirror's name,
//     and an extension that we created says so in its comment. So removal needs no record
//     of its own, and takes nothing that was there before.
//   - The provider's node that is named like the mirror is the mirror's alone, and its
//     tables are in the sets "default" and "default_insert_only". Where the database has a
//     node already, those may have other subscribers and other tables, so the mirror has
//     sets of its own there.
//   - The extension is dropped only where no slot has yet to read past what was written to
//     its tables: they are catalogue tables for decoding, which looks for them as they are
//     now, and a slot that meets a change of one that is gone can never be read again.
//   - The server quotes connection strings in its errors. None leaves this package before
//     what is secret in it is taken out.
package pglogical
