package catalog_test

import (
	"math/rand/v2"
	"testing"

	"bascule/planner/catalog"
)

// commit is where a transaction's commit record lies, and the byte behind it.
type commit struct{ final, end catalog.LSN }

// A stream that stops anywhere and goes on from the position that it stored applies
// every transaction exactly once, in the order of their commits: also where two
// commits are adjacent, and where the position is a quiet place between them.
func TestPositionCoversOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 15))
		log := commits(r, 50)
		var applied []commit
		for position := catalog.LSN(0); len(applied) < len(log); {
			position = play(r, log, position, &applied)
			if len(applied) > len(log) {
				break
			}
		}
		if len(applied) != len(log) {
			t.Fatalf("seed %d: %d transactions applied, of %d", seed, len(applied), len(log))
		}
		for i := range log {
			if applied[i] != log[i] {
				t.Fatalf("seed %d: transaction %d is %v, was %v", seed, i, applied[i], log[i])
			}
		}
	}
}

// commits makes a log: half of the commits begin where the one before ends.
func commits(r *rand.Rand, n int) []commit {
	var log []commit
	at := catalog.LSN(r.Uint64N(1 << 40))
	for range n {
		at += catalog.LSN(r.Uint64N(2) * r.Uint64N(1000))
		c := commit{final: at, end: at + 48}
		log = append(log, c)
		at = c.end
	}
	return log
}

// play streams from a position until it is stopped, after some transactions, and
// returns the position that was stored last.
func play(r *rand.Rand, log []commit, position catalog.LSN, applied *[]commit) catalog.LSN {
	for _, c := range log {
		if position.Covers(c.final) {
			continue
		}
		if r.Uint64N(4) == 0 {
			if r.Uint64N(2) == 0 { // quiet: the log is known to be empty up to the next commit
				position = max(position, c.final)
			}
			return position
		}
		*applied = append(*applied, c)
		position = c.end
	}
	return position
}

// A position is in the copy and not in the stream, or the other way round.
func TestCoversIsHalfOpen(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name            string
		position, final catalog.LSN
		want            bool
	}{
		{"before", 100, 99, true},
		{"its own end is the next one's commit", 100, 100, false},
		{"after", 100, 101, false},
		{"a stream's beginning covers nothing", 0, 0, false},
		{"above 4 GB", 1<<32 | 5, 1<<32 | 4, true},
	} {
		if got := tc.position.Covers(tc.final); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestLSNText(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		lsn  catalog.LSN
		text string
	}{
		{0, "0/0"},
		{0x16B374D848, "16/B374D848"},
		{0x100000000, "1/0"},
		{^catalog.LSN(0), "FFFFFFFF/FFFFFFFF"},
	} {
		if got := tc.lsn.String(); got != tc.text {
			t.Errorf("%d is written %q", uint64(tc.lsn), got)
		}
		got, err := catalog.ParseLSN(tc.text)
		if got != tc.lsn || err != nil {
			t.Errorf("%q is read as %v: %v", tc.text, got, err)
		}
	}
	for _, text := range []string{"", "0", "x/1", "1/", "100000000/0"} {
		if lsn, err := catalog.ParseLSN(text); err == nil {
			t.Errorf("%q is read as %v", text, lsn)
		}
	}
}
