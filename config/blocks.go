package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The language: what may stand in which block.
var (
	fileSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "bascule"},
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "locals"},
		{Type: "peer", LabelNames: []string{"name"}},
		{Type: "mirror", LabelNames: []string{"name"}},
		{Type: "ddl", LabelNames: []string{"name"}},
	}}

	programSchema = schemaOf(attributes("required_version"),
		hcl.BlockHeaderSchema{Type: "backend", LabelNames: []string{"type"}})

	variableSchema = schemaOf(attributes("type", "default", "description", "sensitive"),
		hcl.BlockHeaderSchema{Type: "validation"})

	validationSchema = schemaOf(append(required("condition"), required("error_message")...))

	peerSchema = schemaOf(attributes("for_each", "url", "host", "port", "database", "user",
		"password", "password_command", "sslmode", "sslrootcert", "sslcert", "sslkey",
		"connect_timeout"), hcl.BlockHeaderSchema{Type: "from_server"})

	fromServerSchema = schemaOf(attributes("host", "port", "database", "user", "password", "sslmode"))

	mirrorSchema = schemaOf(append(required("source", "target"), attributes("for_each",
		"initial_copy", "continuous", "engine", "tables", "exclude", "paused", "protect")...),
		hcl.BlockHeaderSchema{Type: "table", LabelNames: []string{"name"}},
		hcl.BlockHeaderSchema{Type: "schema"},
		hcl.BlockHeaderSchema{Type: "copy"},
		hcl.BlockHeaderSchema{Type: "stream"},
		hcl.BlockHeaderSchema{Type: "cutover"})

	tableSchema = schemaOf(attributes("target", "exclude_columns", "where", "replica_identity"))

	schemaSchema = schemaOf(attributes("copy", "create_database", "database_settings", "roles",
		"owners", "privileges", "tablespaces", "skip_extensions", "skip"))

	copySchema = schemaOf(attributes("workers", "chunk_size", "maintenance_work_mem"))

	streamSchema = schemaOf(attributes("ddl", "max_delay", "missing_row",
		"publish_via_partition_root", "slot", "publications"))

	cutoverSchema = schemaOf(attributes("fence", "verify", "timeout"))

	ddlSchema = schemaOf(append(required("mirrors", "command"), attributes("for_each",
		"replication_sets", "lock_timeout", "ran_on_source", "depends_on")...))
)

func schemaOf(attrs []hcl.AttributeSchema, blocks ...hcl.BlockHeaderSchema) *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: attrs, Blocks: blocks}
}

func attributes(names ...string) []hcl.AttributeSchema {
	schemas := make([]hcl.AttributeSchema, len(names))
	for i, name := range names {
		schemas[i].Name = name
	}
	return schemas
}

func required(names ...string) []hcl.AttributeSchema {
	schemas := attributes(names...)
	for i := range schemas {
		schemas[i].Required = true
	}
	return schemas
}

// collect sorts the blocks of all files by type. A name that is used twice is an
// error; the second block is kept, to be checked as well.
func (l *loader) collect() {
	for _, body := range l.bodies {
		for _, b := range l.content(body, fileSchema).Blocks {
			l.checkName(b)
			l.blocks[b.Type] = append(l.blocks[b.Type], b)
		}
	}
}

// checkName checks a block's label, and that no earlier block of the type has it.
func (l *loader) checkName(b *hcl.Block) {
	if len(b.Labels) == 0 {
		return
	}
	if !hclsyntax.ValidIdentifier(b.Labels[0]) {
		l.errorAt(b.LabelRanges[0], "Invalid name",
			"A name starts with a letter and holds only letters, digits, underscores and dashes.")
	}
	for _, first := range l.blocks[b.Type] {
		if first.Labels[0] == b.Labels[0] {
			l.errorAt(b.DefRange, "Duplicate "+b.Type, "%s %q is declared at %s already.",
				b.Type, b.Labels[0], first.DefRange)
			return
		}
	}
}

// content reads a body by its schema. It is never nil: what is wrong is left out.
func (l *loader) content(body hcl.Body, schema *hcl.BodySchema) *hcl.BodyContent {
	content, diags := body.Content(schema)
	l.diags = append(l.diags, diags...)
	return content
}

// single returns the only block of a type, or nil. More than one is an error.
func (l *loader) single(blocks hcl.Blocks, kind string) *hcl.Block {
	found := blocks.OfType(kind)
	if len(found) == 0 {
		return nil
	}
	for _, b := range found[1:] {
		l.errorAt(b.DefRange, "Duplicate "+kind+" block",
			"There is one %s block already, at %s.", kind, found[0].DefRange)
	}
	return found[0]
}
