package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bascule/config"

	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/urfave/cli/v2"
)

func fmtCommand() *command {
	return &command{
		name: "fmt", args: "[FILE|DIR|-]", maxArgs: 1,
		about: "bring *.hcl files into the one form",
		more:  "The names of files that changed are printed. With - standard input is formatted to standard output.",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "check", Usage: "change nothing, and exit with 1 when something would change"},
			&cli.BoolFlag{Name: "diff", Usage: "print the differences"},
			&cli.BoolFlag{Name: "recursive", Usage: "folders below, too"},
		},
		examples: [][2]string{
			{"bascule fmt", "all files of this folder"},
			{"bascule fmt -check -diff -recursive", "for a pipeline: what is not in form"},
		},
		run: runFmt,
	}
}

func runFmt(_ context.Context, c *call) error {
	path := c.flags.Args().First()
	if path == "-" {
		return c.formatStdin()
	}
	if path == "" {
		path = "."
	}
	files, err := hclFiles(path, c.flags.Bool("recursive"))
	if err != nil {
		return err
	}
	f := formatter{check: c.flags.Bool("check"), diff: c.flags.Bool("diff"), sources: map[string]*hcl.File{}}
	for _, name := range files {
		if err := f.file(name); err != nil {
			return err
		}
	}
	if err := c.screen.Formatted(f.changed, f.diffs.String()); err != nil {
		return err
	}
	if err := c.checked(f.diags, f.sources); err != nil {
		return err
	}
	if f.check && len(f.changed) > 0 {
		return shownError(exitError)
	}
	return nil
}

func (c *call) formatStdin() error {
	src, err := io.ReadAll(c.stdin)
	if err != nil {
		return err
	}
	out, diags := config.Format(src, "-")
	if err := c.checked(diags, map[string]*hcl.File{"-": {Bytes: src}}); err != nil {
		return err
	}
	return c.screen.Text(string(out))
}

// hclFiles lists the files to format, sorted.
func hclFiles(path string, recursive bool) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != path && (!recursive || strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, ".hcl") && !strings.HasPrefix(d.Name(), "."):
			files = append(files, name)
		}
		return nil
	})
	return files, err
}

// formatter formats files one after the other.
type formatter struct {
	check, diff bool
	changed     []string
	diffs       bytes.Buffer
	diags       hcl.Diagnostics
	sources     map[string]*hcl.File
}

// file formats one file. A file with syntax errors stays as it is.
func (f *formatter) file(name string) error {
	src, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	out, diags := config.Format(src, name)
	f.diags = append(f.diags, diags...)
	f.sources[name] = &hcl.File{Bytes: src}
	if diags.HasErrors() || bytes.Equal(src, out) {
		return nil
	}
	f.changed = append(f.changed, name)
	if f.diff {
		f.diffs.Write(diff.Diff(name, src, name+" (formatted)", out))
	}
	if f.check {
		return nil
	}
	return rewrite(name, out)
}

// rewrite replaces a file's text and keeps its mode.
func rewrite(name string, text []byte) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
