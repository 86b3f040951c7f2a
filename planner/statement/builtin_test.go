package statement_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"
)

var update = flag.Bool("update", false, "rewrite builtin.txt from the servers there are")

// builtinFile is the list of what pg_catalog has.
const builtinFile = "builtin.txt"

// heads of lines: types, and functions from immutable to volatile.
var heads = []string{"t", "i", "s", "v"}

// The list has every function and type that a server has, and no function as less
// volatile than a server has it.
func TestBuiltinListIsTheServers(t *testing.T) {
	t.Parallel()
	worst := map[string]string{}
	for _, major := range []int{15, 16, 17, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			for _, line := range strings.Split(pgtest.Server(t, major).Database(t, "").Query(t, builtinNames), "\n") {
				head, name, _ := strings.Cut(line, "|")
				key := name
				if head == "t" {
					key = "type " + name
				}
				worst[key] = heads[max(slices.Index(heads, head), slices.Index(heads, worst[key]))]
			}
		})
	}
	if *update {
		writeBuiltins(t, worst)
	}
	listed := readBuiltins(t)
	for key, head := range worst {
		name, isType := strings.CutPrefix(key, "type ")
		good := heads[:1]
		if !isType {
			good = heads[slices.Index(heads, head):]
		}
		if !slices.ContainsFunc(good, func(h string) bool { return listed[h+" "+name] }) {
			t.Errorf("%s is %s on a server, and not so listed", key, head)
		}
	}
}

func readBuiltins(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(builtinFile)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		for _, name := range fields[1:] {
			listed[fields[0]+" "+name] = true
		}
	}
	return listed
}

func writeBuiltins(t *testing.T, worst map[string]string) {
	t.Helper()
	byHead := map[string][]string{}
	for key, head := range worst {
		byHead[head] = append(byHead[head], strings.TrimPrefix(key, "type "))
	}
	var b strings.Builder
	for _, head := range heads {
		slices.Sort(byHead[head])
		line := head
		for _, name := range byHead[head] {
			if len(line)+len(name) > 110 {
				b.WriteString(line + "\n")
				line = head
			}
			line += " " + name
		}
		b.WriteString(line + "\n")
	}
	if err := os.WriteFile(builtinFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// builtinNames leaves out what no expression calls: functions of internal types, and
// those behind operators.
const builtinNames = `
	select 't', typname
	from pg_catalog.pg_type
	where typnamespace = 'pg_catalog'::pg_catalog.regnamespace and typtype in ('b', 'r', 'm', 'p')
		and typname !~ '^_' and typname !~ '^pg_'
	union all
	select case max(case provolatile when 'v' then 3 when 's' then 2 else 1 end) when 3 then 'v' when 2 then 's' else 'i' end, proname
	from pg_catalog.pg_proc p
	where pronamespace = 'pg_catalog'::pg_catalog.regnamespace
		and not exists (
			select from pg_catalog.pg_type t
			where t.oid = any(array_append(p.proargtypes::pg_catalog.oid[], p.prorettype))
				and (t.typname in ('internal', 'cstring', 'event_trigger') or t.typname ~ '_handler$'))
		and not exists (
			select from pg_catalog.pg_operator o
			where o.oprcode = p.oid and (p.proname ~ '^(bool|byte|char|bpchar|text|name|int|float|numeric|date|time|interval|cash|bit|varbit|oid|uuid|jsonb|network|array|range|multirange|record|tid|xid|mac|enum|box|circle|line|lseg|path|point|poly|inter|ts)'))
		and p.proname !~ '^binary_upgrade_|^RI_FKey|typmodin$|send$|_transfn$|_combine$|_accum$|_serialize$|^bt.*cmp$|^pg_stat_get|_support$'
	group by proname
	order by 1, 2`
