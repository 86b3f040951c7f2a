package planner

// Format is the version of the plan's JSON form.
const Format = 1

// Actions of a change.
const (
	Create  = "create"
	Update  = "update"
	Replace = "replace"
	Run     = "run"
	Remove  = "remove"
	Forget  = "forget" // leaves the state; nothing on a peer changes
)

// Severities of a finding.
const (
	Refusal = "error" // apply is refused
	Warning = "warning"
	Notice  = "info"
)

// Plan is everything that an apply would do, as data.
//
// Equal inputs give byte-equal plans: it holds no time, no random value and no
// secret.
type Plan struct {
	Format  int    `json:"format"`
	Version string `json:"version"` // of the build that made it

	// What it is bound to. apply refuses a saved plan when any of these moved.
	ConfigDigest string `json:"config_digest"`
	StateSerial  int64  `json:"state_serial"`
	Lineage      string `json:"lineage"`

	// What it was narrowed to, as in Input.
	Destroy  bool     `json:"destroy,omitempty"`
	Targets  []string `json:"targets,omitempty"`
	Excludes []string `json:"excludes,omitempty"`

	// Replaces is what it copies again, as in Input.
	Replaces []string `json:"replaces,omitempty"`

	Peers    []Peer    `json:"peers"`
	Changes  []Change  `json:"changes"`
	Findings []Finding `json:"findings"`
}

// Peer is a database that the plan speaks of, as it was seen.
type Peer struct {
	Address  string `json:"address"`
	Endpoint string `json:"endpoint"` // host:port/database

	// Version is the server's, "15.20". Error says why the peer could not be
	// read; the other fields are empty then.
	Version          string `json:"version,omitempty"`
	SystemIdentifier string `json:"system_identifier,omitempty"`
	DatabaseOID      uint32 `json:"database_oid,omitempty"`
	Fingerprint      string `json:"fingerprint,omitempty"`
	Error            string `json:"error,omitempty"`

	// Missing: the server is there, the database is to be created.
	Missing bool `json:"missing,omitempty"`
}

// Change is what happens to one address.
type Change struct {
	Address string `json:"address"`
	Action  string `json:"action"`

	// Reason is a sentence for actions that are not plain from the files:
	// "interrupted; all tables are copied again".
	Reason string `json:"reason,omitempty"`

	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`

	// Attributes that differ, for an update or replace.
	Attributes []Attribute `json:"attributes,omitempty"`

	Mirror *Mirror `json:"mirror,omitempty"`
	DDL    *DDL    `json:"ddl,omitempty"`
	Steps  []Step  `json:"steps"`

	// DataLoss names what an apply of this change overwrites on the target; it
	// then needs -allow-data-loss=ADDRESS.
	DataLoss []string `json:"data_loss,omitempty"`
}

// Attribute is one difference between what was applied and what is declared.
type Attribute struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// Step is one thing that is done to a peer, in order.
type Step struct {
	ID      string   `json:"id"`   // unique within the change: "copy public.orders"
	Kind    string   `json:"kind"` // ledger, database, roles, schema, copy, sequences, settings, cleanup, state
	Peer    string   `json:"peer,omitempty"`
	Summary string   `json:"summary"`
	SQL     []string `json:"sql,omitempty"`
	Command []string `json:"command,omitempty"` // pg_dump, without connection
}

// Mirror is what a mirror will carry.
type Mirror struct {
	Source string `json:"source"` // peer address
	Target string `json:"target"`
	Engine string `json:"engine"`

	// AdoptFrom is the ledger's record that is taken over, when nothing else is done.
	AdoptFrom string `json:"adopt_from,omitempty"`

	// Clean: what the archive creates is dropped first where it exists.
	Clean bool `json:"clean,omitempty"`

	// Resume: an attempt before this one left what it made, and its records of that.
	Resume bool `json:"resume,omitempty"`

	// Protect refuses removal and overwriting until it is lifted by its own change.
	Protect bool `json:"protect,omitempty"`

	// Stream is how it follows its source; nil for a mirror that copies once. Of a
	// mirror that is removed, it is what is taken off the source.
	Stream *Stream `json:"stream,omitempty"`

	// Before is how the mirror followed its source until a change that makes it anew,
	// or removes something of it: what is there and Stream does not have, goes.
	Before *Stream `json:"before,omitempty"`

	// ID is the mirror's name in the ledger and in application_name.
	ID       string            `json:"id"`
	Digest   string            `json:"digest"`
	Settings map[string]string `json:"settings"`

	Tables []Table `json:"tables"`

	// Sequences whose values are carried.
	Sequences []Sequence `json:"sequences,omitempty"`

	// Refresh lists the materialised views to fill, in an order that works.
	Refresh []string `json:"refresh,omitempty"`

	// Objects counts what is carried besides tables, by kind, in display order.
	Objects []Count `json:"objects"`

	// LeftOut lists what stays behind, with why. It is exact: (class, oid).
	LeftOut []LeftOut `json:"left_out,omitempty"`

	// Extensions that are created on the target.
	Extensions []string `json:"extensions,omitempty"`

	LargeObjects int64 `json:"large_objects,omitempty"`

	// Bytes and Rows to copy, in all.
	Bytes int64 `json:"bytes"`
	Rows  int64 `json:"rows"`

	Options Options `json:"options"`
}

// Table is one table whose rows are carried.
type Table struct {
	OID    uint32 `json:"oid"` // on the source
	Schema string `json:"schema"`
	Name   string `json:"name"`

	// TargetSchema and TargetName are set where they differ.
	TargetSchema string `json:"target_schema,omitempty"`
	TargetName   string `json:"target_name,omitempty"`

	// RootSchema and RootName are set where a partition's rows are written to its root
	// on the target, whose partitions may be others.
	RootSchema string `json:"root_schema,omitempty"`
	RootName   string `json:"root_name,omitempty"`

	// Kind is "table", "partitioned" (no rows of its own), "config" (of an extension).
	Kind string `json:"kind"`

	// PartitionOf is the oid of the table that this is a partition of. One at most;
	// an inheritance child is none.
	PartitionOf []uint32 `json:"partition_of,omitempty"`

	// Parts is how many COPY statements carry its rows, by ranges of blocks.
	Parts int `json:"parts"`

	// Bounds, set while a copy is carried out, cut the parts by ranges of the first
	// column of Key instead: one fewer than there are parts.
	Bounds []int64 `json:"-"`

	Bytes int64   `json:"bytes"` // heap and TOAST
	Rows  float64 `json:"rows"`  // estimate; -1 unknown
	Pages int64   `json:"pages"`

	// Columns that are copied, in order.
	Columns []string `json:"columns"`
	// Dropped are columns that are excluded.
	Dropped []string `json:"dropped,omitempty"`
	Where   string   `json:"where,omitempty"`

	// Late: writing its rows calls functions that may read other tables, whose rows
	// come first.
	Late bool `json:"late,omitempty"`

	// Condition narrows the rows of an extension's configuration table.
	Condition string `json:"condition,omitempty"`

	// Binary: rows travel in COPY's binary format.
	Binary bool `json:"binary"`

	// Notes for the line in the plan: "no primary key", with a finding's code.
	Notes []Note `json:"notes,omitempty"`

	PrimaryKey bool `json:"primary_key"`
	Unlogged   bool `json:"unlogged,omitempty"`

	// Follow is what a continuous mirror follows of it: all, inserts, none. Key are
	// the columns by which its rows are found; with none, all columns are compared.
	Follow string   `json:"follow,omitempty"`
	Key    []string `json:"key,omitempty"`

	// Work is what is done to a table of a mirror that streams already: add, again,
	// remove, or "" for nothing.
	Work string `json:"work,omitempty"`
}

// Sequence is one sequence whose value is carried.
type Sequence struct {
	OID    uint32 `json:"oid"` // on the source
	Schema string `json:"schema"`
	Name   string `json:"name"`

	// TargetSchema and TargetName are set where they differ.
	TargetSchema string `json:"target_schema,omitempty"`
	TargetName   string `json:"target_name,omitempty"`
}

// Note is a remark on a table's line, with the code of the finding that explains it.
type Note struct {
	Text string `json:"text"`
	Code string `json:"code,omitempty"`
}

// Count is a number of objects of one kind ("12 indexes").
type Count struct {
	Kind  string `json:"kind"` // singular: index, foreign key, function
	Count int    `json:"count"`
}

// LeftOut is an object that is not carried.
type LeftOut struct {
	Class uint32 `json:"class"`
	OID   uint32 `json:"oid"`
	Kind  string `json:"kind"`
	Name  string `json:"name"` // for people: public.audit_log
	// Why: "excluded", "skipped", "extension pg_cron is skipped",
	// "depends on table public.audit_log".
	Why string `json:"why"`
}

// Finding is one thing a preflight check has to say.
type Finding struct {
	Code     string `json:"code"` // B102
	Severity string `json:"severity"`
	Address  string `json:"address,omitempty"`

	// Summary is one line; Detail says why and what to do.
	Summary string `json:"summary"`
	Detail  string `json:"detail"`

	// Objects it speaks of, named for people.
	Objects []string `json:"objects,omitempty"`

	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Refused reports whether the plan has a finding that forbids applying it.
func (p *Plan) Refused() bool {
	for _, f := range p.Findings {
		if f.Severity == Refusal {
			return true
		}
	}
	return false
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 }
