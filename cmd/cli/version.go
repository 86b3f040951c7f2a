package cli

import (
	"context"
	"runtime"
	"runtime/debug"

	"bascule/cmd/view"
	"bascule/state"
)

// release is the version of this build; a release build sets it with -ldflags.
var release = "0.1.0"

// version returns the version of this build.
func version() string { return release }

// revision returns the commit the program was built from, or "".
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

func versionCommand() *command {
	return &command{
		name:  "version",
		about: "print the version",
		run: func(_ context.Context, c *call) error {
			return c.screen.Version(view.VersionReport{
				Version: version(), Revision: revision(), Go: runtime.Version(),
				Platform: runtime.GOOS + "/" + runtime.GOARCH, StateFormat: state.Format,
			})
		},
	}
}
