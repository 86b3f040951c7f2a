// Package pgname writes names and text the way PostgreSQL reads them, and makes
// names for what the program creates on a server.
//
// Everything that puts a name into SQL goes through here. Two rules follow:
//
//   - names are quoted always, so no list of reserved words has to be kept up
//     with the server's version;
//   - text is safe under both values of standard_conforming_strings.
//
// A NUL byte has no form in SQL: it is passed on, and the server refuses the
// whole statement.
package pgname
