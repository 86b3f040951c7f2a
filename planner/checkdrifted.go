package planner

import (
	"cmp"
	"fmt"
)

// checkDrifted says which tables of a mirror that streams have come to differ in
// shape: DDL was run on one side alone.
func (d *draft) checkDrifted(e *existing) {
	if !d.running {
		return
	}
	underway := d.underway()
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		schema, name := t.FinalName()
		r := e.byName[[2]string{schema, name}]
		if t.Work != "" || t.Kind == "config" || r == nil || underway[t.OID] {
			continue
		}
		if difference := cmp.Or(d.shapeDifference(t, r), d.attachment(t, r)); difference != "" {
			d.found("", codeShape, Warning, fmt.Sprintf("table %s of the target has another shape than the source's: %s", shown(schema, name), difference),
				fmt.Sprintf("The stream stops where the source's changed. Put the command that changed it into a ddl block with ran_on_source = true, or copy the table again: -replace='%s'.", TableAddress(d.decl.Address, t.Schema, t.Name)),
				shown(schema, name))
		}
	}
}
