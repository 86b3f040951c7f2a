package view_test

import (
	"errors"
	"fmt"
	"testing"

	"bascule/cmd/view"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/zclconf/go-cty/cty"
)

func TestDiagnosticsOfTheConfiguration(t *testing.T) {
	files := sources(t)
	at := hcl.Range{Filename: "main.hcl", Start: hcl.Pos{Line: 17, Column: 3, Byte: 172}, End: hcl.Pos{Line: 17, Column: 9, Byte: 178}}
	expr := &hclsyntax.ScopeTraversalExpr{Traversal: hcl.Traversal{hcl.TraverseRoot{Name: "n"}}}
	diags := hcl.Diagnostics{
		{
			Severity: hcl.DiagError, Summary: "Unsupported argument", Subject: &at,
			Detail:     `An argument named "tabels" is not expected here. Did you mean "tables"?`,
			Expression: expr, EvalContext: &hcl.EvalContext{Variables: map[string]cty.Value{"n": cty.StringVal("s3cret")}},
		},
		{Severity: hcl.DiagWarning, Summary: "Nothing to copy", Detail: "No table is selected."},
	}
	s, _, stderr := screen(view.Config{})
	s.Diagnostics(view.FromHCL(diags, files))
	golden(t, "diagnostics", stderr.String())
}

// hinted is an error with advice.
type hinted struct{ error }

func (hinted) Hint() string { return "give it more room" }

func TestErrors(t *testing.T) {
	pg := &pgconn.PgError{
		Severity: "ERROR", Code: "23505", Message: `duplicate key value violates unique constraint "lines_pkey"`,
		Detail: "Key (id)=(7) already exists.", Where: "COPY lines, line 4711",
	}
	err := errors.Join(
		fmt.Errorf(`mirror "orders": copy public.lines: %w`, pg),
		fmt.Errorf("save state: %w", hinted{errors.New("no space left on device")}),
	)
	s, _, stderr := screen(view.Config{})
	s.Error(err)
	golden(t, "errors", stderr.String())

	faults := view.Faults(err)
	if len(faults) != 2 || faults[0].SQLState != "23505" || faults[1].Hint != "give it more room" {
		t.Errorf("got %+v", faults)
	}
	wrapped := fmt.Errorf("apply: %w", errors.Join(errors.New("a"), errors.New("b")))
	if got := view.Faults(wrapped); len(got) != 1 || got[0].Message != "apply: a\nb" {
		t.Errorf("a wrapped join lost its frame: %+v", got)
	}
}
