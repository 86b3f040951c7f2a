package cli_test

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"bascule/cmd/cli"
	"bascule/planner/catalog/pgtest"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run the program itself, as a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(withServers{m}, map[string]func(){
		"bascule": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			context.AfterFunc(ctx, stop)
			os.Exit(cli.Run(ctx, os.Args, os.Stdout, os.Stderr))
		},
	})
}

// withServers stops the clusters when the tests are over.
type withServers struct{ *testing.M }

func (m withServers) Run() int { return pgtest.Run(m.M) }
