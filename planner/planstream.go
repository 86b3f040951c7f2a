package planner

import (
	"bascule/config/pgname"
	"bascule/planner/catalog"
	"bascule/planner/sourcelog"
)

// Stream is how a continuous mirror follows its source. As JSON it is also what the
// ledger keeps of it, for whoever drives the mirror next.
type Stream struct {
	// Slot on the source. OwnSlot: made for the mirror, and dropped with it.
	Slot    string `json:"slot"`
	OwnSlot bool   `json:"own_slot"`

	// Publication holds the tables whose every change is followed, Inserts those of
	// which only INSERT and TRUNCATE are. Own: made for the mirror.
	Publication     string `json:"publication"`
	Inserts         string `json:"inserts,omitempty"`
	OwnPublications bool   `json:"own_publications"`

	// ViaRoot: changes of partitions are published as those of their root.
	ViaRoot bool `json:"via_root,omitempty"`

	// Binary: values travel in their types' binary form.
	Binary bool `json:"binary"`

	// Failover: the slot is one that a standby can keep in step (17 and later).
	Failover bool `json:"failover,omitempty"`

	// Engine is what moves rows between two applies: "" for Bascule's own stream,
	// otherwise EnginePglogical or EngineSubscription, and Subscription is then the name
	// of that server's subscription on the target. Whatever an apply has to do to the
	// mirror, it does over its own stream, from and to the servers' position.
	Engine       string `json:"engine,omitempty"`
	Subscription string `json:"subscription,omitempty"`

	// Log is the schema on the source that holds the log of the DDL that is run there,
	// which event triggers of the same name fill; "" where DDL is "declared".
	Log string `json:"log,omitempty"`

	// LogTables and LogExclude are the mirror's patterns, by which the log's triggers
	// know the tables that are to be followed.
	LogTables  []string `json:"log_tables,omitempty"`
	LogExclude []string `json:"log_exclude,omitempty"`

	// OwnersKept and PrivilegesKept: the target has the source's owners, and privileges.
	// Then DDL of the log runs as the role that ran it, and what changes these runs too.
	OwnersKept     bool `json:"owners,omitempty"`
	PrivilegesKept bool `json:"privileges,omitempty"`

	InitialCopy bool `json:"initial_copy"`

	MaxDelayMillis int64  `json:"max_delay_ms"`
	MissingRow     string `json:"missing_row"` // halt, skip
	DDL            string `json:"ddl"`         // declared, auto, halt

	// Paused: nothing is streamed; the slot keeps its WAL.
	Paused bool `json:"paused,omitempty"`

	// ReplicaRole: changes are written under session_replication_role = replica.
	ReplicaRole bool `json:"replica_role"`

	// DisableTriggers are tables of the target, quoted, whose own triggers are
	// switched off while the mirror lives, where ReplicaRole is not to be had.
	DisableTriggers []string `json:"disable_triggers,omitempty"`

	// Silenced are the triggers that were switched off there, as they were: recorded
	// before it is done, and put back when the mirror goes. A plan has none.
	Silenced []Trigger `json:"silenced,omitempty"`

	// Identities are replica identities that are changed on the source, and put back
	// when the mirror goes.
	Identities []ReplicaIdentity `json:"identities,omitempty"`

	// SystemIdentifier of the source's cluster: its position has no meaning in another.
	SystemIdentifier string `json:"system_identifier"`
}

// Engines that the servers have themselves.
const (
	EnginePglogical    = catalog.EnginePglogical
	EngineSubscription = catalog.EngineSubscription
)

// What stream { ddl } asks for.
const (
	DDLDeclared = "declared"
	DDLAuto     = "auto"
	DDLHalt     = "halt"
)

// SourceLog is the log of DDL that the stream has on its source. It has none where Log is "".
func (s *Stream) SourceLog() sourcelog.Log {
	return sourcelog.Log{Name: s.Log, Publication: s.Publication, Inserts: s.Inserts, ViaRoot: s.ViaRoot, Tables: s.LogTables, Exclude: s.LogExclude}
}

// Trigger of a table, whose name is quoted. Was is when it fired: enable, enable
// always, enable replica.
type Trigger struct {
	Table string `json:"table"`
	Name  string `json:"name"`
	Was   string `json:"was"`
}

// ReplicaIdentity is a change of one table's replica identity. Both values are
// default, nothing, full, or index:NAME.
type ReplicaIdentity struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Is     string `json:"is"`
	Was    string `json:"was"`
}

// SQL makes the change, and Back takes it back.
func (r ReplicaIdentity) SQL() string  { return r.set(r.Is) }
func (r ReplicaIdentity) Back() string { return r.set(r.Was) }

func (r ReplicaIdentity) set(to string) string {
	const index = "index:"
	if len(to) > len(index) && to[:len(index)] == index {
		to = "using index " + pgname.Quote(to[len(index):])
	}
	return "alter table only " + pgname.Qualified(r.Schema, r.Name) + " replica identity " + to
}

// What is followed of a table (Table.Follow).
const (
	FollowAll     = "all"
	FollowInserts = "inserts" // and TRUNCATE
	FollowNone    = "none"    // copied once: unlogged, of an extension, without rows of its own
)

// What is done to a table of a mirror that streams already (Table.Work).
const (
	WorkAdd    = "add"
	WorkAgain  = "again"  // copied again
	WorkRemove = "remove" // no longer followed; its rows stay
)
