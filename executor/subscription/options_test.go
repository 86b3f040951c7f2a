package subscription_test

import (
	"fmt"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// What a subscription is made with, by the version of its server.
func TestOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		major  int
		binary bool
		want   string
	}{
		{15, true, "true t  false "},
		{16, true, "true p any false "},
		{18, false, "false p any false true"},
	} {
		source := c.major
		if c.major == 16 {
			source = 15
		}
		p := newPair(t, pgtest.Server(t, source), prompt(t, c.major), "")
		p.stream.Binary = c.binary
		p.give(p.point)
		// Columns that a version does not have are not in the row.
		got := p.target.Query1(t, `
			select concat_ws(' ', r ->> 'subbinary', case r ->> 'substream' when 'true' then 't' else r ->> 'substream' end, coalesce(r ->> 'suborigin', ''),
				case r ->> 'subdisableonerr' when 'true' then 'true' else 'false' end, coalesce(r ->> 'subfailover', ''))
			from (select to_jsonb(s) r from pg_subscription s where subname = '`+p.stream.Subscription+`') s`)
		if got != c.want {
			t.Errorf("%d: %q, want %q", c.major, got, c.want)
		}
		if got := p.target.Query1(t, fmt.Sprintf("select array_length(subpublications, 1) from pg_subscription where subname = '%s'", p.stream.Subscription)); got != "2" {
			t.Errorf("%d: %s publications, want that of inserts too", c.major, got)
		}
	}
}
