package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// envFunction is env(name, default?): a variable of the environment, always
// sensitive.
func envFunction(env map[string]string) function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "name", Type: cty.String}},
		VarParam: &function.Parameter{Name: "default", Type: cty.String, AllowNull: true},
		Type: func(args []cty.Value) (cty.Type, error) {
			if len(args) > 2 {
				return cty.String, function.NewArgErrorf(2, "env takes a name and at most one default")
			}
			return cty.String, nil
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if text, ok := env[args[0].AsString()]; ok {
				return cty.StringVal(text).Mark(sensitive), nil
			}
			if len(args) == 2 {
				return args[1].Mark(sensitive), nil
			}
			return cty.NilVal, function.NewArgErrorf(0,
				"the environment has no variable %s, and env was given no default", args[0].AsString())
		},
	})
}

// fileFunction is file(path): the text of a file, relative to the configuration.
func fileFunction(dir string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			path := args[0].AsString()
			text, err := os.ReadFile(inFolder(dir, path))
			var broken *fs.PathError
			switch {
			case errors.As(err, &broken):
				return cty.NilVal, function.NewArgErrorf(0, "%s: %w", path, broken.Err)
			case err != nil:
				return cty.NilVal, function.NewArgError(0, err)
			case !utf8.Valid(text):
				return cty.NilVal, function.NewArgErrorf(0, "%s is not UTF-8 text", path)
			}
			return cty.StringVal(string(text)), nil
		},
	})
}

// inFolder makes a path that a file names relative to the configuration folder.
func inFolder(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

var anyParameter = []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType,
	AllowMarked: true, AllowNull: true, AllowUnknown: true, AllowDynamicType: true}}

var sensitiveFunction = function.New(&function.Spec{
	Params: anyParameter,
	Type:   sameType,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		return args[0].Mark(sensitive), nil
	},
})

var nonsensitiveFunction = function.New(&function.Spec{
	Params: anyParameter,
	Type:   sameType,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		value, _ := args[0].Unmark()
		return value, nil
	},
})

func sameType(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil }

// lengthFunction is the standard one, for text too.
var lengthFunction = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true}},
	Type: func(args []cty.Value) (cty.Type, error) {
		switch t := args[0].Type(); {
		case t == cty.DynamicPseudoType, t == cty.String, t.IsCollectionType(), t.IsTupleType(), t.IsObjectType():
			return cty.Number, nil
		}
		return cty.Number, function.NewArgErrorf(0, "a list, a set, a map, an object or text is required")
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		switch t := args[0].Type(); {
		case t == cty.String:
			return stdlib.Strlen(args[0])
		case t.IsObjectType():
			return cty.NumberIntVal(int64(len(t.AttributeTypes()))), nil
		}
		return args[0].Length(), nil
	},
})

// replaceFunction replaces text, or, when it is written between slashes, what a
// regular expression matches.
var replaceFunction = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "text", Type: cty.String},
		{Name: "old", Type: cty.String}, {Name: "new", Type: cty.String}},
	Type: function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		old := args[1].AsString()
		if len(old) > 2 && strings.HasPrefix(old, "/") && strings.HasSuffix(old, "/") {
			return stdlib.RegexReplace(args[0], cty.StringVal(old[1:len(old)-1]), args[2])
		}
		return stdlib.Replace(args[0], args[1], args[2])
	},
})

var (
	startsWithFunction = testOf(strings.HasPrefix)
	endsWithFunction   = testOf(strings.HasSuffix)
)

func testOf(test func(text, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: "part", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(test(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

var (
	allTrueFunction = foldOf(true)
	anyTrueFunction = foldOf(false)
)

// foldOf reports whether every element of a list is true, or whether any is.
func foldOf(every bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, v := range args[0].AsValueSlice() {
				if v.IsNull() {
					return cty.NilVal, fmt.Errorf("an element is null")
				}
				if v.True() != every {
					return cty.BoolVal(!every), nil
				}
			}
			return cty.BoolVal(every), nil
		},
	})
}
