// Package session opens every PostgreSQL session of the program.
//
// A session is the same whatever the role, database or server it runs on is set
// to: the settings that decide how values are written (DateStyle, TimeZone,
// extra_float_digits and their like), that end long work (the timeouts) and that
// hide rows (row_security) are pinned by Open. Connections carry TCP keepalives,
// so that a peer that vanished is noticed, and application_name
// bascule/<mirror>/<role>, by which they are found again.
//
// It knows, too, how one server reaches another (FromServer), has that tried (Reach.Try),
// and hands it to a command without anybody seeing what is secret in it (Reaching).
//
// Errors are classified by SQLSTATE and by the kind of the network error, never by
// text.
package session
