// Package subscription has the target's own server follow the source: CREATE
// SUBSCRIPTION over the slot and the publications that Bascule's stream has made.
//
// Rows are never copied by it, and whatever an apply does to a mirror is done over our
// own stream. Between two applies the server's worker streams from the same slot, so
// handing over is exact in either direction:
//
//   - Give: the target has all that committed before a position, and nothing else. The
//     subscription's replication origin is set to that position; the server asks for
//     the slot from there, and is sent exactly the transactions that commit at it or
//     behind it.
//   - Take: the subscription is disabled, its processes have ended and the slot is idle.
//     The target then has what its origin says, which moves only in the transaction that
//     writes the rows, or what the slot was acknowledged where that is further: the
//     server acknowledges what is flushed, so that is never more than the target keeps
//     in a crash, synchronous_commit off or not.
//
// Four rules follow:
//
//   - a subscription is made anew at each Give: REFRESH PUBLICATION works on one that is
//     enabled only, which would stream already, and what it connects with may have
//     changed;
//   - an origin is moved in a later transaction than the one that makes it: where it
//     stands is no part of the transaction, and would stay behind for whoever gets its
//     number next;
//   - the slot is named to the subscription only when it is enabled, so that nothing that
//     happens to a subscription, least of all DROP, touches the slot;
//   - disable_on_error stays off. With it any error ends the subscription for good, and a
//     source that crashes or a cable that is pulled is one. Without it the server tries
//     again every wal_retrieve_retry_interval, and counts its failures.
//
// What the server connects with, the password in it, is stored in pg_subscription,
// where superusers can read it. It is given as a parameter to a DO block, whose text,
// and not CREATE SUBSCRIPTION's, is what the server's log and pg_stat_statements get to
// see. Three things can still write it down: log_statement = all, which a superuser's
// session switches off and any other role has to live with; an extension that logs
// commands inside blocks (pg_stat_statements.track = all, pgaudit); and from 16 on the
// worker itself, where log_min_messages is debug1 or lower.
package subscription
