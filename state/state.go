package state

import "time"

// Format is the version of the file format that this build writes. A file of a
// newer format is refused.
const Format = 1

// File is the state: what exists and why. Facts about tables and chunks are
// never here but in the ledger on the target.
type File struct {
	Format  int    `json:"format"`
	Version string `json:"version"` // of the build that wrote it

	// Serial goes up by one with each save.
	Serial int64 `json:"serial"`

	// Lineage is a random UUID made with the file. Its first 8 hex digits are in
	// the name of everything that is created on a peer.
	Lineage string `json:"lineage"`

	// Resources are sorted by address.
	Resources []*Resource `json:"resources"`

	// Journal holds the steps of an apply that has not ended, oldest first.
	Journal []JournalEntry `json:"journal,omitempty"`
}

// Status of a resource.
const (
	Creating = "creating" // intent is written; parts of it may exist
	Ready    = "ready"
	Removing = "removing"
)

// Resource is one thing that a configuration declared and an apply made.
type Resource struct {
	Address string    `json:"address"`
	Status  string    `json:"status"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`

	Peer   *Peer   `json:"peer,omitempty"`
	Mirror *Mirror `json:"mirror,omitempty"`
	DDL    *DDL    `json:"ddl,omitempty"`
}

// Peer is which database a peer address was when it was last applied.
type Peer struct {
	// Endpoint is host:port/database, without user or password.
	Endpoint         string `json:"endpoint"`
	SystemIdentifier string `json:"system_identifier"`
	DatabaseOID      uint32 `json:"database_oid"`
}

// Mirror is what was applied for a mirror.
type Mirror struct {
	Source string `json:"source"` // peer address
	Target string `json:"target"`

	// Digest of the settings that decide what arrives on the target.
	Digest string `json:"digest"`

	// Settings is those settings, for saying what changed.
	Settings map[string]string `json:"settings"`

	Continuous bool `json:"continuous"`

	// Engine is "" for Bascule's own stream, else the servers' own: pglogical, subscription.
	Engine string `json:"engine,omitempty"`

	// Subscription is the name of that engine's on the target.
	Subscription string `json:"subscription,omitempty"`

	// Epoch is that of its position in the ledger when it was last applied. It only ever
	// rises, so that a ledger with a lower one is of an earlier time: its database was
	// restored. 0 where it is not known.
	Epoch int64 `json:"epoch,omitempty"`

	// DisabledTriggers are tables of the target, quoted, whose triggers are switched off
	// while the mirror lives.
	DisabledTriggers []string `json:"disabled_triggers,omitempty"`

	// OnSource is what a continuous mirror made on its source, for removing it when the
	// ledger is gone. While a mirror is removed it says what is left of that.
	OnSource *OnSource `json:"on_source,omitempty"`

	// Protect refuses removal and overwriting.
	Protect bool `json:"protect,omitempty"`
}

// OnSource names what was made or changed on a source; what was there before is no
// part of it.
type OnSource struct {
	Slot         string            `json:"slot,omitempty"`
	Publications []string          `json:"publications,omitempty"`
	Log          string            `json:"log,omitempty"` // schema of the log of DDL
	Identities   []ReplicaIdentity `json:"identities,omitempty"`
}

// Empty reports whether nothing of it is there; so it is where nothing was made.
func (o *OnSource) Empty() bool {
	return o == nil || o.Slot == "" && o.Log == "" && len(o.Publications) == 0 && len(o.Identities) == 0
}

// Left reports whether a removal has taken away what the mirror had on its source.
// What it has on its target is still there: else it would not be in the state.
func (r *Resource) Left() bool {
	return r != nil && r.Status == Removing && r.Mirror != nil && r.Mirror.OnSource.Empty()
}

// ReplicaIdentity is a table's, as it was made, and as it was.
type ReplicaIdentity struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Is     string `json:"is"`
	Was    string `json:"was"`
}

// JournalEntry records one step of an apply.
type JournalEntry struct {
	Address string    `json:"address"`
	Step    string    `json:"step"`
	Status  string    `json:"status"` // started, done, failed
	At      time.Time `json:"at"`
	Error   string    `json:"error,omitempty"`
}

// Find returns the resource with this address, or nil.
func (f *File) Find(address string) *Resource {
	for _, r := range f.Resources {
		if r.Address == address {
			return r
		}
	}
	return nil
}

// DDL is a command that was applied, or is about to be.
type DDL struct {
	Source  string   `json:"source"`  // peer address
	Mirrors []string `json:"mirrors"` // addresses

	// Checksum of the command: SHA-256 in hex.
	Checksum string `json:"checksum"`

	// LSN of the source's commit and when that was, once it is on all targets.
	LSN     string    `json:"lsn,omitempty"`
	Applied time.Time `json:"applied,omitzero"`
}
