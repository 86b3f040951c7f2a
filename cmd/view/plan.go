package view

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner"

	"github.com/hashicorp/hcl/v2"
)

// PlanReport is a plan as a command shows it. Plan is required.
type PlanReport struct {
	Plan *planner.Plan

	// Sources are the configuration's files, for snippets.
	Sources map[string]*hcl.File

	// Saved is the file the plan was written to, or "".
	Saved string
}

// Plan shows what an apply would do.
func (s *Screen) Plan(r PlanReport) error {
	if s.json {
		return s.Document(planDocument(r))
	}
	return s.Text(s.planText(r, s.out))
}

// PlanAside shows a plan on standard error, where an apply that answers in JSON
// asks about it.
func (s *Screen) PlanAside(r PlanReport) { s.Say(strings.TrimRight(s.planText(r, s.err), "\n")) }

// planText renders a plan as interface documents show it.
func (s *Screen) planText(r PlanReport, st style) string {
	t := &planWriter{plan: r.Plan, style: st, width: s.width}
	t.peers()
	changes := shownChanges(r.Plan)
	if len(changes) > 0 {
		t.legend()
		for i := range changes {
			t.change(&changes[i])
		}
	}
	t.findings(r.Sources)
	t.totals()
	if r.Saved != "" {
		fmt.Fprintf(&t.b, "Saved %s, %s. Apply exactly this plan with: bascule apply %s\n", r.Saved, shortDigest(r.Plan), shellWord(r.Saved))
	}
	return t.b.String()
}

// shownChanges leaves out what nobody decides about: a peer that is recorded for
// the first time.
func shownChanges(p *planner.Plan) []planner.Change {
	var list []planner.Change
	for _, c := range p.Changes {
		if strings.HasPrefix(c.Address, "peer.") && c.Action == planner.Create {
			continue
		}
		list = append(list, c)
	}
	return list
}

// shortDigest is the digest with its first eight hex digits.
func shortDigest(p *planner.Plan) string {
	d := p.Digest()
	return d[:min(len(d), len("sha256:")+8)]
}

// planWriter collects the text of one plan.
type planWriter struct {
	b     strings.Builder
	plan  *planner.Plan
	style style
	width int
}

func (t *planWriter) line(format string, args ...any) { fmt.Fprintf(&t.b, format+"\n", args...) }

// peers prints one line a peer: address, endpoint, version, ok.
func (t *planWriter) peers() {
	var g grid
	for _, p := range t.plan.Peers {
		version, verdict := "", "ok"
		if p.Version != "" {
			version = "PostgreSQL " + p.Version
		}
		switch {
		case p.Error != "":
			verdict = "not reached, see below"
		case p.Missing && t.creates(p.Address):
			verdict = "ok, the database is created by this plan"
		case p.Missing:
			verdict = "no such database"
		}
		g.add(p.Address, p.Endpoint, version, verdict)
	}
	for _, l := range g.lines("  ") {
		t.line("%s", l)
	}
	if len(t.plan.Peers) > 0 {
		t.line("")
	}
}

// creates reports whether a mirror makes the database of a peer.
func (t *planWriter) creates(peer string) bool {
	return slices.ContainsFunc(t.plan.Changes, func(c planner.Change) bool {
		return c.Mirror != nil && c.Mirror.Target == peer && c.Mirror.Options.Database != nil
	})
}

func (t *planWriter) legend() {
	legend := "Changes:  " + t.style.paint(green, "+") + " create   " + t.style.paint(yellow, "~") + " update   " +
		t.style.paint(cyan, ">") + " run   " + t.style.paint(red, "-") + " remove"
	for _, c := range t.plan.Changes {
		if c.Action == planner.Replace {
			legend += "   " + t.style.paint(red, "-/+") + " replace"
			break
		}
	}
	t.line("%s\n", legend)
}

// actionWords say what happens to an address, and with which sign.
var actionWords = map[string]struct{ sign, color, text string }{
	planner.Create:  {"+", green, "will be created"},
	planner.Update:  {"~", yellow, "will be updated in place"},
	planner.Replace: {"+", green, "will be replaced"},
	planner.Run:     {">", cyan, "will run on both peers"},
	planner.Remove:  {"-", red, "will be removed"},
	planner.Forget:  {"-", red, "will be forgotten; nothing changes on the database"},
}

// placeColumn is where a change's file and line begin.
const placeColumn = 68

func (t *planWriter) change(c *planner.Change) {
	w := actionWords[c.Action]
	switch {
	case c.DDL == nil:
	case c.Action == planner.Forget:
		w.text = "will be forgotten; nothing runs"
	case c.DDL.Record:
		w = actionWords[planner.Update]
		fallthrough
	default:
		w.text = runWords(c.DDL)
	}
	head := fmt.Sprintf("  # %s %s", c.Address, w.text)
	if c.File != "" {
		head = left(head, placeColumn-2) + fmt.Sprintf("  %s:%d", c.File, c.Line)
	}
	t.line("%s", t.style.paint(bold, head))
	if c.Reason != "" {
		t.line("%s", indent(t.comment(c.Reason, 2), "  "))
	}
	sign := w.sign
	if c.Action == planner.Replace {
		sign = "-/+"
	}
	if c.Action == planner.Forget {
		t.line("")
		return
	}
	body := t.body(c)
	if len(body) == 0 {
		t.line("  %s %s\n", t.style.paint(w.color, sign), block(c.Address))
		return
	}
	t.line("  %s %s {", t.style.paint(w.color, sign), block(c.Address))
	for _, l := range body {
		for part := range strings.SplitSeq(l, "\n") {
			t.line("      %s", t.tint(part))
		}
	}
	t.line("    }\n")
}

// comment renders text as comment lines of a block that is indented by so much.
func (t *planWriter) comment(text string, indented int) string {
	return "# " + strings.ReplaceAll(wrap(text, max(30, t.width-indented-2)), "\n", "\n# ")
}

// tint colours a line by the sign it begins with.
func (t *planWriter) tint(line string) string {
	text := strings.TrimLeft(line, " ")
	if text == "" {
		return line
	}
	color := map[byte]string{'+': green, '-': red, '~': yellow, '>': cyan}[text[0]]
	if text[0] == '#' {
		return t.style.paint(dim, line)
	}
	if color == "" {
		return line
	}
	return line[:len(line)-len(text)] + t.style.paint(color, text[:1]) + text[1:]
}

// block writes an address as its block begins: mirror "app", mirror "app" ["eu"].
func block(address string) string {
	kind, rest, ok := strings.Cut(address, ".")
	if !ok {
		return address
	}
	name, key, _ := strings.Cut(rest, "[")
	out := fmt.Sprintf("%s %q", kind, name)
	if key != "" {
		out += " [" + key
	}
	return out
}

func (t *planWriter) findings(sources map[string]*hcl.File) {
	list := FromFindings(t.plan.Findings, sources)
	for i := range list {
		t.b.WriteString(list[i].text(t.style, min(t.width, 80)))
		t.b.WriteString("\n")
	}
}

func (t *planWriter) totals() {
	switch {
	case t.plan.Refused():
		t.line("%s", t.style.paint(bold+";"+red, "This plan cannot be applied: see the errors above."))
	case t.plan.Empty():
		t.line("%s The databases are as the configuration says.", t.style.paint(bold+";"+green, "No changes."))
	case len(shownChanges(t.plan)) == 0:
		t.line("%s Applying records which databases the peers are.", t.style.paint(bold+";"+green, "No changes on the databases."))
	default:
		t.line("%s %s", t.style.paint(bold, "Plan:"), summaryText(summarize(t.plan)))
	}
}

// Summary counts changes by what they do.
type Summary struct {
	Create  int `json:"create"`
	Update  int `json:"update"`
	Replace int `json:"replace"`
	Run     int `json:"run"`
	Remove  int `json:"remove"`
	Forget  int `json:"forget"`
}

func summarize(p *planner.Plan) Summary {
	var s Summary
	into := map[string]*int{
		planner.Create: &s.Create, planner.Update: &s.Update, planner.Replace: &s.Replace,
		planner.Run: &s.Run, planner.Remove: &s.Remove, planner.Forget: &s.Forget,
	}
	for _, c := range shownChanges(p) {
		n := into[c.Action]
		if c.DDL != nil && c.DDL.Record {
			n = &s.Update
		}
		if n != nil {
			*n++
		}
	}
	return s
}

func summaryText(s Summary) string {
	text := fmt.Sprintf("%d to create, %d to update, %d to run, %d to remove", s.Create, s.Update, s.Run, s.Remove)
	if s.Replace > 0 {
		text += fmt.Sprintf(", %d to replace", s.Replace)
	}
	if s.Forget > 0 {
		text += fmt.Sprintf(", %d to forget", s.Forget)
	}
	return text + "."
}
