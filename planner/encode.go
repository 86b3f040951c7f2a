package planner

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
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

// Stale says what moved between a saved plan and one made now of the same files,
// state and databases. It is empty when the saved plan may be applied.
func Stale(saved, fresh *Plan) []string {
	var moved []string
	if saved.Version != fresh.Version {
		moved = append(moved, fmt.Sprintf("the program: it was made by %s, this is %s", saved.Version, fresh.Version))
	}
	if saved.Lineage != fresh.Lineage {
		moved = append(moved, "the state: it is another state file")
	} else if saved.StateSerial != fresh.StateSerial {
		moved = append(moved, fmt.Sprintf("the state: serial %d then, %d now", saved.StateSerial, fresh.StateSerial))
	}
	if saved.ConfigDigest != fresh.ConfigDigest {
		moved = append(moved, "the configuration: its files or variables changed")
	}
	for _, was := range saved.Peers {
		i := slices.IndexFunc(fresh.Peers, func(p Peer) bool { return p.Address == was.Address })
		if i < 0 {
			moved = append(moved, was.Address+": it is no longer declared")
			continue
		}
		moved = append(moved, stalePeer(was, fresh.Peers[i])...)
	}
	return moved
}

func stalePeer(was, now Peer) []string {
	switch {
	case now.Error != "":
		return []string{was.Address + ": it cannot be read now: " + now.Error}
	case was.SystemIdentifier != now.SystemIdentifier || was.DatabaseOID != now.DatabaseOID || was.Missing != now.Missing:
		return []string{was.Address + ": it is another database"}
	case was.Fingerprint != now.Fingerprint:
		return []string{was.Address + ": its definitions changed (DDL was run there)"}
	}
	return nil
}
