package planner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bascule/config"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/state"
)

const lineage = "9d7f0c6e-1111-4222-8333-444455556666"

// Classes of objects, as in pg_depend.
const (
	pgNamespace  = 2615
	pgClass      = 1259
	pgConstraint = 2606
	pgAttrdef    = 2604
	pgRewrite    = 2618
	pgType       = 1247
	pgProc       = 1255
	pgTrigger    = 2620
	pgExtension  = 3079
)

// world is everything that a plan follows from. A test starts with the common one,
// in which nothing is to be found fault with, and edits it.
type world struct {
	hcl      string
	vars     map[string]string
	src, dst *catalog.Database
	live     map[string]*planner.Live
	state    *state.File

	destroy           bool
	targets, excludes []string
	replaces          []string
}

// newWorld returns a source with two tables, a view and a sequence, an empty target,
// and a mirror between them whose block has this body.
func newWorld(body string) *world {
	w := &world{
		hcl: fmt.Sprintf(`peer "a" {
  host = "a.example"
}
peer "b" {
  host = "b.example"
}
mirror "app" {
  source     = peer.a
  target     = peer.b
  continuous = false
%s
}
`, body),
		src: shop(), dst: empty(),
		state: &state.File{Format: 1, Serial: 3, Lineage: lineage},
	}
	w.live = map[string]*planner.Live{
		"peer.a": {Endpoint: "a.example:5432/app", Name: "app", Ledger: &catalog.Ledger{}, Dump: planner.DumpProgram{Path: "/bin/pg_dump", Version: 17}},
		"peer.b": {Endpoint: "b.example:5432/app", Name: "app", Ledger: &catalog.Ledger{}},
	}
	return w
}

// input loads the configuration and puts the databases where they are seen.
func (w *world) input(t testing.TB) planner.Input {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(w.hcl), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, diags := config.Load(dir, config.Inputs{Vars: w.vars})
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, w.hcl)
	}
	for address, db := range map[string]*catalog.Database{"peer.a": w.src, "peer.b": w.dst} {
		if l := w.live[address]; l != nil && l.Err == nil && !l.Missing {
			l.Database = db
		}
	}
	return planner.Input{Version: "0.1.0", Config: cfg, State: w.state, Live: w.live,
		Destroy: w.destroy, Targets: w.targets, Excludes: w.excludes, Replaces: w.replaces}
}

func (w *world) plan(t testing.TB) *planner.Plan {
	t.Helper()
	return planner.Make(w.input(t))
}

// applied records the mirrors of the configuration as complete, in the state and in
// the ledger.
func (w *world) applied(t testing.TB) {
	t.Helper()
	in := w.input(t)
	for _, m := range in.Config.Mirrors {
		w.state.Resources = append(w.state.Resources, &state.Resource{Address: m.Address, Status: state.Ready,
			Mirror: &state.Mirror{Source: m.Source.Address, Target: m.Target.Address, Digest: m.Digest(), Settings: m.Settings(), Protect: m.Protect}})
		led := w.live[m.Target.Address].Ledger
		led.Format = 1
		led.Mirrors = append(led.Mirrors, catalog.LedgerMirror{ID: planner.MirrorID(lineage, m.Address), Address: m.Address,
			Lineage: lineage, Digest: m.Digest(), Phase: catalog.PhaseCopied})
	}
	for _, p := range in.Config.Peers {
		if l := w.live[p.Address]; l.Database != nil {
			id := l.Database.Identity
			w.state.Resources = append(w.state.Resources, &state.Resource{Address: p.Address, Status: state.Ready,
				Peer: &state.Peer{Endpoint: l.Endpoint, SystemIdentifier: id.SystemIdentifier, DatabaseOID: id.OID}})
		}
	}
}

func (w *world) recorded(address string) *state.Resource { return w.state.Find(address) }

func (w *world) ledger() *catalog.LedgerMirror { return &w.live["peer.b"].Ledger.Mirrors[0] }

// empty is a database with nothing in it, whose role may do everything.
func empty() *catalog.Database {
	return &catalog.Database{
		Identity: catalog.Identity{SystemIdentifier: "7002", OID: 5, Name: "app"},
		Version:  catalog.Version{Num: 160004, Text: "16.4"},
		Role:     catalog.Role{Name: "migrator", Superuser: true, CanReplicaRole: true, MemberOf: []string{"migrator"}},
		Encoding: "UTF8", Collate: "en_US.UTF-8", CType: "en_US.UTF-8", LocaleProvider: "c", Owner: "migrator",
		Params: map[string]string{"max_connections": "100", "superuser_reserved_connections": "3", "max_locks_per_transaction": "64",
			"maintenance_work_mem": "65536", "effective_cache_size": "524288"},
		CanCreate: true, CanTemp: true, Fingerprint: "f2",
		Schemas:   []catalog.Schema{{OID: 2200, Name: "public", Owner: "pg_database_owner", CanUse: true, CanCreate: true}},
		Available: map[string]catalog.AvailableExtension{},
		Roles:     []catalog.RoleFact{{OID: 10, Name: "migrator", ConnLimit: -1}},
	}
}

// plainRole takes the database's role all attributes.
func plainRole(db *catalog.Database) {
	db.Role = catalog.Role{Name: "app_role", MemberOf: []string{"app_role"}}
}

// shop is the common source. Oids of a table's parts follow its own.
func shop() *catalog.Database {
	db := empty()
	db.Identity = catalog.Identity{SystemIdentifier: "7001", OID: 5, Name: "app"}
	db.Version, db.Fingerprint = catalog.Version{Num: 150020, Text: "15.20"}, "f1"
	table(db, 20100, "public", "orders", "id", "note")
	serial(db, 20100, 20108)
	table(db, 20200, "public", "lines", "id", "order_id")
	foreignKey(db, 20210, "public", "lines_order_fkey", 20200, 20100)
	view(db, 20300, "public", "recent", 20100, 2)
	return db
}

// table adds a table with a primary key on its first column.
func table(db *catalog.Database, oid uint32, schema, name string, columns ...string) *catalog.Relation {
	r := relation(db, oid, schema, name, catalog.Table, columns...)
	r.Columns[0].NotNull = true
	r.HasPrimaryKey, r.ReplicaIdentity, r.Pages, r.Rows, r.Bytes, r.IndexBytes = true, 'd', 100, 1000, 819200, 16384
	db.Constraints = append(db.Constraints, catalog.Constraint{OID: oid + 2, Table: oid, Schema: schema, Name: name + "_pkey", Kind: 'p', Index: oid + 1, Validated: true})
	db.Indexes = append(db.Indexes, catalog.Index{OID: oid + 1, Table: oid, Schema: schema, Name: name + "_pkey", Unique: true, Primary: true, Valid: true, Immediate: true, Columns: []int{1}, Constraint: oid + 2})
	depends(db, 'a', pgConstraint, oid+2, pgClass, oid, 1)
	depends(db, 'i', pgClass, oid+1, pgConstraint, oid+2, 0)
	return r
}

// relation adds a relation with its row type, oid + 3.
func relation(db *catalog.Database, oid uint32, schema, name string, kind rune, columns ...string) *catalog.Relation {
	r := catalog.Relation{OID: oid, Schema: schema, Name: name, Kind: kind, Persistence: 'p', Owner: "migrator",
		CanSelect: true, CanInsert: true, CanTruncate: true, IsOwner: true, Populated: true}
	for i, c := range columns {
		r.Columns = append(r.Columns, catalog.Column{Num: i + 1, Name: c, Type: "integer", TypeOID: 23, Binary: true})
	}
	db.Relations = append(db.Relations, r)
	depends(db, 'i', pgType, oid+3, pgClass, oid, 0)
	inSchema(db, pgClass, oid, schema)
	return &db.Relations[len(db.Relations)-1]
}

func inSchema(db *catalog.Database, class, oid uint32, schema string) {
	i := slices.IndexFunc(db.Schemas, func(s catalog.Schema) bool { return s.Name == schema })
	if i < 0 {
		i = len(db.Schemas)
		db.Schemas = append(db.Schemas, catalog.Schema{OID: uint32(18000 + i), Name: schema, Owner: "migrator", CanUse: true, CanCreate: true})
	}
	depends(db, 'n', class, oid, pgNamespace, db.Schemas[i].OID, 0)
}

func depends(db *catalog.Database, kind rune, class, oid, refClass, refOID uint32, column int) {
	db.Depends = append(db.Depends, catalog.Dependency{Class: class, OID: oid, RefClass: refClass, RefOID: refOID, RefColumn: column, Kind: kind})
}

// serial makes the first column of a table a serial one: a sequence, and a default
// (oid + 1) that reads it.
func serial(db *catalog.Database, of, oid uint32) {
	r := find(db, of)
	schema, name := r.Schema, r.Name+"_id_seq"
	s := relation(db, oid, schema, name, catalog.Sequence)
	s.Sequence = &catalog.SequenceFact{OwnedBy: of, OwnedByColumn: 1}
	depends(db, 'a', pgClass, oid, pgClass, of, 1)
	depends(db, 'a', pgAttrdef, oid+1, pgClass, of, 1)
	depends(db, 'n', pgAttrdef, oid+1, pgClass, oid, 0)
}

func foreignKey(db *catalog.Database, oid uint32, schema, name string, from, to uint32) {
	db.Constraints = append(db.Constraints, catalog.Constraint{OID: oid, Table: from, Schema: schema, Name: name, Kind: 'f', Index: to + 1, Referenced: to, Validated: true})
	depends(db, 'a', pgConstraint, oid, pgClass, from, 2)
	depends(db, 'n', pgConstraint, oid, pgClass, to, 1)
	depends(db, 'n', pgConstraint, oid, pgClass, to+1, 0)
}

// view adds a view that reads one column; its rule is oid + 1.
func view(db *catalog.Database, oid uint32, schema, name string, of uint32, column int) *catalog.Relation {
	r := relation(db, oid, schema, name, catalog.View, "x")
	depends(db, 'i', pgRewrite, oid+1, pgClass, oid, 0)
	depends(db, 'i', pgClass, oid, pgRewrite, oid+1, 0)
	depends(db, 'n', pgRewrite, oid+1, pgClass, of, column)
	return r
}

// object adds any other object, and what it needs.
func object(db *catalog.Database, class, oid uint32, kind, schema, name string, needs ...[2]uint32) *catalog.Object {
	db.Objects = append(db.Objects, catalog.Object{Class: class, OID: oid, Kind: kind, Schema: schema, Name: name, Owner: "migrator"})
	if schema != "" {
		inSchema(db, class, oid, schema)
	}
	for _, n := range needs {
		depends(db, 'n', class, oid, n[0], n[1], 0)
	}
	return &db.Objects[len(db.Objects)-1]
}

// partitioned makes a table the root of these tables.
func partitioned(db *catalog.Database, root uint32, leaves ...uint32) {
	r := find(db, root)
	r.Kind, r.Bytes, r.Pages = catalog.Partitioned, 0, 0
	for _, oid := range leaves {
		leaf := find(db, oid)
		leaf.IsPartition, leaf.Parents = true, []uint32{root}
		depends(db, 'a', pgClass, oid, pgClass, root, 0)
	}
}

// find returns a relation by its oid.
func find(db *catalog.Database, oid uint32) *catalog.Relation {
	i := slices.IndexFunc(db.Relations, func(r catalog.Relation) bool { return r.OID == oid })
	return &db.Relations[i]
}

// brief writes a plan on one line: changes with their marks, attributes and steps'
// kinds left out, and codes of findings with ! for those that refuse.
func brief(p *planner.Plan) string {
	marks := map[string]string{planner.Create: "+", planner.Update: "~", planner.Replace: "-/+", planner.Remove: "-", planner.Forget: "forget", planner.Run: ">"}
	var parts []string
	for _, c := range p.Changes {
		s := marks[c.Action] + " " + c.Address
		for _, a := range c.Attributes {
			s += fmt.Sprintf(" (%s: %s -> %s)", a.Name, a.Old, a.New)
		}
		if len(c.DataLoss) > 0 {
			s += " overwrites " + strings.Join(c.DataLoss, ", ")
		}
		parts = append(parts, s)
	}
	for _, f := range p.Findings {
		parts = append(parts, map[string]string{planner.Refusal: "!", planner.Warning: "?", planner.Notice: "."}[f.Severity]+f.Code)
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, "; ")
}
