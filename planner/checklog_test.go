package planner_test

import (
	"slices"
	"strings"
	"testing"

	"bascule/config"
	"bascule/planner"
	"bascule/planner/catalog"
)

const (
	logging  = "stream {\nddl = \"auto\"\n}"
	halting  = "stream {\nddl = \"halt\"\n}"
	byOthers = "stream {\nddl = \"auto\"\npublications = [\"p\"]\n}"
)

// left puts a schema with the name of the mirror's log on the source.
func (w *world) left(owner, comment string) {
	w.src.Logs = append(w.src.Logs, catalog.Log{Schema: slotName, Owner: owner, Comment: comment, Whole: true, Functions: 16})
}

// logged has the mirror applied, and streaming, with its log.
func (w *world) logged(t *testing.T) {
	t.Helper()
	made := w.plan(t).Changes[0].Mirror.Stream
	w.streaming(t)
	w.left("migrator", made.SourceLog().Version())
}

func superuser(w *world) {
	w.src.Role = catalog.Role{Name: "migrator", Superuser: true, Replication: true, MemberOf: []string{"migrator"}}
}

var logFindings = []finding{
	{rule: "a superuser", body: logging, edit: nil, code: "", severity: "", at: "ddl = ", remedy: ""},
	{rule: "no superuser", body: logging, edit: notSuperuser, code: "B195", severity: planner.Refusal, at: "ddl = ", remedy: "as a superuser"},
	{rule: "no superuser, halt", body: halting, edit: notSuperuser, code: "B195", severity: planner.Warning, at: "ddl = ", remedy: `"halt" is as "declared"`},
	{rule: "a managed service", body: logging, edit: func(w *world) {
		notSuperuser(w)
		w.src.Role.MemberOf = append(w.src.Role.MemberOf, "rds_superuser")
	}, code: "B196", severity: planner.Warning, at: "ddl = ", remedy: "a member of rds_superuser"},
	{rule: "a schema of that name", body: logging, edit: func(w *world) { w.left("migrator", "mine") }, code: "B197", severity: planner.Refusal, at: "ddl = ", remedy: "DROP SCHEMA " + slotName},
	{rule: "another role's log", body: logging, edit: func(w *world) {
		notSuperuser(w)
		w.src.Role.MemberOf = append(w.src.Role.MemberOf, "rds_superuser")
		w.left("other", catalog.LogMark+"1")
	}, code: "B197", severity: planner.Refusal, at: "ddl = ", remedy: "Connect as that role"},
	{rule: "a leftover", body: logging, edit: func(w *world) { w.left("migrator", catalog.LogMark+"1") }, code: "B197", severity: planner.Notice, at: "ddl = ", remedy: "used again"},
	{rule: "named publications", body: byOthers, edit: named, code: "B198", severity: planner.Refusal, at: "ddl = ", remedy: "Take stream.publications out"},
	{rule: "named publications, halt", body: strings.Replace(byOthers, "auto", "halt", 1), edit: named, code: "B198", severity: planner.Warning, at: "ddl = ", remedy: "Until then"},
	{rule: "owners that the target's role is none of", body: logging + "\nschema {\nowners = true\n}", edit: func(w *world) {
		w.dst.Role.Superuser = false
		find(w.src, 20200).Owner = "shop"
	}, code: "B199", severity: planner.Warning, at: "ddl = ", remedy: "GRANT shop TO migrator"},
}

// notSuperuser takes the source's role all but replication.
func notSuperuser(w *world) { w.src.Role.Superuser, w.src.Role.Replication = false, true }

func TestLogFindings(t *testing.T) {
	for _, c := range logFindings {
		t.Run(c.rule, func(t *testing.T) {
			w := newStream(c.body)
			if c.edit != nil {
				c.edit(w)
			}
			var found []planner.Finding
			for _, f := range w.plan(t).Findings {
				if f.Code >= "B195" && f.Code <= "B199" && (f.Code != "B196" || c.code == "B196") {
					found = append(found, f)
				}
			}
			if len(found) != min(1, len(c.code)) {
				t.Fatalf("%d findings: %+v", len(found), found)
			}
			if c.code == "" {
				return
			}
			f := found[0]
			if f.Code != c.code || f.Severity != c.severity || !strings.Contains(f.Summary+"\n"+f.Detail, c.remedy) {
				t.Errorf("%s %s %q\n%s\nwant %s %s %q", f.Code, f.Severity, f.Summary, f.Detail, c.code, c.severity, c.remedy)
			}
			if line := lineOf(w.hcl, f); !strings.Contains(line, c.at) {
				t.Errorf("%s:%d is %q", f.File, f.Line, line)
			}
		})
	}
}

// named has the source publish what the mirror names.
func named(w *world) { names(w) }

// The log is made when ddl asks for it, made again when it or the patterns are not as
// they were, and goes with the word and with the mirror.
func TestLogSteps(t *testing.T) {
	drop := `drop event trigger if exists "bascule_app_9d7f0c6e" | drop event trigger if exists "bascule_app_9d7f0c6e_drop" | drop schema if exists "bascule_app_9d7f0c6e" cascade`
	swap := func(w *world, from, to string) { w.hcl = strings.Replace(w.hcl, from, to, 1) }
	for _, c := range []struct {
		rule, body string
		edit       func(t *testing.T, w *world)
		want, not  []string
	}{
		{"made", logging, nil, []string{"\nlog | create schema if not exists \"bascule_app_9d7f0c6e\"", "\nslot |", `alter publication "bascule_app_9d7f0c6ei" add table only "bascule_app_9d7f0c6e"."ddl"` + "\nslot"}, nil},
		{"asked for later", "stream {\nddl = \"declared\"\n}", func(t *testing.T, w *world) {
			w.streaming(t)
			swap(w, `"declared"`, `"auto"`)
		}, []string{"\nlog | create schema", "\nstream |"}, []string{"copy public"}},
		{"no longer asked for", logging, func(t *testing.T, w *world) {
			w.logged(t)
			swap(w, `"auto"`, `"declared"`)
		}, []string{"\ndrop log | " + drop}, []string{"\nlog |"}},
		{"other patterns", logging, func(t *testing.T, w *world) {
			w.logged(t)
			swap(w, "target     = peer.b\n", "target     = peer.b\nexclude = [\"public.li_es*\"]\n")
		}, []string{`schema like 'public' and name like E'li\\_es%'`}, nil},
		{"gone from the source", logging, func(t *testing.T, w *world) {
			w.logged(t)
			w.src.Logs = nil
		}, []string{"\nlog | create schema"}, []string{"copy public"}},
		{"meddled with", logging, func(t *testing.T, w *world) {
			w.logged(t)
			w.src.Logs[0].Whole = false
		}, []string{"\nlog | create schema"}, nil},
		{"left by an apply that was killed", "", func(t *testing.T, w *world) {
			w.streaming(t)
			w.left("migrator", catalog.LogMark+"1")
		}, []string{"\ndrop log | " + drop}, []string{"\nlog |"}},
		{"somebody's is not touched", "", func(t *testing.T, w *world) {
			w.streaming(t)
			w.left("somebody", "")
			w.hcl = w.hcl[:strings.Index(w.hcl, "mirror \"app\"")]
		}, nil, []string{"log |"}},
		{"left by an apply that was killed, and removed", "", func(t *testing.T, w *world) {
			w.streaming(t)
			w.left("migrator", catalog.LogMark+"1")
			w.hcl = w.hcl[:strings.Index(w.hcl, "mirror \"app\"")]
		}, []string{"\ndrop log | " + drop}, nil},
		{"removed", logging, func(t *testing.T, w *world) {
			w.logged(t)
			i := strings.Index(w.hcl, "mirror \"app\"")
			w.hcl = w.hcl[:i]
		}, []string{"drop slot |", "\ndrop log | " + drop + "\ndrop publications |"}, nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := newStream(c.body)
			superuser(w)
			if c.edit != nil {
				c.edit(t, w)
			}
			got := stepsOf(t, w.plan(t))
			for _, text := range c.want {
				if !strings.Contains(got, text) {
					t.Errorf("without %s:\n%s", text, got)
				}
			}
			for _, text := range c.not {
				if strings.Contains(got, text) {
					t.Errorf("with %s:\n%s", text, got)
				}
			}
		})
	}
}

// A log that is as it was made is no change, nor is a table that waits for rows which the
// stream brings.
func TestLogStays(t *testing.T) {
	w := newStream(logging)
	superuser(w)
	w.logged(t)
	w.ledger().Members[0].State = catalog.MemberWaiting
	if p := w.plan(t); len(p.Changes) != 0 {
		t.Errorf("%+v", p.Changes[0].Steps)
	}
}

// The name of a log is one that catalog.LogPattern knows, whatever the mirror's, and
// so are those of its event triggers.
func TestLogName(t *testing.T) {
	for _, address := range []string{"mirror.app", `mirror.app["eu-west"]`, "mirror." + strings.Repeat("long_", 20), `mirror.A[""]`, "mirror." + strings.Repeat("x", 28) + `["Ä"]`} {
		s := &planner.Stream{Log: planner.LogName("9d7f0c6e-1111", address), Inserts: "i", Publication: "p"}
		if len(s.Log) > 63 || !strings.Contains(s.Log, "_9d7f0c6e") {
			t.Errorf("%s: %s", address, s.Log)
		}
		for _, sql := range s.SourceLog().SQL() {
			if name, ok := strings.CutPrefix(sql, "create event trigger "); ok && len(strings.Fields(name)[0]) > 65 {
				t.Errorf("%s: %s", address, name)
			}
		}
	}
}

// What Match selects, Like selects too.
func TestPatternsAsLike(t *testing.T) {
	for text, want := range map[string]string{"public.*": "public %", `a_b.c?d`: `a\_b c_d`, `"x*"."100%"`: `x* 100\%`, `s.\t`: `s \\t`} {
		schema, name, ok := config.Pattern{Text: text}.Like()
		if got := schema + " " + name; !ok || got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if _, _, ok := (config.Pattern{Text: "bare"}).Like(); ok {
		t.Error("a pattern without a schema")
	}
}

// What the stream has yet to bring of a logged command is not planned: a table that is
// new on the source, one that is gone, one whose key is.
func TestLogIsUnderway(t *testing.T) {
	for _, c := range []struct {
		rule    string
		command catalog.LoggedCommand
		work    string
	}{
		{"behind the position", catalog.LoggedCommand{LSN: 90, Seen: 95}, "add again remove"},
		{"behind the position, and nobody has looked", catalog.LoggedCommand{LSN: 90}, "add again remove"},
		{"ended later than the position is", catalog.LoggedCommand{LSN: 90, Seen: 101}, ""},
		{"ahead of the position", catalog.LoggedCommand{LSN: 101}, ""},
	} {
		w := newStream(logging)
		superuser(w)
		keyless(w.src, 20900, "public", "going", "id")
		w.logged(t)
		w.live["peer.b"].Ledger.Mirrors[0].Position = &catalog.LedgerPosition{LSN: 100}
		c.command.Tables = []uint32{20100, 20900, 21000}
		w.src.Logs[0].Commands = []catalog.LoggedCommand{c.command}
		keyless(w.src, 21000, "public", "news", "id")
		w.src.Relations = slices.DeleteFunc(w.src.Relations, func(r catalog.Relation) bool { return r.OID == 20900 })
		w.src.Indexes = slices.DeleteFunc(w.src.Indexes, func(x catalog.Index) bool { return x.Table == 20100 })
		var work []string
		for _, change := range w.plan(t).Changes {
			for _, table := range change.Mirror.Tables {
				if table.Work != "" {
					work = append(work, table.Work)
				}
			}
		}
		slices.Sort(work)
		if got := strings.Join(work, " "); got != c.work {
			t.Errorf("%s: %q, want %q", c.rule, got, c.work)
		}
	}
}
