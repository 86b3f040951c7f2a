package planner

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// Checksum is a command's identity: SHA-256 in hex.
func Checksum(command string) string {
	sum := sha256.Sum256([]byte(command))
	return hex.EncodeToString(sum[:])
}

// DDLID is the name of a block's command in the ledger and in the stream.
func DDLID(address, checksum string) string {
	sum := sha256.Sum256([]byte(address + "\x00" + checksum))
	return hex.EncodeToString(sum[:8])
}

// DDL is what a change of a ddl block runs.
type DDL struct {
	Source  string      `json:"source"` // peer address
	Mirrors []DDLMirror `json:"mirrors"`

	Command  string `json:"command"`
	Checksum string `json:"checksum"` // SHA-256 of it, in hex

	LockTimeoutMillis int64 `json:"lock_timeout_ms"`

	// ReplicationSets are those of pglogical that the block names; none: those that the
	// command's tables are in.
	ReplicationSets []string `json:"replication_sets,omitempty"`

	// RanOnSource: it runs on the targets alone, at the point where the stream halted.
	RanOnSource bool `json:"ran_on_source,omitempty"`

	// Alone: it holds a statement that cannot run in a transaction (CREATE INDEX
	// CONCURRENTLY), and so runs on each side by itself.
	Alone bool `json:"alone,omitempty"`

	// Record: nothing runs. The ledgers of all its mirrors have it as applied, and the
	// state, which was lost, takes that over.
	Record bool `json:"record,omitempty"`

	// Continues: an apply before this one began with it.
	Continues bool `json:"continues,omitempty"`

	// Superseded are the IDs of versions of the block that were recorded, never ran, and
	// leave the ledgers.
	Superseded []string `json:"superseded,omitempty"`

	Statements []DDLStatement `json:"statements"`
}

// DDLMirror is one of the mirrors that a command is for.
type DDLMirror struct {
	Address string `json:"address"`
	ID      string `json:"id"`     // in the ledger
	Target  string `json:"target"` // peer address

	// Engine that carries the command: "" for Bascule's own stream, or EnginePglogical.
	Engine string `json:"engine,omitempty"`
}

// DDLStatement is what is known of one statement of a command before it runs.
type DDLStatement struct {
	Text string `json:"text"`

	// Locks that it takes on tables that are there, strongest first.
	Locks []DDLLock `json:"locks"`

	// Drops are tables that it drops by name.
	Drops []string `json:"drops,omitempty"`

	// Rewrite says whether rows are written anew: "yes", "no", "unknown".
	Rewrite string `json:"rewrite"`

	// Effects are sentences on what becomes of the mirrors: "public.invoices joins the
	// publication, inserts only: no primary key".
	Effects []string `json:"effects,omitempty"`
}

// Queues reports whether writers of its tables wait behind the statement while it waits
// for a lock. What is about all tables, which have no entry in Locks, is taken to.
func (s *DDLStatement) Queues() bool {
	return len(s.Locks) == 0 || slices.ContainsFunc(s.Locks, func(l DDLLock) bool { return !slices.Contains(harmless, l.Mode) })
}

// harmless are the locks that no writer conflicts with.
var harmless = []string{"ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE"}

// DDLLock is a lock on a table, by PostgreSQL's names: "ACCESS EXCLUSIVE", "public.users".
type DDLLock struct {
	Mode  string `json:"mode"`
	Table string `json:"table"`

	// Bytes of the table on the source, heap and TOAST, with its partitions.
	Bytes int64 `json:"bytes,omitempty"`
}
