// Package statement says what a command of SQL is going to do, before it runs: which
// tables it locks and how, whether rows are rewritten, what is created, dropped and
// renamed, and what may come out differently on two servers.
//
// The grammar is PostgreSQL's own, that of version 17, compiled to WebAssembly: no
// server is asked, and what Parse says is the same everywhere. Compiling it takes about
// two seconds at the first Parse of a process, so what need not be parsed should not be.
//
// Three rules follow from having no server:
//
//   - what only the catalogue knows is said to be unknown, never guessed: the type that a
//     column has, what hangs on a CASCADE, what a function does;
//   - names mean what they mean under the empty search_path that commands run with: an
//     unqualified one is pg_catalog's or nobody's;
//   - locks are the strongest on each relation that the statement names. PostgreSQL 15 to
//     18 agree on them but for GRANT, which locks since 18. Partitions and child tables
//     are mostly locked as their parent is; Also tells what else the catalogue leads to
//     (the default partition at ATTACH PARTITION), but not all of it: the other side of
//     the foreign keys of a table that is dropped is missing.
//
// What a later version's grammar knows more (virtual generated columns, NOT NULL
// constraints that are NOT VALID, temporal keys, all of 18) is a SyntaxError here.
package statement
