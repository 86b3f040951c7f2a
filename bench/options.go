package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"bascule/bench/contender"
	"bascule/bench/workload"
)

// options are the flags.
type options struct {
	scale, rounds, tables int
	workloads             []workload.Workload
	contenders            []contender.Contender
	keep, binary          string
	write, date           string
	fsync, memory, plan   bool
}

// quick says that sizes are divided: bars are shown and do not bind.
func (o options) quick() bool { return o.scale > 1 }

// racing says whether contenders are compared, rather than one limit tested.
func (o options) racing() bool { return !o.memory && !o.plan }

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var workloads, only, skip string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.scale, "scale", 1, "divide all sizes; above 1 the bars do not bind")
	f.IntVar(&o.rounds, "rounds", 3, "rounds of each workload")
	f.StringVar(&workloads, "workload", "", "these workloads only: narrow,wide,small,toast")
	f.StringVar(&only, "only", "", "these contenders only: bascule,pgcopydb,dumprestore,pipe,raw")
	f.StringVar(&skip, "skip", "", "not these contenders")
	f.StringVar(&o.keep, "keep", "", "folder that keeps servers, data and results for the next time")
	f.StringVar(&o.binary, "binary", "", "our program; built from ./cmd/bascule unless given")
	f.StringVar(&o.write, "write", "", "write the report to this file")
	f.StringVar(&o.date, "date", time.Now().UTC().Format(time.DateOnly), "date in the report")
	f.BoolVar(&o.fsync, "fsync", true, "servers wait for the disk, as in production")
	f.BoolVar(&o.memory, "memory", false, "test peak memory with a 200 MB row, and nothing else")
	f.BoolVar(&o.plan, "plan", false, "test the time to plan many tables, and nothing else")
	f.IntVar(&o.tables, "tables", 10_000, "how many tables -plan has")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 || o.scale < 1 || o.rounds < 1 || o.tables < 1 {
		return o, fmt.Errorf("no arguments are taken, and sizes begin at 1; see -help")
	}
	err := o.choose(workloads, only, skip)
	return o, err
}

// choose fills in the workloads and contenders from the lists of names.
func (o *options) choose(workloads, only, skip string) error {
	o.workloads, o.contenders = workload.All(), contender.All()
	if workloads != "" {
		o.workloads = nil
		for _, name := range strings.Split(workloads, ",") {
			w, err := workload.Find(name)
			if err != nil {
				return err
			}
			o.workloads = append(o.workloads, w)
		}
	}
	for _, name := range slices.Concat(names(only), names(skip)) {
		if !slices.ContainsFunc(o.contenders, func(c contender.Contender) bool { return c.Name == name }) {
			return fmt.Errorf("no contender %q", name)
		}
	}
	o.contenders = slices.DeleteFunc(o.contenders, func(c contender.Contender) bool {
		return only != "" && !slices.Contains(names(only), c.Name) || slices.Contains(names(skip), c.Name)
	})
	return nil
}

func names(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
