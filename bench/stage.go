package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jackc/pgx/v5"

	"bascule/bench/client"
	"bascule/bench/contender"
	"bascule/bench/report"
	"bascule/bench/server"
	"bascule/bench/workload"
)

// stage is two servers, and what is to be done on them.
type stage struct {
	options
	dir            string
	source, target *server.Cluster
	out            io.Writer
}

// race moves one workload with every contender in turn, round after round. Who
// goes first changes with the round. A contender's failure is part of the result.
func (s stage) race(ctx context.Context, w workload.Workload) (report.Result, error) {
	r := report.Result{Workload: w.Name, Title: w.Title, Scale: s.scale, Rounds: s.rounds, Date: s.date, Big: w.Table != ""}
	fmt.Fprintf(s.out, "%s: making the source\n", w.Name)
	if err := w.Make(ctx, s.source, s.scale); err != nil {
		return r, err
	}
	from := s.source.URL(w.Database(s.scale))
	whole, err := workload.Count(ctx, from)
	if err != nil {
		return r, err
	}
	if r.Bytes, err = databaseSize(ctx, from); err != nil {
		return r, err
	}
	for round := range s.rounds {
		for i := range s.contenders {
			c := s.contenders[(i+round)%len(s.contenders)]
			if c.BigOnly && !r.Big || c.Once && !r.Big && round > 0 {
				continue
			}
			m, err := s.turn(ctx, w, c, whole)
			if err != nil {
				return r, err
			}
			m.Round = round + 1
			r.Measurements = append(r.Measurements, m)
			fmt.Fprintf(s.out, "%s: round %d: %s %s\n", w.Name, m.Round, c.Name, describe(m))
		}
	}
	return r, nil
}

// turn is one run of one contender, into an empty database.
func (s stage) turn(ctx context.Context, w workload.Workload, c contender.Contender, whole workload.Contents) (report.Measurement, error) {
	m := report.Measurement{Contender: c.Name}
	var before, after [2]time.Duration
	var failure error
	err := s.move(ctx, w.Database(s.scale), func(move contender.Move) (err error) {
		move.Workload = w
		if before, err = s.cpu(); err != nil {
			return err
		}
		m.Client, failure = c.Run(ctx, move)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if after, err = s.cpu(); err != nil {
			return err
		}
		if failure != nil {
			m.Failure = failure.Error()
			return nil
		}
		copied, err := workload.Count(ctx, move.Target)
		m.Failure = whole.Differ(copied)
		return err
	})
	m.SourceCPU, m.TargetCPU = after[0]-before[0], after[1]-before[1]
	return m, err
}

// move prepares an empty target database and an empty folder, and clears both
// away. Checkpoints keep what one run dirtied out of the next one's time.
func (s stage) move(ctx context.Context, from string, do func(contender.Move) error) (err error) {
	const database = "moved"
	drop := "drop database if exists " + database + " with (force)"
	if err := s.target.Exec(ctx, "postgres", drop, "create database "+database, "checkpoint"); err != nil {
		return err
	}
	if err := s.source.Exec(ctx, "postgres", "checkpoint"); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(s.dir, "move-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer func() {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute) // the disk is wanted back
		defer cancel()
		err = errors.Join(err, s.target.Exec(cleanup, "postgres", drop))
	}()
	return do(contender.Move{Source: s.source.URL(from), Target: s.target.URL(database), Dir: dir, Binary: s.binary})
}

// cpu reads both servers' CPU time.
func (s stage) cpu() ([2]time.Duration, error) {
	source, err := s.source.CPU()
	if err != nil {
		return [2]time.Duration{}, err
	}
	target, err := s.target.CPU()
	return [2]time.Duration{source, target}, err
}

func describe(m report.Measurement) string {
	if m.Failure != "" {
		return "failed: " + m.Failure
	}
	return fmt.Sprintf("%.2f s, CPU client %.2f source %.2f target %.2f, peak %s", m.Client.Wall.Seconds(),
		m.Client.CPU.Seconds(), m.SourceCPU.Seconds(), m.TargetCPU.Seconds(), size(m.Client))
}

func size(u client.Usage) string { return humanize.IBytes(uint64(u.PeakRSS)) }

func databaseSize(ctx context.Context, url string) (int64, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var n int64
	err = conn.QueryRow(ctx, sizeOfDatabase).Scan(&n)
	return n, err
}

const sizeOfDatabase = `
	select pg_catalog.pg_database_size(pg_catalog.current_database())`
