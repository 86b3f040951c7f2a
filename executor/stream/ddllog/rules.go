package ddllog

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner"
)

// Rules are what a mirror follows of the log.
type Rules struct {
	// Halt: at each entry that concerns the mirror it stands still.
	Halt bool

	// Owners and Privileges: the target has the source's. Without, what changes only
	// these is passed over.
	Owners, Privileges bool

	// Some: the declaration leaves tables out, and with them what depends on these.
	Some bool

	// Known reports whether a table, by its oid on the source, is a member, or is about to
	// be. There reports whether one that is not is the mirror's on the target all the
	// same: copied once, or over or under a member. It is asked for few.
	Known func(oid uint32) bool
	There func(schema, name string) (bool, error)

	// Foreign reports whether a schema is none of the mirror's: it has no member, and is
	// not on the target. It is asked where Some. Default: none is.
	Foreign func(schema string) (bool, error)

	// Coming reports whether a table is a member that is yet to be copied. What was done
	// to it before it was published is in what is copied. Default: none is.
	Coming func(oid uint32) bool
}

// Concerns reports whether an entry is one to do something for.
func (r Rules) Concerns(e *Entry) (bool, error) {
	switch {
	case e.Problem != "":
		return true, nil
	case r.Halt:
		return !foreignOnly(e), nil
	case oneSided(e), foreignOnly(e), copied(e):
		return false, nil
	case rights[e.Tag] && !r.Privileges:
		return false, nil
	case len(e.Tables) > 0 && (ofTable(e) || e.Definition != ""):
		return r.inside(e)
	}
	elsewhere, err := r.elsewhere(e)
	return !elsewhere, err
}

// elsewhere reports whether all that the entry is about lies in schemas that are none of
// the mirror's.
func (r Rules) elsewhere(e *Entry) (bool, error) {
	if !r.Some || r.Foreign == nil || len(e.Objects) == 0 {
		return false, nil
	}
	asked := map[string]bool{}
	for _, o := range e.Objects {
		schema := o.Schema
		if o.Type == "schema" && o.Dropped {
			schema = unquoted(o.Identity)
		}
		if schema == "" {
			return false, nil
		}
		asked[schema] = true
	}
	for i := range e.Tables {
		asked[e.Tables[i].Schema] = true
	}
	for schema := range asked {
		if foreign, err := r.Foreign(schema); !foreign || err != nil {
			return false, err
		}
	}
	return true, nil
}

// oneSided are commands about what each side has for itself.
func oneSided(e *Entry) bool {
	return e.has("PUBLICATION") || e.has("SUBSCRIPTION") || e.has("EVENT TRIGGER") || e.has("USER MAPPING")
}

// rights are the commands that change privileges alone.
var rights = map[string]bool{"GRANT": true, "REVOKE": true, "ALTER DEFAULT PRIVILEGES": true}

// foreignOnly: all objects are temporary, or an extension's own.
func foreignOnly(e *Entry) bool {
	for _, o := range e.Objects {
		if !o.Temporary && (!o.Extension || e.has("EXTENSION")) {
			return false
		}
	}
	return len(e.Objects) > 0
}

// copied: it made a table with rows that nobody publishes, as nothing is of it from here on.
func copied(e *Entry) bool {
	return withRows[e.Tag] && e.Definition == ""
}

// ofTable: the command is about tables and what hangs on them alone, so it is nothing to
// a mirror that has none of these tables.
func ofTable(e *Entry) bool {
	for _, word := range []string{"TABLE", "INDEX", "REINDEX", "TRIGGER", "RULE", "POLICY", "STATISTICS", "SEQUENCE", "COMMENT", "GRANT", "REVOKE", "LABEL"} {
		if e.has(word) {
			return true
		}
	}
	return false
}

// inside reports whether one of the entry's tables is the mirror's.
func (r Rules) inside(e *Entry) (bool, error) {
	for i := range e.Tables {
		t := &e.Tables[i]
		if r.Coming != nil && r.Coming(t.OID) && !t.followed() && !t.Dropped {
			continue // its copy begins behind this
		}
		if r.Known(t.OID) || t.followed() || e.late(t) || t.Selected && (t.Kind == "p" || t.Partition) || slices.ContainsFunc(t.Above, r.Known) {
			return true, nil
		}
		if !t.Selected && !t.Dropped {
			continue
		}
		if there, err := r.There(t.Schema, t.Name); there || err != nil {
			return there, err
		}
	}
	return false, nil
}

// followed: its rows are published.
func (t *Touched) followed() bool {
	return !t.Dropped && (t.Follow == planner.FollowAll || t.Follow == planner.FollowInserts)
}

// late reports whether the entry made a table that is yet to join its publication, and is
// copied behind that. The rows of one that was detached are on the target.
func (e *Entry) late(t *Touched) bool {
	return t.Late && t.Could != nil && t.Kind == "r" && e.Tag != "ALTER TABLE"
}

// Note says of an entry that is passed over what its operator should know, or "".
func (r Rules) Note(e *Entry) string {
	var names []string
	for i := range e.Tables {
		if t := &e.Tables[i]; t.Selected && !t.Dropped && !t.followed() && t.Kind == "r" && !r.Known(t.OID) {
			names = append(names, t.String())
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("%s is selected by the mirror, and on the source only (%s): the next `bascule apply` adds it, with its rows", strings.Join(names, ", "), e.Tag)
}
