package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"bascule/bench/client"
)

// Drain is one backlog drained by one follower.
type Drain struct {
	Follower string
	Round    int

	// Copy is what came before, where the initial copy is measured.
	Copy Copy

	// Took is the time from its start to the last row's being on the target, and
	// Acknowledged to the source's being told so.
	Took, Acknowledged time.Duration

	// Client is what programs beside the servers cost; SourceCPU and TargetCPU are the
	// servers' work, TargetWAL the bytes that were written on the target, and
	// TargetCommits the transactions that wrote there.
	Client                   client.Usage
	SourceCPU, TargetCPU     time.Duration
	TargetWAL, TargetCommits int64

	// Failure says why the run does not count, or is "".
	Failure string
}

// Copy is an initial copy: how long it took, and its cost, as a drain's.
type Copy struct {
	Took                 time.Duration
	Client               client.Usage
	SourceCPU, TargetCPU time.Duration
}

// Drained is all that was measured on one backlog, in order.
type Drained struct {
	Backlog, Title, Unit string
	Units                int
	Bar                  float64
	Scale, Rounds        int
	Date                 string

	// SourceWAL is the backlog's size, in bytes, in the first round.
	SourceWAL int64

	Drains []Drain
}

// Limit is one figure held against a bar.
type Limit struct {
	Name, Text string
	Scale      int
	Date       string
	Passed     bool
}

// Save keeps what was measured in a folder, in the place of an older one.
func (d Drained) Save(dir string) error { return save(dir, drainedFile(d.Backlog, d.Scale), d) }

// Save keeps the figure in a folder, in the place of an older one.
func (l Limit) Save(dir string) error { return save(dir, limitFile(l.Name, l.Scale), l) }

func save(dir, name string, value any) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), data, 0o644)
}

// LoadDrained reads what was saved of these backlogs and limits at a scale; those
// that are not there are left out.
func LoadDrained(dir string, scale int, backlogs, limits []string) (drained []Drained, held []Limit, err error) {
	for _, name := range backlogs {
		if drained, err = load(drained, filepath.Join(dir, drainedFile(name, scale))); err != nil {
			return nil, nil, err
		}
	}
	for _, name := range limits {
		if held, err = load(held, filepath.Join(dir, limitFile(name, scale))); err != nil {
			return nil, nil, err
		}
	}
	return drained, held, nil
}

// load appends what a file holds, if it is there.
func load[T any](list []T, path string) ([]T, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return list, nil
	}
	var value T
	if err == nil {
		err = json.Unmarshal(data, &value)
	}
	return append(list, value), err
}

func drainedFile(name string, scale int) string { return fmt.Sprintf("drain_%s_%d.json", name, scale) }
func limitFile(name string, scale int) string   { return fmt.Sprintf("limit_%s_%d.json", name, scale) }

// runs are the drains of a follower that count.
func (d Drained) runs(follower string) []Drain {
	return slices.DeleteFunc(slices.Clone(d.Drains), func(r Drain) bool {
		return r.Follower != follower || r.Failure != ""
	})
}

// rate is units a second.
func (d Drained) rate(r Drain) float64 { return float64(d.Units) / r.Took.Seconds() }

// rates are those of a follower, round by round.
func (d Drained) rates(follower string) []float64 {
	var all []float64
	for _, r := range d.runs(follower) {
		all = append(all, d.rate(r))
	}
	return all
}

// ratios are one follower's rate over another's in each round that both finished.
func (d Drained) ratios(one, other string) []float64 {
	var all []float64
	for _, a := range d.runs(one) {
		for _, b := range d.runs(other) {
			if a.Round == b.Round {
				all = append(all, d.rate(a)/d.rate(b))
			}
		}
	}
	return all
}
