package ddl

import (
	"strconv"
	"strings"
)

// mark is how far statements are on one side: number of them are done, and the next
// has begun, when its tables had these indexes.
type mark struct {
	side    string
	number  int
	begun   bool
	indexes []index
}

// index is one of a statement's tables. In a mark it has no name.
type index struct {
	oid     uint32
	invalid bool
	name    string
}

// invalidSign stands behind the oid of an invalid index in a mark.
const invalidSign = ":invalid"

// String is how a mark is recorded: "source 1", "source 1 begun 16390 16402:invalid".
func (m mark) String() string {
	words := []string{m.side, strconv.Itoa(m.number)}
	if m.begun {
		words = append(words, "begun")
		for _, x := range m.indexes {
			word := strconv.FormatUint(uint64(x.oid), 10)
			if x.invalid {
				word += invalidSign
			}
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// parseMark reads what String wrote; what is of the other side, or "", is the beginning.
func parseMark(text, side string) mark {
	words := strings.Fields(text)
	m := mark{side: side}
	if len(words) < 2 || words[0] != side {
		return m
	}
	m.number, _ = strconv.Atoi(words[1])
	if len(words) > 2 {
		m.begun = true
		for _, word := range words[3:] {
			digits, invalid := strings.CutSuffix(word, invalidSign)
			oid, _ := strconv.ParseUint(digits, 10, 32)
			m.indexes = append(m.indexes, index{oid: uint32(oid), invalid: invalid})
		}
	}
	return m
}
