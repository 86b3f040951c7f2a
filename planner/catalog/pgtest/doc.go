// Package pgtest runs throwaway PostgreSQL clusters for tests.
//
// A cluster is started once a test binary, at its first use, and a test gets its
// own databases in it within milliseconds, so that every test can be parallel:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
//
//	func TestRead(t *testing.T) {
//		t.Parallel()
//		db := pgtest.Server(t, 15).Database(t, "create table a (id int)")
//		conn := db.Conn(t)
//		...
//	}
//
// Four rules hold:
//
//   - a cluster listens on a free port of 127.0.0.1 only, asks for passwords
//     (SCRAM), and keeps everything in one temporary folder of the test binary, in
//     memory where there is plenty (see place);
//   - that folder and the servers in it go when the test binary goes, however it
//     dies: a watchdog holds the other end of a pipe. Nothing else is touched;
//   - as root, servers run as postgres, or as nobody where there is no postgres;
//   - roles, slots and settings belong to a cluster, not to a database. A test that
//     counts them, stops its server, or preloads pglogical takes one of its own
//     (Own, Pglogical).
package pgtest
