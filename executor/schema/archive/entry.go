package archive

import (
	"strconv"
	"strings"
)

// entry reads one entry and adds it to a, or sets what it says of the whole.
func (d *decoder) entry(a *Archive) {
	var e Entry
	e.DumpID = int(d.integer())
	if d.err == nil && e.DumpID <= 0 {
		d.fail("the entry id %d is out of range", e.DumpID)
		return
	}
	e.HasData = d.integer() != 0
	e.Class, e.OID = d.oid(), d.oid()
	e.Tag, e.Desc = d.text(), d.text()
	e.Section = d.section()
	e.Definition, e.Drop, e.Copy = d.text(), d.text(), d.text()
	e.Schema, e.Tablespace = d.text(), d.text()
	if d.version.least(14) {
		e.AccessMethod = d.text()
	}
	if d.version.least(16) {
		e.RelKind = rune(d.integer())
	}
	e.Owner = d.text()
	d.text() // "true" for a table WITH OIDS, which servers know no more
	e.Dependencies = d.dependencies()
	d.dataOffset()
	if d.err != nil {
		return
	}
	switch e.Desc {
	case "ENCODING":
		a.Encoding = d.quoted(e)
	case "STDSTRINGS":
		a.StandardStrings = d.quoted(e) == "on"
	case "SEARCHPATH":
		a.SearchPath = d.searchPath(e)
	default:
		a.Entries = append(a.Entries, e)
	}
}

// oid reads a decimal number that is written as text.
func (d *decoder) oid() uint32 {
	s := d.text()
	if d.err != nil {
		return 0
	}
	v, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		d.fail("%.20q is no oid", s)
	}
	return uint32(v)
}

func (d *decoder) section() Section {
	s := Section(d.integer())
	if d.err == nil && (s < None || s > PostData) {
		d.fail("there is no section %d", int(s))
	}
	return s
}

// dependencies reads decimal numbers, written as texts, up to a null.
func (d *decoder) dependencies() []int {
	var ids []int
	for {
		s, ok := d.optional()
		if !ok {
			return ids
		}
		id, err := strconv.ParseInt(s, 10, 32)
		if err != nil || id <= 0 {
			d.fail("%.20q is no entry id", s)
			return nil
		}
		ids = append(ids, int(id))
	}
}

// dataOffset passes over where the entry's data are.
func (d *decoder) dataOffset() {
	const notSet, noData = 1, 3
	if flag := d.octet(); d.err == nil && (flag < notSet || flag > noData) {
		d.fail("there is no data offset flag %d", flag)
		return
	}
	d.bytes(d.offSize)
}

// quoted returns the literal of an entry that is SET name = 'value'.
func (d *decoder) quoted(e Entry) string {
	parts := strings.SplitN(e.Definition, "'", 3)
	if len(parts) != 3 {
		d.fail("the entry %s says %.60q", e.Desc, e.Definition)
		return ""
	}
	return parts[1]
}

// searchPath returns the second literal of SELECT set_config('search_path', '...', false).
func (d *decoder) searchPath(e Entry) string {
	parts := strings.SplitN(e.Definition, "'", 4)
	if len(parts) != 4 || parts[1] != "search_path" {
		d.fail("the entry %s says %.60q", e.Desc, e.Definition)
		return ""
	}
	value, _, found := strings.Cut(parts[3], "', false)")
	if !found {
		d.fail("the entry %s says %.60q", e.Desc, e.Definition)
	}
	return strings.ReplaceAll(value, "''", "'")
}
