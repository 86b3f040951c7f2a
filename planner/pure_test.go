package planner_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/state"
)

// busy is a world in which the plan has something of everything.
func busy() *world {
	w := newWorld(`
  tables  = ["public.*", "app.*"]
  exclude = ["app.audit"]
  table "public.orders" {
    target          = "attic.old"
    exclude_columns = ["note"]
    where           = "id > 7"
  }
  schema {
    owners      = true
    privileges  = true
    roles       = true
    tablespaces = { fast = "a", slow = "b", cold = "c" }
    skip        = ["view:app.v*", "policy"]
  }`)
	for i := range uint32(20) {
		name := fmt.Sprintf("t%02d", i)
		table(w.src, 21000+20*i, "app", name, "id", "a", "b").Tablespace = []string{"fast", "slow", "cold"}[i%3]
		view(w.src, 22000+20*i, "app", "v"+name, 21000+20*i, 2)
		table(w.dst, 31000+20*i, "app", name, "id").HasRows = i%2 == 0
		object(w.src, pgProc, 23000+i, "function", "app", name+"()")
	}
	table(w.src, 24000, "app", "audit", "id")
	view(w.src, 24100, "app", "audited", 24000, 1)
	needs(w, owned, catalog.RoleUse{Role: "boss", Use: "privilege"}, catalog.RoleUse{Role: "gone", Use: "owner"})
	w.src.Extensions = []catalog.Extension{{OID: 16500, Name: "hstore", Version: "1"}, {OID: 16501, Name: "citext", Version: "1"}}
	return w
}

func TestEqualInputsGiveEqualPlans(t *testing.T) {
	in := busy().input(t)
	first := planner.Make(in)
	if len(first.Findings) < 5 || len(first.Changes[0].Mirror.LeftOut) < 20 {
		t.Fatalf("too little to compare: %+v", first.Findings)
	}
	for range 50 {
		if again := planner.Make(in); !bytes.Equal(again.Encode(), first.Encode()) {
			t.Fatal("two plans of one input differ")
		}
	}
}

// The catalogue's lists have an order; a plan that leant on it would move with the
// collation of the server.
func TestTheOrderOfListsDoesNotMatter(t *testing.T) {
	w := busy()
	first := w.plan(t)
	r := rand.New(rand.NewPCG(7, 7))
	for range 20 {
		for _, db := range []*catalog.Database{w.src, w.dst} {
			shuffle(r, db.Relations)
			shuffle(r, db.Indexes)
			shuffle(r, db.Constraints)
			shuffle(r, db.Objects)
			shuffle(r, db.Schemas)
			shuffle(r, db.Roles)
			shuffle(r, db.RoleUses)
		}
		p := w.plan(t)
		for i := range p.Changes[0].Mirror.LeftOut { // which of several reasons is said may differ
			p.Changes[0].Mirror.LeftOut[i].Why = first.Changes[0].Mirror.LeftOut[i].Why
		}
		if !bytes.Equal(p.Encode(), first.Encode()) {
			t.Fatalf("%s\n\n%s", p.Encode(), first.Encode())
		}
	}
}

func shuffle[T any](r *rand.Rand, list []T) {
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// Planning leaves its input as it was.
func TestInputIsNotChanged(t *testing.T) {
	w := busy()
	before := fmt.Sprintf("%+v %+v", w.src, w.dst)
	w.plan(t)
	if fmt.Sprintf("%+v %+v", w.src, w.dst) != before {
		t.Error("it was changed")
	}
}

func TestEncodeAndDecode(t *testing.T) {
	p := busy().plan(t)
	data := p.Encode()
	again, err := planner.Decode(data)
	if err != nil || !bytes.Equal(again.Encode(), data) || again.Digest() != p.Digest() || !strings.HasPrefix(p.Digest(), "sha256:") {
		t.Errorf("%v, %s, %s", err, again.Digest(), p.Digest())
	}
	for _, c := range []struct{ rule, from, to, want string }{
		{"a changed value", `"attic"`, `"attic2"`, ""}, // the digest tells
		{"space", "\n", "\n ", "altered"},
		{"a field that is not known", `"format": 1`, `"format": 1, "more": 1`, "unknown field"},
		{"another format", `"format": 1`, `"format": 2`, "its format is 2, this build writes 1"},
		{"no JSON", `{`, `[`, "invalid character"},
		{"more behind it", "\n}\n", "\n}\n{}\n", "altered"},
	} {
		altered := []byte(strings.Replace(string(data), c.from, c.to, 1))
		got, err := planner.Decode(altered)
		if c.want == "" {
			if err != nil || got.Digest() == p.Digest() {
				t.Errorf("%s: %v", c.rule, err)
			}
			continue
		}
		var refused *planner.DecodeError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) || refused.ExitCode() != 6 || refused.Hint() == "" {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}

func TestStale(t *testing.T) {
	for _, c := range []struct {
		rule string
		edit func(w *world)
		want string
	}{
		{"nothing moved", func(*world) {}, ""},
		{"sizes and estimates move", func(w *world) { r := find(w.src, 20100); r.Rows, r.Bytes, r.Pages = 9, 9e6, 9000 }, ""},
		{"the state was saved", func(w *world) { w.state.Serial++ }, "the state: serial 3 then, 4 now"},
		{"another state", func(w *world) { w.state.Lineage = "other" }, "the state: it is another state file"},
		{"the files", func(w *world) { w.hcl += "\n" }, "the configuration: its files or variables changed"},
		{"another source", func(w *world) { w.src.Identity.OID++ }, "peer.a: it is another database"},
		{"another server", func(w *world) { w.dst.Identity.SystemIdentifier = "9" }, "peer.b: it is another database"},
		{"DDL on the source", func(w *world) { w.src.Fingerprint = "f9" }, "peer.a: its definitions changed (DDL was run there)"},
		{"DDL on the target", func(w *world) { w.dst.Fingerprint = "f9" }, "peer.b: its definitions changed (DDL was run there)"},
		{"a peer is down", func(w *world) { w.live["peer.b"] = &planner.Live{Err: errors.New("refused")} }, "peer.b: it cannot be read now: refused"},
		{"the target's database is gone", func(w *world) { w.live["peer.b"] = &planner.Live{Missing: true} }, "peer.b: it is another database"},
		{"rows came to the target", func(w *world) { find(w.dst, 30100).HasRows = true }, "mirror.app: the target has what it did not have: public.orders"},
		{"another process began", func(w *world) {
			resources := w.state.Resources
			w.interrupted(catalog.LedgerTable{Schema: "public", Name: "orders"})
			w.state.Resources = resources
		}, "mirror.app: what is to be done changed"},
		{"another process ended", func(w *world) {
			w.applied(t)
			w.state.Resources = nil
		}, `mirror.app: the action was "create", now it is "update"`},
		{"a right was taken away", func(w *world) { w.dst.CanCreate = false }, "mirror.app: it would be refused now: role migrator may not create schemas in database app"},
		{"the role is another", func(w *world) { plainRole(w.dst); w.dst.Schemas[0].Owner = "app_role" }, ""},
		{"nothing is to be done", func(w *world) {
			w.state.Resources = []*state.Resource{{Address: "mirror.app", Status: state.Ready, Mirror: &state.Mirror{Digest: w.input(t).Config.Mirrors[0].Digest()}}}
		}, "mirror.app: nothing is to be done any more"},
		{"more is to be done", func(w *world) {
			w.state.Resources = []*state.Resource{{Address: "peer.x", Peer: &state.Peer{}}}
		}, "peer.x: it is to be changed too"},
	} {
		make := func(edit func(w *world)) *planner.Plan {
			w := newWorld("")
			table(w.dst, 30100, "public", "orders", "id", "note")
			edit(w)
			return w.plan(t)
		}
		if got := strings.Join(planner.Stale(make(func(*world) {}), make(c.edit)), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
	a, b := newWorld("").plan(t), newWorld("").plan(t)
	a.Version = "0.2.0"
	if got := planner.Stale(a, b); len(got) != 1 || !strings.Contains(got[0], "made by 0.2.0, this is 0.1.0") {
		t.Error(got)
	}
	a, b = newWorld("").plan(t), newWorld("").plan(t)
	a.Destroy, a.Changes = true, nil
	if got := planner.Stale(a, b); len(got) != 0 {
		t.Errorf("plans of different scope are compared: %v", got)
	}
}

func TestAPlanHoldsNoSecret(t *testing.T) {
	const secret = "hunter2-secret"
	w := newWorld("")
	w.hcl = strings.Replace(w.hcl, `host = "a.example"`, `host = "a.example"
  password = "`+secret+`"`, 1)
	w.hcl = strings.Replace(w.hcl, `host = "b.example"`, `url = "postgres://u:`+secret+`@b.example/app"`, 1)
	w.hcl += `
variable "p" {
  type      = string
  sensitive = true
}
peer "c" {
  host = "c.example"
  password = var.p
}
peer "d" {
  host = "d.example"
  password_command = ["echo", "` + secret + `"]
}`
	w.vars = map[string]string{"p": secret}
	if data := w.plan(t).Encode(); bytes.Contains(data, []byte(secret)) {
		t.Errorf("it does: %s", data)
	}
}

// large is a world of so many tables, each with a sequence, a view and a foreign key.
func large(tables uint32) *world {
	w := newWorld("tables = [\"s?.*\"]\nexclude = [\"s7.t*77\"]\nschema { skip = [\"trigger\"] }")
	w.src = empty()
	for i := range tables {
		oid, schema, name := 100_000+20*i, fmt.Sprintf("s%d", i%10), fmt.Sprintf("t%d", i)
		table(w.src, oid, schema, name, "id", "a", "b", "c")
		r := &w.src.Relations[len(w.src.Relations)-1]
		s := catalog.Relation{OID: oid + 8, Schema: schema, Name: r.Name + "_id_seq", Kind: catalog.Sequence, CanSelect: true, Sequence: &catalog.SequenceFact{OwnedBy: oid}}
		w.src.Relations = append(w.src.Relations, s)
		depends(w.src, 'a', pgClass, oid+8, pgClass, oid, 1)
		view(w.src, oid+10, schema, "v"+name, oid, 2)
		if i > 0 {
			foreignKey(w.src, oid+15, schema, name+"_fkey", oid, oid-20)
		}
		table(w.dst, 5_000_000+20*i, schema, name, "id", "a", "b", "c")
	}
	return w
}

// The time is the processor's, so that it is the same on a busy machine.
func TestTenThousandTables(t *testing.T) {
	in := large(10_000).input(t)
	begun := processorTime(t)
	p := planner.Make(in)
	if took := processorTime(t) - begun; took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	if n := len(p.Changes[0].Mirror.Tables); n != 9900 {
		t.Errorf("%d tables", n)
	}
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var use unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

func BenchmarkMake(b *testing.B) {
	in := large(10_000).input(b)
	for b.Loop() {
		planner.Make(in)
	}
}
