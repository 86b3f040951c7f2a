package config

import (
	version "github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

const defaultStatePath = "bascule.state.json"

// loadProgram reads the bascule block.
func (l *loader) loadProgram() {
	b := l.single(l.blocks["bascule"], "bascule")
	if b == nil {
		return
	}
	content := l.content(b.Body, programSchema)
	if attr := content.Attributes["required_version"]; attr != nil {
		if value, ok := l.constant(attr, cty.String); ok {
			l.cfg.RequiredVersion = value.AsString()
			l.checkVersion(attr.Expr.Range())
		}
	}
	if backend := l.single(content.Blocks, "backend"); backend != nil {
		l.loadBackend(backend)
	}
}

func (l *loader) checkVersion(at hcl.Range) {
	wanted, err := version.NewConstraint(l.cfg.RequiredVersion)
	if err != nil {
		l.errorAt(at, "Invalid version constraint", "A constraint looks like \">= 0.1.0\" or \">= 0.1, < 2.0\".")
		return
	}
	have, err := version.NewVersion(l.in.Version)
	if err != nil { // a build without a version satisfies everything
		return
	}
	if !wanted.Check(have.Core()) {
		l.errorAt(at, "Unsupported version", "This is bascule %s, and the configuration asks for %s.",
			l.in.Version, l.cfg.RequiredVersion)
	}
}

func (l *loader) loadBackend(b *hcl.Block) {
	l.cfg.Backend.Range = b.DefRange
	s := l.scope("var", "local")
	switch b.Labels[0] {
	case "local":
		r := s.reader(l.content(b.Body, schemaOf(attributes("path"))).Attributes)
		l.cfg.Backend.Path = r.text("path", defaultStatePath)
	case "postgres":
		r := s.reader(l.content(b.Body, schemaOf(required("url"))).Attributes)
		l.cfg.Backend.Type, l.cfg.Backend.URL = "postgres", r.secret("url")
		l.notBuilt("backend.postgres", b.DefRange)
	default:
		l.errorAt(b.LabelRanges[0], "Unknown backend", "There is no backend %q.%s", b.Labels[0],
			didYouMean(b.Labels[0], []string{"local", "postgres"}))
	}
}
