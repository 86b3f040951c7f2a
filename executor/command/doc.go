// Package command carries out ddl blocks: a command runs once on the source of its
// mirrors, and once on the target of each, where it stands in the stream.
//
// How far it is, the ledgers of its targets say: a command is recorded there before it
// runs on the source, with the source's transaction before that commits, and as applied
// by the target's transaction that ran it. So whatever was killed in between, the next
// try goes on where that one was, and nothing runs twice.
//
// Rules:
//
//   - the streams are brought to where the source is before that is changed: what stands
//     in the way of one is found first;
//   - what a command makes of the tables of a mirror is found out and published by the
//     source's transaction that runs it, and recorded with the target before that commits;
//   - a command that the source has refused is withdrawn: it ran nowhere, and may be
//     edited.
//
// A command for a mirror that a subscription keeps in step goes over our own stream, too:
// the mirror is taken over, the command runs on the source in a transaction of its own,
// the stream runs it on the target at its place, and the mirror is given back. To hold the
// source's transaction open until the server's worker has come there would keep its locks
// for as long as the target lags, and so would have to be refused over a bound of the lag,
// and a crash in between would leave either side to be finished by hand. So no lock waits
// for the other side, however far behind it is; -wait-timeout bounds the wait.
package command
