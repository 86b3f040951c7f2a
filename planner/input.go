package planner

import (
	"bascule/config"
	"bascule/planner/catalog"
	"bascule/state"
)

// Input is all that a plan follows from. Config, State and Live are required.
type Input struct {
	// Version of the program, recorded in the plan.
	Version string

	Config *config.Config
	State  *state.File

	// Live holds every peer of Config by address.
	Live map[string]*Live

	// Destroy plans the removal of everything in State.
	Destroy bool

	// Targets and Excludes narrow the plan to, or to all but, these addresses. A
	// resource address stands for all its for_each instances.
	Targets, Excludes []string

	// Replaces are addresses of what is copied again: a mirror's, or that of one table of
	// a mirror that streams, mirror.app.table["public.orders"].
	Replaces []string
}

// Live is a peer as it was seen.
type Live struct {
	Endpoint string // host:port/database
	Name     string // of the database

	// Database is nil when Err is set or the database is Missing.
	Database *catalog.Database

	// Ledger is never nil when Database is not.
	Ledger *catalog.Ledger

	// Engines of its servers that mirrors of the ledger were handed to, by their ID.
	Engines map[string]*catalog.EngineNow

	// Pglogical is what that extension has in the database, where a mirror that it is to
	// move has it on either side; nil where the extension is missing.
	Pglogical *catalog.Pglogical

	// Ways are how its server fared when it was asked to connect to peers, by their
	// address: where it is the target of a mirror that the servers are to move.
	Ways map[string]Way

	// Slots of its server, and Publications of the database, where a continuous mirror
	// has it as its source.
	Slots        []catalog.Slot
	Publications []catalog.Publication

	// Server is another database of the same server, where Database is Missing: for
	// what all its databases share. Nil when it could not be read.
	Server *catalog.Database

	// Dump is the pg_dump that would read this peer, when a mirror has it as its
	// source.
	Dump DumpProgram

	// Free is the room on the disk of the server's data, in bytes, 0 where it cannot
	// be known: only for servers on this machine.
	Free int64

	// Missing: the server answers, but has no database of that name.
	Missing bool

	Err error
}

// Way is how a server fared that was asked to connect to a peer.
type Way struct {
	Endpoint string // where it looked: host:port/database, "" when that was not to be known
	Said     string // what it said, on one line and without a password; "" when it got there
	Remedy   string // beyond what goes for each way, or ""

	// Untried: the role may not have the server try. Said is why.
	Untried bool
}

// DumpProgram is a pg_dump on this machine. Path is "" when there is none.
type DumpProgram struct {
	Path    string
	Version int // major: 15
}
