package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// newFile is the state before anything exists.
func newFile() *File {
	return &File{Format: Format, Lineage: uuid.NewString(), Resources: []*Resource{}}
}

// Encode returns f as it is stored: indented JSON, resources sorted by address,
// a newline at the end. Equal files give equal bytes.
func (f *File) Encode() ([]byte, error) {
	sorted := *f
	sorted.Resources = slices.SortedFunc(slices.Values(f.Resources), func(a, b *Resource) int {
		return strings.Compare(a.Address, b.Address)
	})
	if sorted.Resources == nil {
		sorted.Resources = []*Resource{}
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(&sorted); err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	return buf.Bytes(), nil
}

// Decode reads a stored file. path names it in errors, which are *NewerError and
// *DamagedError.
func Decode(data []byte, path string) (*File, error) {
	var head struct {
		Format  int    `json:"format"`
		Version string `json:"version"`
	}
	if err := decodeOne(data, &head); err != nil {
		return nil, &DamagedError{Path: path, Err: err}
	}
	if head.Format > Format {
		return nil, &NewerError{Path: path, Format: head.Format, Version: head.Version}
	}
	f := new(File)
	if err := decodeOne(data, f); err != nil {
		return nil, &DamagedError{Path: path, Err: err}
	}
	if err := f.check(); err != nil {
		return nil, &DamagedError{Path: path, Err: err}
	}
	return f, nil
}

// decodeOne reads data as one JSON document with nothing behind it.
func decodeOne(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("it is empty")
		}
		return place(data, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("line %d: text after the end of the document", line(data, dec.InputOffset()))
	}
	return nil
}

// place adds the line to an error of the JSON decoder.
func place(data []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it is cut short")
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %w", line(data, syntax.Offset), err)
	case errors.As(err, &kind):
		return fmt.Errorf("line %d: %w", line(data, kind.Offset), err)
	}
	return err
}

func line(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(offset, int64(len(data)))], []byte("\n"))
}

// check holds what every writer of the format keeps.
func (f *File) check() error {
	if f.Format < 1 {
		return errors.New(`it has no "format"`)
	}
	if _, err := uuid.Parse(f.Lineage); err != nil {
		return errors.New(`its "lineage" is not a UUID`)
	}
	if f.Serial < 1 {
		return errors.New(`its "serial" is not a positive number`)
	}
	seen := make(map[string]bool, len(f.Resources))
	for _, r := range f.Resources {
		switch {
		case r == nil || r.Address == "":
			return errors.New("a resource has no address")
		case seen[r.Address]:
			return fmt.Errorf("resource %s is in it twice", r.Address)
		case kinds(r) != 1:
			return fmt.Errorf("resource %s is not exactly one of peer, mirror and ddl", r.Address)
		}
		seen[r.Address] = true
	}
	return nil
}

// kinds is how many kinds of thing a resource says that it is.
func kinds(r *Resource) int {
	n := 0
	for _, is := range []bool{r.Peer != nil, r.Mirror != nil, r.DDL != nil} {
		if is {
			n++
		}
	}
	return n
}
