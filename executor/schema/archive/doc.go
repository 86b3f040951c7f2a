// Package archive has pg_dump describe a database and reads what it wrote.
//
// pg_dump knows every kind of object of every server version; nothing else does.
// Run has it write its custom format, of which Read takes the table of contents:
// one Entry an object, with the SQL that makes it, the SQL that drops it, its
// owner, and what it depends on. No SQL text is taken apart.
//
// Three rules:
//
//   - pg_dump never learns how to connect. Run gives it a socket in a folder of
//     our own and passes its messages through a connection that was opened like
//     every other, so that it has the same server, role, TLS and application_name,
//     and no password is in its arguments, its environment or a file;
//   - an archive is not trusted: no length in it makes Read allocate more than the
//     bytes that are really there, and an error says at which byte it stands;
//   - an Entry is as it was read. What is carried is for the caller to choose.
package archive
