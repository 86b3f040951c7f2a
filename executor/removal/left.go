package removal

import (
	"fmt"
	"strings"

	"bascule/config/pgname"
	"bascule/planner"
	"bascule/state"
)

// Left says what removals that did not end keep, by peer: on their sources, and on targets
// that could not be reached.
func Left(f *state.File) []string {
	var list []string
	for _, r := range f.Resources {
		if r.Left() {
			list = append(list, r.Mirror.Target+": what "+r.Address+" has made there, and its records in schema bascule")
		}
		if r.Status != state.Removing || r.Mirror == nil || r.Mirror.OnSource == nil {
			continue
		}
		on, source := r.Mirror.OnSource, r.Mirror.Source
		if on.Slot != "" {
			list = append(list, source+": "+planner.HeldBy(r.Mirror.Engine, on.Slot)+", and the WAL that it keeps")
		}
		if on.Log != "" {
			list = append(list, source+": schema "+on.Log+", and the event triggers that log DDL into it")
		}
		if names := strings.Trim(strings.Join(on.Publications, ", "), ", "); names != "" {
			list = append(list, source+": publications "+names)
		}
		for _, x := range on.Identities {
			list = append(list, fmt.Sprintf("%s: replica identity %s of %s, which was %s", source, x.Is, pgname.Shown(x.Schema, x.Name), x.Was))
		}
	}
	return list
}
