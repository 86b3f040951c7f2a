package ddllog

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Place is where an entry stands: in which log, and its id there.
type Place struct {
	Log uint32
	ID  int64
}

// Place is the entry's.
func (e *Entry) Place() Place { return Place{Log: e.Log, ID: e.ID} }

// mark is a comment that says which entries the part of a block stands for that begins
// with it: steps of one transaction, and so of one log.
func mark(steps ...Step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "/* %s %d:", ledgerMark, steps[0].Log)
	for i := range steps {
		fmt.Fprintf(&b, " %d", steps[i].ID)
	}
	b.WriteString(" */\n")
	return b.String()
}

const ledgerMark = "bascule:log"

var marked = regexp.MustCompile(`/\* ` + ledgerMark + ` (\d+):((?: \d+)+) \*/`)

// Part is what a block has from one mark to the next, and the entries that it stands for.
type Part struct {
	Places []Place
	Text   string
}

// Parts takes a block's command apart at its marks. What is before the first is of the
// first part. Without marks there are none.
func Parts(command string) []Part {
	found := marked.FindAllStringSubmatchIndex(command, -1)
	list := make([]Part, len(found))
	for i, at := range found {
		from, to := at[0], len(command)
		if i == 0 {
			from = 0
		}
		if i+1 < len(found) {
			to = found[i+1][0]
		}
		list[i] = Part{Places: places(command[at[2]:at[3]], command[at[4]:at[5]]), Text: command[from:to]}
	}
	return list
}

// places are those that a mark names. What is no number of an entry is none.
func places(log, ids string) (list []Place) {
	oid, err := strconv.ParseUint(log, 10, 32)
	if err != nil {
		return nil
	}
	for _, word := range strings.Fields(ids) {
		if id, err := strconv.ParseInt(word, 10, 64); err == nil {
			list = append(list, Place{Log: uint32(oid), ID: id})
		}
	}
	return list
}

// Answered are the entries that commands stand for.
func Answered(commands []string) map[Place]bool {
	set := map[Place]bool{}
	for _, c := range commands {
		for _, part := range Parts(c) {
			for _, p := range part.Places {
				set[p] = true
			}
		}
	}
	return set
}
