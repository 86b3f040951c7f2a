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

func (e *Entry) place() Place { return Place{Log: e.Log, ID: e.ID} }

// Mark is a comment that says which entries a block stands for: steps of one
// transaction, and so of one log.
func Mark(steps []Step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "/* %s %d:", ledgerMark, steps[0].Log)
	for i := range steps {
		fmt.Fprintf(&b, " %d", steps[i].ID)
	}
	b.WriteString(" */")
	return b.String()
}

const ledgerMark = "bascule:log"

var marked = regexp.MustCompile(`/\* ` + ledgerMark + ` (\d+):((?: \d+)+) \*/`)

// Answered are the entries that commands stand for.
func Answered(commands []string) map[Place]bool {
	set := map[Place]bool{}
	for _, c := range commands {
		for _, m := range marked.FindAllStringSubmatch(c, -1) {
			log, err := strconv.ParseUint(m[1], 10, 32)
			if err != nil {
				continue
			}
			for _, word := range strings.Fields(m[2]) {
				if id, err := strconv.ParseInt(word, 10, 64); err == nil {
					set[Place{Log: uint32(log), ID: id}] = true
				}
			}
		}
	}
	return set
}
