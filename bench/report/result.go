// Package report judges what was measured and writes it down.
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

// Measurement is one run of one contender.
type Measurement struct {
	Contender string
	Round     int
	Client    client.Usage

	// SourceCPU and TargetCPU are the servers' work in this run.
	SourceCPU, TargetCPU time.Duration

	// Failure says why the run does not count, or is "".
	Failure string
}

// Result is all that was measured on one workload, in order.
type Result struct {
	Workload, Title string
	Scale, Rounds   int
	Date            string

	// Big says that the workload is one big table.
	Big bool

	// Bytes is the size of the source database.
	Bytes int64

	Measurements []Measurement
}

// Save keeps a result in a folder, in the place of an older one.
func (r Result) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(r.path(dir), data, 0o644)
}

// Load reads the results of these workloads that were saved in a folder at a scale;
// those that are not there are left out.
func Load(dir string, scale int, workloads []string) ([]Result, error) {
	var all []Result
	for _, w := range workloads {
		r := Result{Workload: w, Scale: scale}
		data, err := os.ReadFile(r.path(dir))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = json.Unmarshal(data, &r)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

func (r Result) path(dir string) string {
	return filepath.Join(dir, fmt.Sprintf("%s_%d.json", r.Workload, r.Scale))
}

// runs are the measurements of a contender that count.
func (r Result) runs(contender string) []Measurement {
	return slices.DeleteFunc(slices.Clone(r.Measurements), func(m Measurement) bool {
		return m.Contender != contender || m.Failure != ""
	})
}

// ratios are our time over the contender's in each round that both finished.
func (r Result) ratios(ours, theirs string) []float64 {
	var all []float64
	for _, a := range r.runs(ours) {
		for _, b := range r.runs(theirs) {
			if a.Round == b.Round {
				all = append(all, a.Client.Wall.Seconds()/b.Client.Wall.Seconds())
			}
		}
	}
	return all
}

// median is the middle value, or 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}
