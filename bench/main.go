// Command bench measures bascule against the programs that people move
// PostgreSQL databases with today, on servers and data of its own making.
//
//	go run ./bench                          databases copied, at full size
//	go run ./bench -scale 50 -rounds 1      quick: the bars do not bind
//	go run ./bench -workload narrow -keep D one database; D keeps the source
//	go run ./bench -memory                  peak memory with a 200 MB row
//	go run ./bench -plan -tables 10000      time to plan many tables
//	go run ./bench -drain                   backlogs of changes, drained in turn
//	go run ./bench -drain -workload inserts -only bascule,binary,floor -keep D
//	go run ./bench -engines                 each engine beside the servers' own ways
//	go run ./bench -soak 1m                 follow a load, memory and WAL watched
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal kills the process
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
