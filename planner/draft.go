package planner

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"

	"bascule/config"
	"bascule/config/pgname"
	"bascule/planner/catalog"
	"bascule/planner/depend"
)

// draft is the planning of one mirror's copy.
type draft struct {
	*maker
	decl           *config.Mirror
	source, target *catalog.Database // target is nil when it is to be created
	server         *catalog.Database // the target, or what is known of its server, or nil
	ledger         *catalog.LedgerMirror
	dump           DumpProgram
	resume, locked bool

	// running: the mirror streams already, and is changed. Before is how it does.
	running bool
	before  *Stream
	broken  bool // its stream cannot go on
	held    bool // see maker.held

	mine    map[[2]string]bool                   // see ours
	entries map[uint32][]*catalog.PublishedTable // see publishes

	foreseen bool
	ahead    []renaming // see renamings

	byOID    map[uint32]*catalog.Relation
	selected map[uint32]bool // tables by oid
	skipped  map[int]bool    // entries of skip that leave something out
	left     *depend.Behind
	out      *Mirror
}

// newDraft begins one. led is the mirror's own record, or nil.
func newDraft(m *maker, decl *config.Mirror, source, target *Live, led *catalog.LedgerMirror) *draft {
	d := &draft{maker: m, decl: decl, source: source.Database, target: target.Database, server: target.Database,
		ledger: led, dump: source.Dump}
	if d.target == nil {
		d.server = target.Server
	}
	d.running, d.before = running(led), recordedStream(led)
	d.resume = led != nil && led.Phase != catalog.PhaseCopied && !d.running && (led.Objects > 0 || len(led.Tables) > 0)
	return d
}

// draft fills the change.
func (d *draft) draft(change *Change) {
	d.byOID = relationsByOID(d.source)
	d.out = &Mirror{
		Source: d.decl.Source.Address, Target: d.decl.Target.Address, Engine: d.decl.Engine,
		ID: MirrorID(d.in.State.Lineage, d.decl.Address), Digest: d.decl.Digest(), Settings: d.decl.Settings(),
		Tables: []Table{}, Objects: []Count{}, Resume: d.resume, Protect: d.decl.Protect, Options: d.options(),
	}
	change.Mirror = d.out
	d.out.Before = d.before
	d.choose()
	d.leave()
	d.tables()
	d.stream()
	d.throughRoots()
	d.work()
	d.cut()
	d.sequences()
	d.refreshes()
	d.count()
	d.narrow()
	d.check(change)
	change.Steps = d.steps()
}

// narrow leaves out, of a mirror that streams already, what only a whole copy does.
func (d *draft) narrow() {
	if !d.running {
		return
	}
	o := &d.out.Options
	o.Settings, o.Comment, o.Grants, o.DatabaseGrants, o.Roles = nil, "", nil, false, nil
	d.out.Objects, d.out.Extensions, d.out.Refresh, d.out.LargeObjects = []Count{}, nil, nil, 0
	added := map[uint32]bool{}
	for _, t := range d.out.Tables {
		added[t.OID] = t.Work == WorkAdd
	}
	d.out.Sequences = slices.DeleteFunc(d.out.Sequences, func(s Sequence) bool {
		f := d.byOID[s.OID].Sequence
		return f == nil || !added[f.OwnedBy]
	})
}

func (d *draft) options() Options {
	o, s := Options{}, d.decl.Schema
	o.SchemaCopy, o.Owners, o.Privileges, o.Tablespaces = s.Copy, s.Owners, s.Privileges, maps.Clone(s.Tablespaces)
	o.CreateDatabase = s.CreateDatabase && d.target == nil
	o.Workers, o.ChunkSize = cmp.Or(d.decl.Copy.Workers, 4), cmp.Or(d.decl.Copy.ChunkSize, 256<<20)
	o.MaintenanceWorkMem = cmp.Or(d.decl.Copy.MaintenanceWorkMem, d.maintenanceWorkMem(o.Workers))
	o.SearchPath = d.source.Params["search_path"]
	o.Encoding = "UTF8"
	o.ReplicaRole = !s.Copy && d.target != nil && d.target.Role.CanReplicaRole
	if d.target == nil || d.target.Encoding == d.source.Encoding {
		o.Encoding = d.source.Encoding // the bytes go through as they are
	}
	if s.DatabaseSettings || s.CreateDatabase {
		for _, set := range d.source.Settings {
			o.Settings = append(o.Settings, Setting(set))
		}
		o.Comment = d.source.Comment
	}
	o.DatabaseGrants = s.CreateDatabase && s.Privileges
	for _, g := range d.source.Grants {
		if o.DatabaseGrants {
			o.Grants = append(o.Grants, Grant(g))
		}
	}
	if o.CreateDatabase {
		o.Database = d.newDatabase()
	}
	o.SkipComments = slices.ContainsFunc(s.Skip, func(p config.Pattern) bool { return p.Text == "comment" })
	return o
}

// maintenanceWorkMem for one index build: what the target has set, raised towards
// a sixteenth of what it expects to have as cache, at most 1 GiB.
func (d *draft) maintenanceWorkMem(workers int) int64 {
	const ceiling = 1 << 30
	if d.server == nil {
		return 256 << 20
	}
	set := paramBytes(d.server.Params["maintenance_work_mem"], 1<<10)
	cache := paramBytes(d.server.Params["effective_cache_size"], 8<<10)
	return max(set, min(ceiling, cache/8/int64(max(1, min(workers, 4)))))
}

func paramBytes(setting string, unit int64) int64 {
	n, _ := strconv.ParseInt(setting, 10, 64)
	return n * unit
}

func (d *draft) newDatabase() *NewDatabase {
	s := d.source
	db := &NewDatabase{Name: d.in.Live[d.decl.Target.Address].Name, Encoding: s.Encoding, Collate: s.Collate, CType: s.CType}
	switch {
	case s.LocaleProvider == "i":
		db.Provider, db.Locale = "icu", s.ICULocale
	case s.LocaleProvider == "b":
		db.Provider, db.Locale = "builtin", s.ICULocale
	case d.server != nil && d.server.Version.Major() >= 15:
		db.Provider = "libc" // template0 may have another
	}
	return db
}

// tables lists what is copied, by name.
func (d *draft) tables() {
	blocks, late := d.blocks(), depend.Late(d.source)
	for i := range d.source.Relations {
		r := &d.source.Relations[i]
		if !d.selected[r.OID] || d.left.Has(catalog.ClassRelation, r.OID) {
			continue
		}
		if r.Kind != catalog.Table && r.Kind != catalog.Partitioned {
			continue
		}
		t := d.table(r, blocks[r.OID])
		t.Late = late[r.OID]
		t.Where = d.where(blocks, r)
		d.out.Tables = append(d.out.Tables, t)
	}
	sortTables(d.out.Tables)
	for _, t := range d.out.Tables {
		d.out.Bytes += t.Bytes
		d.out.Rows += int64(max(0, t.Rows))
	}
}

func sortTables(list []Table) {
	slices.SortStableFunc(list, func(a, b Table) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name), cmp.Compare(a.OID, b.OID))
	})
}

// where is the condition on a table's rows: its own, or that of the table that it is
// a partition of.
func (d *draft) where(blocks map[uint32]*config.TableBlock, r *catalog.Relation) string {
	if b := blocks[r.OID]; b != nil && b.Where != "" {
		return b.Where
	}
	if !r.IsPartition || len(r.Parents) == 0 || d.byOID[r.Parents[0]] == nil {
		return ""
	}
	return d.where(blocks, d.byOID[r.Parents[0]])
}

func (d *draft) table(r *catalog.Relation, block *config.TableBlock) Table {
	t := Table{OID: r.OID, Schema: r.Schema, Name: r.Name, Kind: "table", Bytes: r.Bytes, Rows: r.Rows, Pages: r.Pages,
		Columns: []string{}, Binary: true, PrimaryKey: r.HasPrimaryKey, Unlogged: r.Persistence == 'u', Parts: 1}
	switch {
	case r.Kind == catalog.Partitioned:
		t.Kind, t.Bytes, t.Pages, t.Rows, t.Parts = "partitioned", 0, 0, 0, 0
	case r.ConfigTable:
		t.Kind, t.Condition = "config", r.Condition
	}
	if r.IsPartition {
		t.PartitionOf = r.Parents
	}
	if block != nil {
		if block.TargetSchema != block.Schema || block.TargetName != block.Name {
			t.TargetSchema, t.TargetName = block.TargetSchema, block.TargetName
		}
	}
	for _, c := range r.Columns {
		switch {
		case d.left.HasColumn(r.OID, c.Num) && c.Generated != 0:
			t.Dropped = slices.Insert(t.Dropped, 0, c.Name) // before what it is made of
		case d.left.HasColumn(r.OID, c.Num):
			t.Dropped = append(t.Dropped, c.Name)
		case c.Generated == 0:
			t.Columns = append(t.Columns, c.Name)
		}
		// COPY in binary looks up how to read every column, listed or not.
		t.Binary = t.Binary && c.Binary
	}
	if !r.HasPrimaryKey && t.Kind == "table" {
		t.Notes = append(t.Notes, Note{Text: "no primary key", Code: codeNoKey})
	}
	return t
}

// cut decides how many parts each table is copied in.
//
// A part is at most chunk_size, and less where the whole copy is so small that the
// workers would otherwise wait for one of them. Ranges of blocks are scanned
// directly from PostgreSQL 14 on; before, each would read the whole table.
func (d *draft) cut() {
	const smallest = 8 << 20
	if d.source.Version.Major() < 14 {
		return
	}
	o := d.out.Options
	pieces := int64(o.Workers * 3)
	size := min(o.ChunkSize, max(smallest, (d.out.Bytes+pieces-1)/pieces))
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		if t.Kind != "table" || t.Pages < 2 || d.running && t.Work != WorkAdd && t.Work != WorkAgain {
			continue
		}
		t.Parts = int(max(1, min(t.Pages, int64(math.Ceil(float64(t.Bytes)/float64(size))))))
	}
}

func (d *draft) sequences() {
	renamed := d.blocks()
	for i := range d.source.Relations {
		r := &d.source.Relations[i]
		if r.Kind != catalog.Sequence || d.left.Has(catalog.ClassRelation, r.OID) {
			continue
		}
		if r.Extension != "" && !r.ConfigTable {
			continue
		}
		s := Sequence{OID: r.OID, Schema: r.Schema, Name: r.Name}
		// ALTER TABLE ... SET SCHEMA takes the sequences that the table owns along.
		if r.Sequence != nil && renamed[r.Sequence.OwnedBy] != nil && renamed[r.Sequence.OwnedBy].TargetSchema != r.Schema {
			s.TargetSchema, s.TargetName = renamed[r.Sequence.OwnedBy].TargetSchema, r.Name
		}
		d.out.Sequences = append(d.out.Sequences, s)
	}
	slices.SortFunc(d.out.Sequences, func(a, b Sequence) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
}

// blocks returns the table blocks by the table's oid. A table that is about to be renamed
// has the block of its new name.
func (d *draft) blocks() map[uint32]*config.TableBlock {
	byName := map[string]uint32{}
	for _, r := range d.source.Relations {
		byName[pgname.Qualified(d.later(r.Schema, r.Name))] = r.OID
	}
	for _, r := range d.source.Relations {
		byName[pgname.Qualified(r.Schema, r.Name)] = r.OID
	}
	found := map[uint32]*config.TableBlock{}
	for _, b := range d.decl.Blocks {
		if oid := byName[pgname.Qualified(b.Schema, b.Name)]; oid != 0 {
			found[oid] = b
		}
	}
	return found
}
