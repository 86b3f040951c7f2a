package planner

// Options is how the mirror is to be carried out: its blocks schema and copy, with
// defaults filled in from the target's settings.
type Options struct {
	SchemaCopy       bool   `json:"schema_copy"`
	CreateDatabase   bool   `json:"create_database,omitempty"`
	DatabaseSettings bool   `json:"database_settings,omitempty"`
	Roles            []Role `json:"roles,omitempty"` // to create

	// Settings of the source database, to be made the target's.
	Settings []Setting `json:"settings,omitempty"`
	Comment  string    `json:"comment,omitempty"`

	// Grants on the source database, to be made the target's when DatabaseGrants.
	DatabaseGrants bool    `json:"database_grants,omitempty"`
	Grants         []Grant `json:"grants,omitempty"`

	// Database is what create_database makes.
	Database *NewDatabase `json:"database,omitempty"`

	// SkipComments leaves comments behind.
	SkipComments bool              `json:"skip_comments,omitempty"`
	Owners       bool              `json:"owners,omitempty"`
	Privileges   bool              `json:"privileges,omitempty"`
	Tablespaces  map[string]string `json:"tablespaces,omitempty"`

	// ReplicaRole: rows are written under session_replication_role = replica, so that
	// the target's own triggers and foreign keys stay quiet.
	ReplicaRole bool `json:"replica_role,omitempty"`

	Workers            int   `json:"workers"`
	ChunkSize          int64 `json:"chunk_size"`
	MaintenanceWorkMem int64 `json:"maintenance_work_mem"`

	// Encoding is client_encoding of the sessions that copy rows.
	Encoding string `json:"encoding"`

	// SearchPath of the source database, for expressions that need it.
	SearchPath string `json:"search_path"`
}

// Role is one role to create, without a password.
type Role struct {
	Name       string   `json:"name"`
	Attributes []string `json:"attributes"` // "login", "noinherit"
	MemberOf   []string `json:"member_of,omitempty"`

	// Join: the connected role becomes a member, which it must be to give objects to
	// the new one.
	Join bool `json:"join,omitempty"`
}

// Setting is one ALTER DATABASE ... SET; for one role where Role is set.
type Setting struct {
	Role  string `json:"role,omitempty"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Grant is one privilege on the database; Role is "" for all roles.
type Grant struct {
	Role      string `json:"role,omitempty"`
	Privilege string `json:"privilege"`
	Grantable bool   `json:"grantable,omitempty"`
}

// NewDatabase is a database to create.
type NewDatabase struct {
	Name     string `json:"name"`
	Encoding string `json:"encoding"`
	Collate  string `json:"collate"`
	CType    string `json:"ctype"`
	Provider string `json:"provider,omitempty"` // icu, builtin, libc; "" before 15
	Locale   string `json:"locale,omitempty"`
}
