package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"bascule/planner"

	"github.com/google/renameio/v2"
)

// planFile is a saved plan: the plan, and its digest, so that a change of the file
// is noticed.
type planFile struct {
	Digest string        `json:"digest"`
	Plan   *planner.Plan `json:"plan"`
}

// savePlan writes a plan that only its owner may read.
func savePlan(path string, p *planner.Plan) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(planFile{Digest: p.Digest(), Plan: p})
	if err == nil {
		err = renameio.WriteFile(path, b.Bytes(), 0o600, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o600))
	}
	if err != nil {
		return fmt.Errorf("save plan: %w", err)
	}
	return nil
}

// readPlan reads a saved plan.
func readPlan(path string) (*planner.Plan, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	var f planFile
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, &staleError{text: fmt.Sprintf("%s is no plan that can be applied: %v", path, err)}
	}
	if f.Plan == nil || f.Plan.Digest() != f.Digest {
		return nil, &staleError{text: path + " was altered after it was written"}
	}
	return planner.Decode(f.Plan.Encode())
}
