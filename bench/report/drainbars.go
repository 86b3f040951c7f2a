package report

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"bascule/bench/contender"
)

const (
	// FloorBar is the share of the decode floor's rate that is enough where a
	// backlog's own bar asks for more.
	FloorBar = 0.9

	// DelayedBar is the share of our rate that is left with 20 ms to the target.
	DelayedBar = 0.5

	// MemoryBar is our peak memory, in bytes, four times the largest row aside.
	MemoryBar = 100 << 20

	// unacceptable is the share of the server's own rate below which a miss is called
	// that.
	unacceptable = 0.7
)

// JudgeDrained holds our rate against the better of the server's own, or the decode
// floor, whichever asks for less; our rate over a slow line against our own; and our
// memory. The median of the rounds' ratios counts. A failure of ours misses.
func JudgeDrained(d Drained) Verdict {
	var v Verdict
	for _, r := range d.Drains {
		if r.Failure != "" && (r.Follower == contender.Ours || r.Follower == contender.OursDelayed) {
			v.Judged = true
			v.Lines = append(v.Lines, fmt.Sprintf("missed: round %d of %s failed", r.Round, r.Follower))
		}
	}
	if v.Judged || len(d.runs(contender.Ours)) == 0 {
		return v
	}
	v.Passed = v.holdRate(d)
	v.Passed = v.holdDelayed(d) && v.Passed
	v.Passed = v.holdMemory(d) && v.Passed
	return v
}

// Better is the faster of the server's own two ways, by the median; "" if none ran.
func Better(d Drained) string {
	text, binary := median(d.rates(contender.Subscription)), median(d.rates(contender.SubBinary))
	switch {
	case text == 0 && binary == 0:
		return ""
	case binary > text:
		return contender.SubBinary
	}
	return contender.Subscription
}

func (v *Verdict) holdRate(d Drained) bool {
	better := Better(d)
	if better == "" {
		v.Lines = append(v.Lines, "not compared with the server's own apply")
		return true
	}
	v.Judged = true
	server := median(d.ratios(contender.Ours, better))
	floor := median(d.ratios(contender.Ours, contender.Floor)) // 0 if it did not run
	met := server >= d.Bar || floor >= FloorBar
	line := fmt.Sprintf("%s: %.2f of %s, the better of the server's own, bar %.2f; %.2f of the decode floor, enough is %.2f",
		word(met), server, better, d.Bar, floor, FloorBar)
	if !met && server < unacceptable {
		line += fmt.Sprintf("; below %.2f", unacceptable)
	}
	v.Lines = append(v.Lines, line)
	return met
}

func (v *Verdict) holdDelayed(d Drained) bool {
	ratios := d.ratios(contender.OursDelayed, contender.Ours)
	if len(ratios) == 0 {
		v.Lines = append(v.Lines, "not measured over a slow line")
		return true
	}
	v.Judged = true
	ratio := median(ratios)
	v.Lines = append(v.Lines, fmt.Sprintf("%s: %.2f of our own rate with 20 ms to the target and back, bar %.2f",
		word(ratio >= DelayedBar), ratio, DelayedBar))
	return ratio >= DelayedBar
}

// holdMemory leaves the rows aside: none of a backlog's is large.
func (v *Verdict) holdMemory(d Drained) bool {
	v.Judged = true
	var peak int64
	for _, r := range append(d.runs(contender.Ours), d.runs(contender.OursDelayed)...) {
		peak = max(peak, r.Client.PeakRSS)
	}
	v.Lines = append(v.Lines, fmt.Sprintf("%s: peak memory %s, bar %s", word(peak <= MemoryBar),
		humanize.IBytes(uint64(peak)), humanize.IBytes(MemoryBar)))
	return peak <= MemoryBar
}

func word(met bool) string {
	if met {
		return "met"
	}
	return "missed"
}
