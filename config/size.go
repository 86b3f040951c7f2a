package config

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/zclconf/go-cty/cty"
)

// units of memory, as PostgreSQL counts them: by 1024, whatever the spelling.
var units = map[string]float64{
	"": 1, "b": 1,
	"k": 1 << 10, "kb": 1 << 10, "kib": 1 << 10,
	"m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20,
	"g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30,
	"t": 1 << 40, "tb": 1 << 40, "tib": 1 << 40,
}

var errSize = errors.New(`a size is a number and a unit, such as "256MiB", "64MB" or "1GB"`)

// ParseSize reads a size in bytes: a number and a unit, by 1024 whatever the spelling.
func ParseSize(text string) (int64, error) {
	text = strings.TrimSpace(text)
	end := strings.LastIndexAny(text, "0123456789.") + 1
	number, err := strconv.ParseFloat(text[:end], 64)
	unit, known := units[strings.ToLower(strings.TrimSpace(text[end:]))]
	if err != nil || !known || number < 0 || number*unit >= math.MaxInt64 {
		return 0, errSize
	}
	return int64(number * unit), nil
}

// size reads an attribute that is a size from least to most bytes.
func (r *reader) size(name string, otherwise, least, most int64) int64 {
	value, attr := r.open(name, cty.String)
	if attr == nil {
		return otherwise
	}
	n, err := ParseSize(value.AsString())
	switch {
	case err != nil:
		r.l.errorAt(attr.Expr.Range(), "Invalid value", "%s: %v.", name, err)
	case n < least || n > most:
		r.l.errorAt(attr.Expr.Range(), "Invalid value", "%s is from %s to %s.", name,
			humanize.IBytes(uint64(least)), humanize.IBytes(uint64(most)))
	default:
		return n
	}
	return otherwise
}
