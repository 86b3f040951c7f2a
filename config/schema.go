package config

import (
	"errors"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Defaults and bounds of the copy block.
const (
	defaultWorkers   = 4
	maxWorkers       = 64
	defaultChunkSize = 256 << 20
	minChunkSize     = 8 << 10 // a page
	maxChunkSize     = 1 << 40
	minWorkMem       = 1 << 20 // PostgreSQL's own bounds
	maxWorkMem       = 2<<40 - 1<<10
)

// schema reads the schema block, or the defaults where there is none.
func (l *loader) schema(r *reader, blocks hcl.Blocks) Schema {
	b := l.single(blocks, "schema")
	if b == nil {
		return Schema{Copy: true, DatabaseSettings: true}
	}
	s := r.block("schema", b, schemaSchema)
	return Schema{
		Copy:             s.boolean("copy", true),
		CreateDatabase:   s.boolean("create_database", false),
		DatabaseSettings: s.boolean("database_settings", true),
		Roles:            s.boolean("roles", false),
		Owners:           s.boolean("owners", false),
		Privileges:       s.boolean("privileges", false),
		Tablespaces:      s.textMap("tablespaces"),
		SkipExtensions:   s.texts("skip_extensions"),
		Skip:             s.skips(),
	}
}

// skips reads the skip attribute: kinds, and kinds with a pattern of names.
func (r *reader) skips() []Pattern {
	var all []Pattern
	for _, i := range r.items("skip") {
		if r.l.validSkip(i) {
			all = append(all, Pattern{Text: i.text, Range: i.at})
		}
	}
	return all
}

func (l *loader) validSkip(i item) bool {
	kind, pattern, named := strings.Cut(i.text, ":")
	global, known := Kinds[kind]
	switch {
	case !known && kind == "table":
		l.errorAt(i.at, "Unknown kind", "Tables are left out by the mirror's exclude, not by skip.")
		return false
	case !known:
		l.errorAt(i.at, "Unknown kind", "There is no kind of object %q.%s", kind, didYouMean(kind, KindNames()))
		return false
	case !named:
		return true
	}
	_, err := qualified(pattern)
	if global {
		err = unqualified(pattern)
	}
	if err != nil {
		l.errorAt(i.at, "Invalid pattern", "%q selects nothing: %s", i.text, sentence(err))
		return false
	}
	return true
}

// unqualified checks a pattern of what lives in no schema.
func unqualified(pattern string) error {
	all, err := parts(pattern)
	if err == nil && len(all) > 1 {
		return errNoSchema
	}
	return err
}

var errNoSchema = errors.New("this kind of object has a name without a schema; a name that holds a dot needs double quotes")

// copy reads the copy block, or the defaults where there is none.
func (l *loader) copy(r *reader, blocks hcl.Blocks) Copy {
	b := l.single(blocks, "copy")
	if b == nil {
		return Copy{Workers: defaultWorkers, ChunkSize: defaultChunkSize}
	}
	c := r.block("copy", b, copySchema)
	return Copy{
		Workers:            c.number("workers", defaultWorkers, 1, maxWorkers),
		ChunkSize:          c.size("chunk_size", defaultChunkSize, minChunkSize, maxChunkSize),
		MaintenanceWorkMem: c.size("maintenance_work_mem", 0, minWorkMem, maxWorkMem),
	}
}
