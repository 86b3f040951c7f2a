package verify

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// compareLargeObjects compares the large objects by oid.
func (s *scope) compareLargeObjects(ctx context.Context, r *Report, source, target *side) error {
	ours, theirs, err := rows(ctx, source, target, strings.Replace(selectLargeObjects, "{left out}", s.leftOutLarge(), 1))
	if err != nil {
		return fmt.Errorf("large objects: %w", err)
	}
	there := make(map[string][]string)
	for _, row := range theirs {
		there[row[0]] = row
	}
	for _, row := range ours {
		oid := row[0]
		other := there[oid]
		delete(there, oid)
		switch {
		case other == nil:
			r.add("large object", oid, "missing on the target")
		case row[1] != other[1]:
			r.add("large object", oid, fmt.Sprintf("%s bytes on the source, %s on the target", row[1], other[1]))
		case row[2] != other[2]:
			r.add("large object", oid, row[1]+" bytes on both, with other content")
		}
	}
	if !s.opts.MoreOnTarget {
		for oid := range there {
			r.add("large object", oid, "only on the target")
		}
	}
	return nil
}

// leftOutLarge lists the large objects that are left out: they may be unreadable.
func (s *scope) leftOutLarge() string {
	oids := []string{"0"}
	for _, o := range s.opts.LeftOut {
		if o.Class == classLargeObject {
			oids = append(oids, strconv.FormatUint(uint64(o.OID), 10))
		}
	}
	return strings.Join(oids, ", ")
}

// classLargeObject is the oid of pg_largeobject, which is fixed.
const classLargeObject = 2613

// A large object is read 16 MiB at a time.
const selectLargeObjects = `
	select m.oid, s.size, (
		select pg_catalog.md5(pg_catalog.string_agg(pg_catalog.md5(pg_catalog.lo_get(m.oid, o, 16777216)), '' order by o))
		from pg_catalog.generate_series(0, greatest(s.size - 1, 0), 16777216) o)
	from pg_catalog.pg_largeobject_metadata m,
	lateral (select pg_catalog.lo_open(m.oid, 262144) as fd offset 0) f,
	lateral (select pg_catalog.lo_lseek64(f.fd, 0, 2) + 0 * pg_catalog.lo_close(f.fd) + 0 * m.oid::bigint as size offset 0) s
	where m.oid not in ({left out})
	order by m.oid`
