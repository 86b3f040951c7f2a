package ddl

import (
	"strconv"
	"strings"
)

// mark is how far statements are on one side: number of them are done, and the next
// has begun, when these indexes were invalid.
type mark struct {
	side    string
	number  int
	begun   bool
	invalid []uint32
}

// String is how a mark is recorded: "source 1", "source 1 begun 16402,16410".
func (m mark) String() string {
	text := m.side + " " + strconv.Itoa(m.number)
	if !m.begun {
		return text
	}
	var oids []string
	for _, oid := range m.invalid {
		oids = append(oids, strconv.FormatUint(uint64(oid), 10))
	}
	return strings.TrimSpace(text + " begun " + strings.Join(oids, ","))
}

// parseMark reads what String wrote; what is of the other side, or "", is the beginning.
func parseMark(text, side string) mark {
	words := strings.Fields(text)
	m := mark{side: side}
	if len(words) < 2 || words[0] != side {
		return m
	}
	m.number, _ = strconv.Atoi(words[1])
	m.begun = len(words) > 2
	if len(words) > 3 {
		for _, word := range strings.Split(words[3], ",") {
			oid, _ := strconv.ParseUint(word, 10, 32)
			m.invalid = append(m.invalid, uint32(oid))
		}
	}
	return m
}
