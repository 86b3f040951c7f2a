package planner

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Encode writes the plan as JSON, the same bytes for the same plan.
func (p *Plan) Encode() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		panic(err) // strings and numbers alone
	}
	return b.Bytes()
}

// Digest is "sha256:" and the hash of the encoded plan.
func (p *Plan) Digest() string {
	sum := sha256.Sum256(p.Encode())
	return "sha256:" + hex.EncodeToString(sum[:])
}

// DecodeError reports that a file is not a plan that this build can apply.
type DecodeError struct{ Reason string }

func (e *DecodeError) Error() string { return "not a usable plan: " + e.Reason }

// Hint says what the operator can do about it.
func (e *DecodeError) Hint() string { return "make the plan again, with this build" }

// ExitCode is that of a stale or altered plan.
func (e *DecodeError) ExitCode() int { return 6 }

// Decode reads a plan that Encode wrote.
func Decode(data []byte) (*Plan, error) {
	var p Plan
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return nil, &DecodeError{Reason: err.Error()}
	}
	if p.Format != Format {
		return nil, &DecodeError{Reason: fmt.Sprintf("its format is %d, this build writes %d", p.Format, Format)}
	}
	if !bytes.Equal(p.Encode(), data) {
		return nil, &DecodeError{Reason: "it was altered after it was written"}
	}
	return &p, nil
}
