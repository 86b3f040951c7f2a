package executor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/config/pgname"
	"bascule/executor"
	"bascule/executor/progress"
	"bascule/executor/verify"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/live"
	"bascule/state"
)

// carry is one folder with a configuration and its state, of a mirror "app" from
// source to target.
type carry struct {
	dir            string
	source, target *pgtest.DB

	// sourceURL and targetURL are what the peers have. Default: the superusers'.
	sourceURL, targetURL string

	body  string // of the mirror block
	sink  progress.Sink
	allow []string // addresses that may lose data
}

// newCarry declares a one-off mirror with this body.
func newCarry(t *testing.T, source, target *pgtest.DB, body string) *carry {
	t.Helper()
	return &carry{dir: t.TempDir(), source: source, target: target, sourceURL: source.URL, targetURL: target.URL, body: body}
}

// file is the configuration's text.
func (c *carry) file() string {
	return fmt.Sprintf(`
peer "source" { url = %q }
peer "target" { url = %q }
mirror "app" {
	source     = peer.source
	target     = peer.target
	continuous = false
	%s
}
`, c.sourceURL, c.targetURL, c.body)
}

// load writes a configuration, and reads it and the state.
func (c *carry) load(t *testing.T, text string) (*config.Config, state.Store, *state.File) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, "main.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, diags := config.Load(c.dir, config.Inputs{Version: "0.1.0"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	store, err := state.Open(cfg.Backend, c.dir)
	if err != nil {
		t.Fatal(err)
	}
	file, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cfg, store, file
}

// plan makes the plan of the mirror.
func (c *carry) plan(t *testing.T) *planner.Plan {
	t.Helper()
	cfg, _, file := c.load(t, c.file())
	return makePlan(t, cfg, file)
}

func makePlan(t *testing.T, cfg *config.Config, file *state.File) *planner.Plan {
	t.Helper()
	seen, err := live.Observe(t.Context(), cfg, live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return planner.Make(planner.Input{Version: "0.1.0", Config: cfg, State: file, Live: seen})
}

// apply plans and applies the mirror.
func (c *carry) apply(ctx context.Context, t *testing.T) (*planner.Plan, *executor.Result, error) {
	t.Helper()
	return c.applyText(ctx, t, c.file())
}

// applyText plans and applies any configuration.
func (c *carry) applyText(ctx context.Context, t *testing.T, text string) (*planner.Plan, *executor.Result, error) {
	t.Helper()
	cfg, store, file := c.load(t, text)
	plan := makePlan(t, cfg, file)
	result, err := executor.Apply(ctx, executor.Config{Plan: plan, Config: cfg, State: file, Store: store, Sink: c.sink, AllowDataLoss: c.allow})
	return plan, result, err
}

// arrives applies the mirror and demands that the target then equals the source,
// and that nothing is left to do.
func (c *carry) arrives(t *testing.T) *planner.Plan {
	t.Helper()
	plan, _, err := c.apply(t.Context(), t)
	if err != nil {
		t.Fatalf("%v\n%s", err, findings(plan))
	}
	c.equal(t, plan, verify.Options{})
	if again := c.plan(t); !again.Empty() {
		t.Errorf("a second plan has %d changes: %+v", len(again.Changes), again.Changes[0].Attributes)
	}
	return plan
}

// equal compares both databases, as the plan says that the target should be.
func (c *carry) equal(t *testing.T, plan *planner.Plan, opts verify.Options) {
	t.Helper()
	m := plan.Changes[len(plan.Changes)-1].Mirror
	opts.Owners, opts.Privileges = m.Options.Owners, m.Options.Privileges
	opts.Settings, opts.Created = m.Options.DatabaseSettings, m.Options.Database != nil
	for _, l := range m.LeftOut {
		opts.LeftOut = append(opts.LeftOut, verify.Object{Class: l.Class, OID: l.OID})
	}
	for _, table := range m.Tables {
		if table.Renamed() || table.Where != "" || len(table.Dropped) > 0 {
			opts.Tables = append(opts.Tables, verify.Table{Schema: table.Schema, Name: table.Name, TargetSchema: table.TargetSchema,
				TargetName: table.TargetName, ExcludeColumns: table.Dropped, Where: table.Where})
		}
	}
	report, err := verify.Compare(t.Context(), connect(t, c.source), connect(t, c.target), opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Differences {
		made := d.Kind == "schema" && slices.ContainsFunc(m.Tables, func(t planner.Table) bool { return pgname.Quote(t.TargetSchema) == pgname.Quote(d.Name) })
		skipped := d.Kind == "comment" && m.Options.SkipComments || strings.HasPrefix(d.Name, "large object") && m.LargeObjects == 0 || d.Kind == "large object" && m.LargeObjects == 0
		if !made && !skipped {
			t.Error(d)
		}
	}
}

// connect opens a session whose text is in UTF-8, whatever the database's is in.
func connect(t *testing.T, db *pgtest.DB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.URL+"&client_encoding=UTF8")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// findings are a plan's refusals and warnings, a line each.
func findings(p *planner.Plan) string {
	var b strings.Builder
	for _, f := range p.Findings {
		if f.Severity != planner.Notice {
			fmt.Fprintf(&b, "%s %s %s\n", f.Code, f.Severity, f.Summary)
		}
	}
	return b.String()
}

// codes are the codes of a plan's findings of a severity.
func codes(p *planner.Plan, severity string) string {
	var list []string
	for _, f := range p.Findings {
		if f.Severity == severity {
			list = append(list, f.Code)
		}
	}
	return strings.Join(list, " ")
}

// exitCode is the exit code that an error asks for, or 1.
func exitCode(err error) int {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return 1
}
