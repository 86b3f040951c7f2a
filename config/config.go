package config

import (
	"time"

	"github.com/hashicorp/hcl/v2"
)

// Config is one folder's checked configuration. Lists are sorted by address.
type Config struct {
	// Dir is the folder that was read.
	Dir string

	// RequiredVersion is the constraint of the bascule block, or "".
	RequiredVersion string

	// Backend says where the state is kept.
	Backend Backend

	Peers   []*Peer
	Mirrors []*Mirror

	// DDL in the order that it runs in: by depends_on, then by file and line.
	DDL []*DDL

	// Digest is the SHA-256, in hex, of the files and the values of variables,
	// secrets left out: what a saved plan is bound to.
	Digest string

	// Sources holds every file that was read, by the name used in ranges, for
	// diagnostics with a snippet.
	Sources map[string]*hcl.File
}

// Backend is where the state file is kept.
type Backend struct {
	// Type is "local" (the default) or "postgres".
	Type string

	// Path of the state file, relative to the configuration folder. Default
	// bascule.state.json. Local only.
	Path string

	// URL of the database that keeps the state. Postgres only.
	URL Secret

	Range hcl.Range
}

// Peer is one PostgreSQL database that a mirror can name.
type Peer struct {
	// Address is peer.NAME, or peer.NAME["KEY"] under for_each.
	Address string

	// URL is a whole connection string; the fields below it override its parts.
	URL Secret

	Host     string
	Port     int // 0: from URL, PGPORT, or 5432
	Database string
	User     string
	Password Secret

	// PasswordCommand is run at each connect; its first line is the password.
	PasswordCommand []string

	SSLMode     string
	SSLRootCert string
	SSLCert     string
	SSLKey      string

	// ConnectTimeout in seconds. Default 15.
	ConnectTimeout int

	// FromServer is how the other server of a mirror reaches this one, for the engines
	// whose servers move the rows themselves; nil: as Bascule does.
	FromServer *FromServer

	Range hcl.Range
}

// FromServer overrides parts of a peer's address. What it comes to, the password with
// it, is stored in the other server's catalogue.
type FromServer struct {
	Host     string
	Port     int // 0: the peer's
	Database string
	User     string
	Password Secret
	SSLMode  string

	Range hcl.Range
}

// Mirror is one declared copy of a database: from a source to a target peer.
type Mirror struct {
	// Address is mirror.NAME, or mirror.NAME["KEY"] under for_each.
	Address string

	// Label is the name in the block, Key the for_each key or "".
	Label, Key string

	Source, Target *Peer

	InitialCopy bool
	Continuous  bool
	Engine      string // stream (default), pglogical, subscription

	// Tables and Exclude are patterns, schema.table with * and ?. Empty Tables
	// means every table.
	Tables  []Pattern
	Exclude []Pattern

	// Blocks are the table blocks, in file order.
	Blocks []*TableBlock

	Schema Schema
	Copy   Copy
	Stream Stream

	// Paused: a continuous mirror keeps its slot, and streams nothing.
	Paused bool

	Protect bool

	// Range of the block's header; Ranges by attribute path ("tables",
	// "schema.roles") where the file sets it.
	Range  hcl.Range
	Ranges map[string]hcl.Range
}

// Pattern selects tables by schema-qualified name.
type Pattern struct {
	Text  string
	Range hcl.Range
}

// TableBlock is what a mirror says of one table.
type TableBlock struct {
	// Schema and Name of the table on the source.
	Schema, Name string

	// TargetSchema and TargetName are where it goes. Default the same.
	TargetSchema, TargetName string

	ExcludeColumns []string

	// Where is an SQL condition; rows for which it is not true stay behind.
	Where string

	// ReplicaIdentity that the table is given on the source: "full", "index:NAME", or
	// "" for the one that it has.
	ReplicaIdentity string

	Range hcl.Range
}

// Schema says what is carried besides rows.
type Schema struct {
	Copy             bool // default true
	CreateDatabase   bool
	DatabaseSettings bool // default true
	Roles            bool
	Owners           bool
	Privileges       bool

	// Tablespaces maps source to target names. What is not in it goes to pg_default.
	Tablespaces map[string]string

	SkipExtensions []string

	// Skip holds kinds ("trigger") and kind:name patterns ("function:public.legacy_*").
	Skip []Pattern
}

// Copy tunes the initial copy.
type Copy struct {
	// Workers is how many connections to each peer copy and build at once. Default 4.
	Workers int

	// ChunkSize in bytes is about how much of a table one COPY carries. Default 256 MiB.
	ChunkSize int64

	// MaintenanceWorkMem in bytes for index builds. 0: taken from the target's settings.
	MaintenanceWorkMem int64
}

// Stream tunes how a continuous mirror follows its source.
type Stream struct {
	DDL        string        // declared (default), auto, halt
	MaxDelay   time.Duration // default 100 ms: how long a batch may stay open
	MissingRow string        // halt (default), skip

	// PublishViaPartitionRoot: changes of partitions arrive as those of their root, for
	// a target that is partitioned otherwise.
	PublishViaPartitionRoot bool

	// Slot and Publications that are there already and are used, never dropped. ""
	// and none: the mirror makes its own.
	Slot         string
	Publications []string
}

// DDL is a command that runs once on the source of its mirrors, and once on the target
// of each, at the same point among the rows.
type DDL struct {
	// Address is ddl.NAME, or ddl.NAME["KEY"] under for_each.
	Address string

	// Mirrors that it is for, all of one source.
	Mirrors []*Mirror

	// Command is one statement of SQL, or several.
	Command string

	// ReplicationSets are those of the pglogical engine. None: found from the tables' keys.
	ReplicationSets []string

	// LockTimeout is how long one try may wait for a lock. Default 3 s.
	LockTimeout time.Duration

	// RanOnSource: somebody ran it there. It runs on the targets alone, where the stream
	// stands still for it.
	RanOnSource bool

	// DependsOn are the addresses of blocks that run before.
	DependsOn []string

	// Range of the block's header; Ranges by attribute.
	Range  hcl.Range
	Ranges map[string]hcl.Range
}
