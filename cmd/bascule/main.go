// Command bascule moves and mirrors PostgreSQL databases: files say what should be,
// plan says what would happen, apply does it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"bascule/cmd/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal kills the process
	os.Exit(cli.Run(ctx, os.Args, os.Stdout, os.Stderr))
}
