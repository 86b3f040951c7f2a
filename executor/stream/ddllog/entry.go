package ddllog

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"bascule/config/pgname"
)

// Entry is one command that was run on the source.
type Entry struct {
	ID int64

	// Log is the log's table, by its oid: the ids of one that was made anew begin at 1.
	Log uint32

	// Stamp is the same for all that one message of a client did, in the log's own words;
	// "" where it is not known. Shared: another entry of the message has the same tag.
	Stamp  string
	Shared bool

	// Tag is PostgreSQL's name of the command, Query all that the client sent, Role who
	// ran it, SearchPath as that one had it.
	Tag, Query, Role, SearchPath string

	// Definition makes the table that the command made with rows, without these; "" for
	// every other command, and where nobody follows the table.
	Definition string

	Objects []Object
	Tables  []Touched

	// Problem is what kept the source from telling the rest, or "".
	Problem string
}

// Object is one that the command made, changed or dropped. Identity is its name as SQL.
type Object struct {
	Class     string `json:"class"`
	Type      string `json:"type"`
	Schema    string `json:"schema"`
	Identity  string `json:"identity"`
	OID       uint32 `json:"oid"`
	Dropped   bool   `json:"dropped"`
	Temporary bool   `json:"temporary"`
	Extension bool   `json:"extension"` // a member of one
}

// Touched is what has become of a table.
type Touched struct {
	OID    uint32 `json:"oid"`
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Kind   string `json:"kind"` // r, p

	// Partition: it is one, of the tables Above.
	Partition bool     `json:"partition"`
	Above     []uint32 `json:"above"`

	// Selected: the mirror's declaration selects it. Follow is what is published of it,
	// as planner.Table has it.
	Selected bool     `json:"selected"`
	Follow   string   `json:"follow"`
	Key      []string `json:"key"`

	// Late: it was to join its publication, which somebody else had locked. Could is how
	// a table could be followed that is selected and not published; nil for every other.
	Late  bool      `json:"late"`
	Could *Followed `json:"could"`

	Dropped bool `json:"dropped"`

	// Shape stands for what its rows are like; "" where that is not known.
	Shape string `json:"shape"`
}

// Followed is how a table is, as Touched has it.
type Followed struct {
	Follow string   `json:"follow"`
	Key    []string `json:"key"`
}

// String is the table's name for people.
func (t *Touched) String() string { return pgname.Shown(t.Schema, t.Name) }

// Read takes a row of the log apart. Columns are the names of the tuple's, as pgoutput
// sends them.
func Read(columns []string, tuple []byte) (*Entry, error) {
	e := new(Entry)
	cells, err := cut(tuple)
	if err != nil || len(cells) != len(columns) {
		return nil, errors.Join(errRow, err)
	}
	lists := map[string]string{}
	for i, name := range columns {
		c := cells[i]
		switch text := string(c.value); name {
		case "id":
			e.ID, err = c.integer()
		case "tag":
			e.Tag = text
		case "query":
			e.Query = text
		case "stamp":
			e.Stamp = string(c.value)
		case "role":
			e.Role = text
		case "search_path":
			e.SearchPath = text
		case "definition":
			e.Definition = text
		case "objects", "tables":
			lists[name] = text
		case "problem":
			e.Problem = text
		}
		if err != nil {
			return nil, errors.Join(errRow, err)
		}
	}
	if err := e.lists(lists); err != nil && e.Problem == "" {
		e.Problem = err.Error()
	}
	return e, nil
}

var errRow = errors.New("a row of the log of DDL is not of the shape that this build knows")

func (e *Entry) lists(texts map[string]string) error {
	if err := json.Unmarshal([]byte(texts["objects"]), &e.Objects); err != nil {
		return fmt.Errorf("its objects cannot be read: %w", err)
	}
	if err := json.Unmarshal([]byte(texts["tables"]), &e.Tables); err != nil {
		return fmt.Errorf("its tables cannot be read: %w", err)
	}
	return nil
}

// Title names the command for people: "ALTER TABLE public.users".
func (e *Entry) Title() string {
	for _, o := range e.Objects {
		if o.Identity != "" {
			return e.Tag + " " + o.Identity
		}
	}
	if len(e.Tables) > 0 {
		return e.Tag + " " + e.Tables[0].String()
	}
	return e.Tag
}

// has reports whether a word is one of the tag's: TABLE of ALTER TABLE.
func (e *Entry) has(words string) bool {
	return strings.Contains(" "+e.Tag+" ", " "+words+" ")
}

// cell is one value of a tuple. value is nil for null.
type cell struct {
	value  []byte
	binary bool
}

func (c cell) integer() (int64, error) {
	if c.binary && len(c.value) == 8 {
		return int64(binary.BigEndian.Uint64(c.value)), nil
	}
	return strconv.ParseInt(string(c.value), 10, 64)
}

// cut takes a tuple apart, in which no value is left out.
func cut(tuple []byte) ([]cell, error) {
	if len(tuple) < 2 {
		return nil, errRow
	}
	var cells []cell
	for rest := tuple[2:]; len(rest) > 0; {
		kind := rest[0]
		switch kind {
		case 'n':
			cells, rest = append(cells, cell{}), rest[1:]
			continue
		case 't', 'b':
		default:
			return nil, errRow
		}
		if len(rest) < 5 {
			return nil, errRow
		}
		end := 5 + int(binary.BigEndian.Uint32(rest[1:]))
		if end > len(rest) {
			return nil, errRow
		}
		cells, rest = append(cells, cell{value: rest[5:end], binary: kind == 'b'}), rest[end:]
	}
	return cells, nil
}
