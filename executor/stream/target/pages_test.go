package target

import (
	"testing"

	"bascule/planner/catalog"
)

func TestPlaceInTheLog(t *testing.T) {
	p := pages{page: 8192, segment: 16 << 20}
	for _, tc := range []struct {
		name         string
		insert, want catalog.LSN
	}{
		{"inside a page", 0x1000100, 0x1000100},
		{"behind the header of a page", 0x1002018, 0x1002000},
		{"behind the header of a file", 0x2000028, 0x2000000},
		{"not so far into another page", 0x1002028, 0x1002028},
		{"at the border", 0x1002000, 0x1002000},
	} {
		if got := p.place(tc.insert); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}
