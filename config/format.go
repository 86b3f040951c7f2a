package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format lays a file out in the canonical way. A file with syntax errors, or one
// in JSON, is returned as it is. name is used in ranges.
func Format(src []byte, name string) ([]byte, hcl.Diagnostics) {
	if strings.HasSuffix(name, ".json") {
		return src, nil
	}
	if _, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos); diags.HasErrors() {
		return src, diags
	}
	return hclwrite.Format(src), nil
}
