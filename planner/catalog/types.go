package catalog

// Database is what is known of one database at one moment.
type Database struct {
	Identity Identity
	Version  Version
	Role     Role

	Encoding          string // UTF8
	Collate, CType    string
	LocaleProvider    string // c, i, b as in pg_database.datlocprovider; "c" before 15
	ICULocale         string
	Owner             string
	Comment           string
	DefaultTablespace string

	// CollationVersion is recorded in pg_database, ActualCollationVersion is the
	// operating system's now; "" where unknown (before 15).
	CollationVersion, ActualCollationVersion string

	// Settings are ALTER DATABASE ... SET and ALTER ROLE ... IN DATABASE ... SET.
	Settings []Setting

	// Grants are privileges on the database that others than its owner have.
	Grants []Grant

	// Params are server settings by name: wal_level, maintenance_work_mem,
	// shared_buffers, effective_cache_size, max_connections,
	// superuser_reserved_connections, max_locks_per_transaction,
	// max_prepared_transactions, max_replication_slots, max_wal_senders,
	// max_slot_wal_keep_size, search_path, data_directory ("" when not readable), in the units of
	// pg_settings.setting.
	Params map[string]string

	InRecovery bool

	// CanCreate is the CREATE privilege on the database, CanTemp TEMPORARY.
	CanCreate, CanTemp bool

	Schemas     []Schema
	Relations   []Relation
	Indexes     []Index
	Constraints []Constraint
	Objects     []Object
	Depends     []Dependency
	Extensions  []Extension

	// Available are extensions that could be created here, by name.
	Available map[string]AvailableExtension

	// Roles are all role names of the cluster; Tablespaces all tablespaces.
	Roles       []RoleFact
	Tablespaces []string

	// RoleUses are the roles that objects of the database name, with why.
	RoleUses []RoleUse

	LargeObjects LargeObjects

	// Senders are the server's sessions that send WAL; WAL is how much it writes.
	Senders []Sender
	WAL     WALRate

	// Subscribing is what the server has for subscriptions (15 and newer).
	Subscribing Subscribing

	// Logs are what has the name of a log of DDL, which Read leaves out of all else.
	Logs []Log

	// SecurityProviders are the label providers that pg_seclabel names.
	SecurityProviders []string

	// Temporary counts the temporary tables of all open sessions.
	Temporary int

	// ACLs counts objects with privileges that are not the default.
	ACLs int

	// Fingerprint changes with every definition of the database, and with nothing
	// else: not with rows, statistics, temporary objects or schema bascule.
	Fingerprint string
}

// Identity tells one database from every other.
type Identity struct {
	SystemIdentifier string // pg_control_system(), as decimal text
	OID              uint32
	Name             string
}

// Version of a server.
type Version struct {
	Num  int    // server_version_num: 150020
	Text string // server_version up to the first space: 15.20
}

// Major returns 15 for 150020.
func (v Version) Major() int { return v.Num / 10000 }

// Role is what the connected role may do.
type Role struct {
	Name                                                    string
	Superuser, Replication, BypassRLS, CreateDB, CreateRole bool

	// CanReplicaRole: may set session_replication_role.
	CanReplicaRole bool

	// MemberOf lists every role whose rights it has, itself included.
	MemberOf []string
}

// RoleFact is one role of the cluster.
type RoleFact struct {
	OID                                                                     uint32
	Name                                                                    string
	Superuser, Inherit, CreateRole, CreateDB, Login, Replication, BypassRLS bool
	ConnLimit                                                               int
	MemberOf                                                                []string
}

// RoleUse is a role named by objects of a database.
type RoleUse struct {
	Role    string
	Use     string // owner, privilege, policy, user mapping, setting, default privilege
	Objects int
}

// Grant is one privilege that a role has; Role is "" for all roles.
type Grant struct {
	Role, Privilege string
	Grantable       bool
}

// Setting is one database-level setting. Role is "" for all roles.
type Setting struct{ Role, Name, Value string }

// Schema is a namespace that is not the system's.
type Schema struct {
	OID               uint32
	Name              string
	Owner             string
	Extension         string // that owns it, or ""
	CanUse, CanCreate bool
}

// Relation kinds, as in pg_class.relkind.
const (
	Table       = 'r'
	Partitioned = 'p'
	Foreign     = 'f'
	View        = 'v'
	MatView     = 'm'
	Sequence    = 'S'
	Composite   = 'c'
)

// Relation is a table, view, materialised view, sequence, foreign table or
// composite type. Indexes are apart.
type Relation struct {
	OID          uint32
	Schema, Name string
	Kind         rune
	Persistence  rune // p, u; temporary ones are never read
	Owner        string
	Extension    string // that owns it, or ""
	Tablespace   string // "" for the database's default
	AccessMethod string // heap

	// Pages are the blocks of the heap. Rows is reltuples, -1 when never analysed.
	Pages int64
	Rows  float64

	// Bytes is heap and TOAST with their maps, without indexes
	// (pg_table_size, but that an empty TOAST table counts as nothing), 0 for what
	// has no storage.
	// IndexBytes is pg_indexes_size.
	Bytes, IndexBytes int64

	// FileNode is pg_relation_filenode: it moves when the table is rewritten.
	FileNode uint32

	// Parents by inheritance or partitioning, in inhseqno order.
	Parents     []uint32
	IsPartition bool

	ReplicaIdentity rune // d, n, f, i
	HasPrimaryKey   bool

	RowSecurity, ForceRowSecurity bool

	// CanSelect: SELECT on the whole relation. IsOwner: a member of its owner.
	CanSelect, IsOwner bool

	// CanInsert, CanTruncate: those privileges on it. CanChange: UPDATE and DELETE.
	CanInsert, CanTruncate, CanChange bool

	// Populated of a materialised view.
	Populated bool

	// OfType is the composite type of a typed table, or 0.
	OfType uint32

	// Columns in attnum order, dropped ones left out.
	Columns []Column

	// UserTriggers counts enabled triggers that are not internal, AlwaysTriggers those
	// of them that fire even under session_replication_role = replica.
	UserTriggers, AlwaysTriggers int

	// HasRows is known only on the target, for tables (see ReadOptions.Rows).
	HasRows bool

	// Dump is extcondition of an extension's configuration table: "" and
	// ConfigTable false for all others.
	ConfigTable bool
	Condition   string

	Sequence *SequenceFact
}

// Column of a relation.
type Column struct {
	Num       int
	Name      string
	Type      string // format_type
	TypeOID   uint32
	NotNull   bool
	Default   bool   // a default, not a generated column's expression
	Identity  rune   // 0, a, d
	Generated rune   // 0, s, v
	Collation string // schema-qualified when not the type's default

	// Binary: the type's binary form can be sent to another database as it is.
	Binary bool
}

// SequenceFact is a sequence's definition; its values are read by ReadSequences.
type SequenceFact struct {
	Increment, Min, Max, Start, Cache int64
	Cycle                             bool
	OwnedBy                           uint32 // table oid or 0
	OwnedByColumn                     int
	Identity                          bool // it belongs to an identity column
}

// Index of a table or materialised view.
type Index struct {
	OID, Table                                         uint32
	Schema, Name                                       string
	Bytes                                              int64
	Unique, Primary, Valid, Clustered, ReplicaIdentity bool
	NullsNotDistinct                                   bool

	// Immediate: uniqueness is checked at once, not at the end of the transaction.
	// Partial: it holds some rows only.
	Immediate, Partial bool

	// Columns are the numbers of its key columns, in order; 0 is an expression.
	Columns []int

	Partitioned bool   // relkind I
	Parent      uint32 // the partitioned index it is attached to, or 0
	Constraint  uint32 // the constraint it carries, or 0
	Method      string // btree
	Extension   string

	// StatisticsTargets are non-default targets of expression columns, by position.
	StatisticsTargets map[int]int
}

// Constraint of a table.
type Constraint struct {
	OID, Table                      uint32
	Schema, Name                    string
	Kind                            rune   // p u c f x t n
	Index                           uint32 // for p u x f
	Referenced                      uint32 // table, for f
	Validated, Deferrable, Deferred bool
	Parent                          uint32 // conparentid
	Local                           bool
	// Period is true for WITHOUT OVERLAPS and PERIOD (18).
	Period bool
}

// Object is any other object, once: functions, types, triggers, rules, policies,
// operators, casts, and the rest. Kind is a lower-case word of the `skip`
// vocabulary: function, procedure, aggregate, trigger, event_trigger, rule,
// policy, enum, domain, composite, range, type, operator, operator_class,
// operator_family, cast, collation, conversion, language, text_search_configuration,
// text_search_dictionary, text_search_parser, text_search_template, statistics,
// foreign_data_wrapper, foreign_server, user_mapping, default_privilege,
// publication, subscription, access_method, transform.
type Object struct {
	Class, OID   uint32
	Kind         string
	Schema, Name string // Name is an identity: functions with argument types
	Table        uint32 // of a trigger, rule, policy, statistics object
	Owner        string
	Extension    string
	// Volatility of a function, procedure or aggregate: i, s, v; 0 for all others.
	Volatility rune
	// NeedsSuperuser: creating it takes a superuser, whatever is granted (C
	// functions, base types, casts without function, access methods ...).
	NeedsSuperuser bool
}

// Dependency: Object cannot exist without Ref (pg_depend, pinned and
// extension-membership rows left out).
type Dependency struct {
	Class, OID       uint32
	RefClass, RefOID uint32
	// RefColumn is refobjsubid: a column number of a relation, or 0.
	RefColumn int
	Kind      rune // n a i P S x
}

// Extension that is installed.
type Extension struct {
	OID                   uint32
	Name, Version, Schema string
	Owner                 string
	Relocatable           bool
}

// AvailableExtension could be installed.
type AvailableExtension struct {
	Name, DefaultVersion string
	Versions             []string
	// Trusted: a role with CREATE on the database may create it.
	Trusted, Superuser bool
}

// LargeObjects of a database. Bytes is -1 where the role may not know.
type LargeObjects struct {
	Count      int64
	Bytes      int64
	Unreadable int64 // by this role
}
