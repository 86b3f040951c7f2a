package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	ctyjson "github.com/zclconf/go-cty/cty/json"

	"bascule/config/pgname"
)

// Settings are all that decides what arrives on the target, by attribute path.
// Equal mirrors have equal settings, however they are written. How the copy is
// carried out (workers, chunk_size, maintenance_work_mem, protect), and how it is
// followed then (max_delay, missing_row, ddl, paused), is not in it.
func (m *Mirror) Settings() map[string]string {
	settings := map[string]string{
		"tables":                   patternText(m.Tables),
		"exclude":                  patternText(m.Exclude),
		"schema.copy":              strconv.FormatBool(m.Schema.Copy),
		"schema.create_database":   strconv.FormatBool(m.Schema.CreateDatabase),
		"schema.database_settings": strconv.FormatBool(m.Schema.DatabaseSettings),
		"schema.roles":             strconv.FormatBool(m.Schema.Roles),
		"schema.owners":            strconv.FormatBool(m.Schema.Owners),
		"schema.privileges":        strconv.FormatBool(m.Schema.Privileges),
		"schema.skip_extensions":   nameText(m.Schema.SkipExtensions),
		"schema.skip":              patternText(m.Schema.Skip),
		"schema.tablespaces":       mapText(m.Schema.Tablespaces),
	}
	if len(m.Tables) == 0 {
		settings["tables"] = "*.*"
	}
	if m.Continuous {
		m.streamSettings(settings)
	}
	for _, t := range m.Blocks {
		t.settings(settings)
	}
	return settings
}

// streamSettings adds what a mirror has that streams. One that copies once has
// nothing of it, so that its settings stay what they were before there was the other
// kind.
func (m *Mirror) streamSettings(settings map[string]string) {
	settings["continuous"] = "true"
	settings["initial_copy"] = strconv.FormatBool(m.InitialCopy)
	settings["stream.publish_via_partition_root"] = strconv.FormatBool(m.Stream.PublishViaPartitionRoot)
	if m.Stream.Slot != "" {
		settings["stream.slot"] = m.Stream.Slot
	}
	if len(m.Stream.Publications) > 0 {
		settings["stream.publications"] = strings.Join(m.Stream.Publications, ", ") // in this order
	}
}

// settings adds what the block says. A block that says nothing adds nothing.
func (t *TableBlock) settings(settings map[string]string) {
	path := "table." + pgname.Shown(t.Schema, t.Name)
	if t.TargetSchema != t.Schema || t.TargetName != t.Name {
		settings[path+".target"] = pgname.Shown(t.TargetSchema, t.TargetName)
	}
	if len(t.ExcludeColumns) > 0 {
		settings[path+".exclude_columns"] = nameText(t.ExcludeColumns)
	}
	if t.Where != "" {
		settings[path+".where"] = t.Where
	}
	if t.ReplicaIdentity != "" {
		settings[path+".replica_identity"] = t.ReplicaIdentity
	}
}

// digest writes all that decides what the block runs, and where: its command may come
// from a file that is no part of the configuration.
func (d *DDL) digest(h io.Writer) {
	fmt.Fprintf(h, "ddl %q %q %q %s %t %q", d.Address, d.Command, d.ReplicationSets, d.LockTimeout, d.RanOnSource, d.DependsOn)
	for _, m := range d.Mirrors {
		fmt.Fprintf(h, " %q", m.Address)
	}
	fmt.Fprintln(h)
}

// Digest is the SHA-256, in hex, of the mirror's settings and of the addresses of
// its source and target.
func (m *Mirror) Digest() string {
	settings := m.Settings()
	settings["source"], settings["target"] = addressOf(m.Source), addressOf(m.Target)
	text, _ := json.Marshal(settings) // sorts by name
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func addressOf(p *Peer) string {
	if p == nil {
		return ""
	}
	return p.Address
}

func patternText(patterns []Pattern) string {
	texts := make([]string, len(patterns))
	for i, p := range patterns {
		texts[i] = p.canonical()
	}
	return listText(texts)
}

// nameText writes a set of names.
func nameText(names []string) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = pgname.Shown("", name)
	}
	return listText(texts)
}

// listText writes a set of texts, sorted. A double quote never stands alone in
// one of them, so one with a comma can be told from two.
func listText(texts []string) string {
	texts = slices.Compact(slices.Sorted(slices.Values(texts)))
	for i, text := range texts {
		if strings.Contains(text, ",") {
			texts[i] = strconv.Quote(text)
		}
	}
	return strings.Join(texts, ", ")
}

// mapText writes names by name, sorted.
func mapText(names map[string]string) string {
	var texts []string
	for from, to := range names {
		texts = append(texts, pgname.Shown("", from)+" = "+pgname.Shown("", to))
	}
	return listText(texts)
}

// digest is the SHA-256, in hex, of what the configuration follows from: the
// files with their secrets blanked, the variables that are not sensitive, and
// what the mirrors came to, for the text of files that file() read.
func (l *loader) digest() string {
	h := sha256.New()
	for _, name := range l.files {
		src := l.cfg.Sources[name].Bytes
		fmt.Fprintf(h, "file %q %d\n%s\n", name, len(src), src)
	}
	for _, name := range slices.Sorted(maps.Keys(l.variables)) {
		fmt.Fprintf(h, "variable %q", name)
		if value := l.varValues[name]; !value.ContainsMarked() {
			text, _ := ctyjson.Marshal(value, value.Type())
			fmt.Fprintf(h, " %s", text)
		}
		fmt.Fprintln(h)
	}
	for _, m := range l.cfg.Mirrors {
		fmt.Fprintf(h, "mirror %q %s\n", m.Address, m.Digest())
	}
	for _, d := range l.cfg.DDL {
		d.digest(h)
	}
	return hex.EncodeToString(h.Sum(nil))
}
