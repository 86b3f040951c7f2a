package catalog

import (
	"fmt"
	"slices"
)

// Words for how a subscription of pglogical fares.
const (
	PglogicalReplicating = "replicating"
	PglogicalCatchingUp  = "catching up"
	PglogicalStarting    = "starting"
	PglogicalStopped     = "stopped" // disabled
	PglogicalDown        = "down"    // its worker ended with an error, and is tried again after a while
)

// catchingUp is the lag in bytes from which a subscription is said to be behind.
const catchingUp = 16 << 20

// Fares says how the subscription is doing: one of the words above, how many bytes of
// its provider's WAL are not confirmed yet (-1 where that is not known), and why it is
// down, where the slot tells.
func (s *PglogicalSubscription) Fares(provider *SourceNow) (word string, lag int64, why string) {
	slot := provider.Slot(s.Slot)
	lag = -1
	if slot != nil && slot.Confirmed > 0 {
		lag = int64(max(provider.End, slot.Confirmed) - slot.Confirmed)
	}
	switch {
	case !s.Enabled:
		return PglogicalStopped, lag, ""
	case s.PID == 0 && slot == nil && s.Synced:
		return PglogicalDown, lag, fmt.Sprintf("its slot %s is gone from the source", s.Slot)
	case s.PID == 0 && slot != nil && slot.WALStatus == "lost":
		return PglogicalDown, lag, fmt.Sprintf("its slot %s is lost: the WAL that it needs is gone", s.Slot)
	case s.PID == 0:
		return PglogicalDown, lag, ""
	case slot == nil, !slot.Active, !s.Synced:
		return PglogicalStarting, lag, ""
	case lag > catchingUp:
		return PglogicalCatchingUp, lag, ""
	default:
		return PglogicalReplicating, lag, ""
	}
}

// Causes lists what may have brought a subscription's worker down, as sentences: its
// last error is in the server's log alone. Tables are those of its sets on the source,
// roles those that run DDL there. It compares what both databases have now.
func Causes(source, target *Database, tables []PglogicalTable, roles ...string) []string {
	var causes []string
	there := map[string]*RoleFact{}
	for i := range target.Roles {
		there[target.Roles[i].Name] = &target.Roles[i]
	}
	for _, name := range roles {
		if there[name] == nil {
			causes = append(causes, fmt.Sprintf("the target has no role %q, and a command is run there as the role that ran it on the source", name))
		}
	}
	for _, t := range tables {
		from, to := relationNamed(source, t.Schema, t.Name), relationNamed(target, t.Schema, t.Name)
		if from == nil {
			continue
		}
		if to == nil {
			causes = append(causes, fmt.Sprintf("the target has no table %s.%s", t.Schema, t.Name))
			continue
		}
		causes = append(causes, columnCauses(t, from, to)...)
		for _, name := range roles {
			if role := there[name]; role != nil && !role.Superuser && name != to.Owner && !slices.Contains(role.MemberOf, to.Owner) {
				causes = append(causes, fmt.Sprintf("role %q does not own %s.%s on the target, and a command of that role that alters it fails there", name, t.Schema, t.Name))
			}
		}
	}
	return causes
}

// columnCauses are differences of one table's columns that changes cannot be applied
// with.
func columnCauses(t PglogicalTable, from, to *Relation) []string {
	var causes []string
	for _, c := range from.Columns {
		sent := t.Columns == nil || slices.Contains(t.Columns, c.Name)
		if sent && !hasColumn(to, c.Name) {
			causes = append(causes, fmt.Sprintf("the target's table %s.%s has no column %q", t.Schema, t.Name, c.Name))
		}
	}
	for _, c := range to.Columns {
		if c.NotNull && !c.Default && c.Identity == 0 && c.Generated == 0 && !hasColumn(from, c.Name) {
			causes = append(causes, fmt.Sprintf("column %q of the target's table %s.%s is NOT NULL without a default, and the source does not have it", c.Name, t.Schema, t.Name))
		}
	}
	return causes
}

func relationNamed(db *Database, schema, name string) *Relation {
	for i := range db.Relations {
		if r := &db.Relations[i]; r.Schema == schema && r.Name == name {
			return r
		}
	}
	return nil
}

func hasColumn(r *Relation, name string) bool {
	return slices.ContainsFunc(r.Columns, func(c Column) bool { return c.Name == name })
}
