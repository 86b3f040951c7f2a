package report

import (
	"fmt"

	"bascule/bench/contender"
)

// Verdict is the outcome of a workload's bars.
type Verdict struct {
	// Judged is false when our program did not run, or nothing to compare it with.
	Judged, Passed bool

	// Lines say which bar was met or missed, and by how much.
	Lines []string
}

// Judge holds our times against the bars: on a big table at most 0.80 of
// pgcopydb and of pg_dump with pg_restore and 0.90 of the pipe, or else within
// 10 % of the raw limit; on small tables at most 0.90 of the pipe. The median of
// the rounds' ratios counts. A run of ours that failed misses every bar.
func Judge(r Result) Verdict {
	var v Verdict
	for _, m := range r.Measurements {
		if m.Contender == contender.Ours && m.Failure != "" {
			v.Judged = true
			v.Lines = append(v.Lines, fmt.Sprintf("missed: round %d of bascule failed", m.Round))
		}
	}
	if v.Judged || len(r.runs(contender.Ours)) == 0 {
		return v
	}
	if !r.Big {
		v.Passed = v.hold(r, contender.Pipe, 0.90)
		return v
	}
	against := v.hold(r, contender.Pgcopydb, 0.80)
	against = v.hold(r, contender.DumpRestore, 0.80) && against
	against = v.hold(r, contender.Pipe, 0.90) && against
	if limit := v.hold(r, contender.Raw, 1.10); limit || against {
		v.Passed = true
	}
	return v
}

// hold compares our time with one contender's and notes it. A contender that did
// not run meets no bar.
func (v *Verdict) hold(r Result, against string, bar float64) bool {
	ratios := r.ratios(contender.Ours, against)
	if len(ratios) == 0 {
		v.Lines = append(v.Lines, fmt.Sprintf("not compared with %s", against))
		return false
	}
	v.Judged = true
	ratio := median(ratios)
	met := ratio <= bar
	word := "missed"
	if met {
		word = "met"
	}
	v.Lines = append(v.Lines, fmt.Sprintf("%s: %.3f of %s, bar %.2f", word, ratio, against, bar))
	return met
}
