package pgname

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// MaxLen is how many bytes of a name PostgreSQL keeps.
const MaxLen = 63

const (
	tailMark   = "__" // never inside a name without a tail
	tailDigits = 10
)

// Derived makes a name for something on a server from parts: lower-case letters,
// digits and underscores, 1 to 63 of them, as a slot demands it.
//
// Parts are joined by underscores. Where that would be cut, or would lose what
// tells one list of parts from another, the name ends in two underscores and a
// hash of the parts. So lists of equal length have equal names only when they are
// equal. Only the middle part may hold underscores without getting a tail: then
// there is one way to take the name apart.
func Derived(parts ...string) string {
	name := strings.Join(parts, "_")
	if len(name) <= MaxLen && exact(parts) && !strings.Contains(name, tailMark) {
		return name
	}
	head := lowered(name)
	if most := MaxLen - len(tailMark) - tailDigits; len(head) > most {
		head = head[:most]
	}
	return strings.TrimRight(head, "_") + tailMark + hashed(parts)
}

// exact reports whether the joined parts can be taken apart again.
func exact(parts []string) bool {
	for i, p := range parts {
		if p == "" || strings.Trim(p, allowed) != "" {
			return false
		}
		if i != len(parts)/2 && strings.Contains(p, "_") {
			return false
		}
	}
	return len(parts) > 0
}

const allowed = "abcdefghijklmnopqrstuvwxyz0123456789_"

// lowered is name with every run of characters that a derived name may not hold
// as one underscore.
func lowered(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return r == '_' || !strings.ContainsRune(allowed, r)
	})
	return strings.Join(words, "_")
}

// hashed tells lists of parts apart: each part goes in with its length.
func hashed(parts []string) string {
	h := sha256.New()
	for _, p := range parts {
		_ = binary.Write(h, binary.BigEndian, uint64(len(p)))
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))[:tailDigits]
}
