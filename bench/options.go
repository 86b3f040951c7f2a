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
	backlogs              []workload.Backlog
	limits                []string
	followers             []contender.Follower
	keep, binary          string
	write, date           string
	fsync, memory, plan   bool
	drain, engines        bool
	soak                  soakLength
}

// quick says that sizes are divided: bars are shown and do not bind.
func (o options) quick() bool { return o.scale > 1 }

// racing says whether contenders are compared, rather than one limit tested.
func (o options) racing() bool { return !o.memory && !o.plan && !o.following() }

// following says that changes are followed, rather than databases copied.
func (o options) following() bool { return o.drain || o.engines || o.soak.set() }

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var workloads, only, skip string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.scale, "scale", 1, "divide all sizes; above 1 the bars do not bind")
	f.IntVar(&o.rounds, "rounds", 3, "rounds of each workload; 5 with -drain")
	f.StringVar(&workloads, "workload", "", "these workloads only: narrow,wide,small,toast; with -drain tpcb,bulk,updates,inserts,mixed,transaction,delay; with -engines accounts,orders,mixed")
	f.StringVar(&only, "only", "", "these contenders only: bascule,pgcopydb,dumprestore,pipe,raw; with -drain bascule,bascule-20ms,subscription,binary,floor,pglogical; with -engines bascule,bascule-subscription,subscription,bascule-pglogical,pglogical")
	f.StringVar(&skip, "skip", "", "not these contenders")
	f.StringVar(&o.keep, "keep", "", "folder that keeps servers, data and results for the next time")
	f.StringVar(&o.binary, "binary", "", "our program; built from ./cmd/bascule unless given")
	f.StringVar(&o.write, "write", "", "write the report to this file")
	f.StringVar(&o.date, "date", time.Now().UTC().Format(time.DateOnly), "date in the report")
	f.BoolVar(&o.fsync, "fsync", true, "servers wait for the disk, as in production")
	f.BoolVar(&o.memory, "memory", false, "test peak memory with a 200 MB row, and nothing else")
	f.BoolVar(&o.plan, "plan", false, "test the time to plan many tables, and nothing else")
	f.BoolVar(&o.drain, "drain", false, "drain backlogs of changes, instead of copying databases")
	f.BoolVar(&o.engines, "engines", false, "copy databases and then drain backlogs with each engine, and with the servers' own ways")
	f.Var(&o.soak, "soak", "follow this many transactions, or for this long (5000000, 1m), and nothing else")
	f.IntVar(&o.tables, "tables", 10_000, "how many tables -plan has")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 || o.scale < 1 || o.rounds < 1 || o.tables < 1 {
		return o, fmt.Errorf("no arguments are taken, and sizes begin at 1; see -help")
	}
	if o.drain && !given(f, "rounds") {
		o.rounds = 5
	}
	err := o.choose(workloads, only, skip)
	return o, err
}

func given(f *flag.FlagSet, name string) (there bool) {
	f.Visit(func(one *flag.Flag) { there = there || one.Name == name })
	return there
}

// choose fills in the workloads and contenders from the lists of names.
func (o *options) choose(workloads, only, skip string) (err error) {
	if o.soak.set() {
		return nil
	}
	name := func(f contender.Follower) string { return f.Name }
	if o.engines {
		if o.backlogs, _, err = chooseBacklogs(workload.EngineBacklogs(), nil, names(workloads)); err != nil {
			return err
		}
		o.followers, err = choose(contender.Engines(), name, names(only), names(skip))
		return err
	}
	if o.drain {
		if o.backlogs, o.limits, err = chooseBacklogs(workload.Backlogs(), limitNames(), names(workloads)); err != nil {
			return err
		}
		o.followers, err = choose(contender.Followers(), name, names(only), names(skip))
		if !slices.ContainsFunc(o.followers, isOurs) {
			o.limits = nil
		}
		return err
	}
	o.workloads = workload.All()
	if workloads != "" {
		o.workloads = nil
		for _, name := range names(workloads) {
			w, err := workload.Find(name)
			if err != nil {
				return err
			}
			o.workloads = append(o.workloads, w)
		}
	}
	o.contenders, err = choose(contender.All(), func(c contender.Contender) string { return c.Name }, names(only), names(skip))
	return err
}

// chooseBacklogs finds backlogs and limits by name; no names are all.
func chooseBacklogs(all []workload.Backlog, allLimits, wanted []string) (backlogs []workload.Backlog, limits []string, err error) {
	if len(wanted) == 0 {
		return all, allLimits, nil
	}
	for _, name := range wanted {
		if slices.Contains(allLimits, name) {
			limits = append(limits, name)
			continue
		}
		b, err := workload.FindBacklog(all, name)
		if err != nil {
			return nil, nil, err
		}
		backlogs = append(backlogs, b)
	}
	return backlogs, limits, nil
}

// choose keeps those of a list that are wanted, all if none is named, without those
// to skip.
func choose[T any](all []T, name func(T) string, only, skip []string) ([]T, error) {
	for _, wanted := range slices.Concat(only, skip) {
		if !slices.ContainsFunc(all, func(one T) bool { return name(one) == wanted }) {
			return nil, fmt.Errorf("no contender %q", wanted)
		}
	}
	return slices.DeleteFunc(all, func(one T) bool {
		return len(only) > 0 && !slices.Contains(only, name(one)) || slices.Contains(skip, name(one))
	}), nil
}

// isOurs says whether our program takes part in it.
func isOurs(f contender.Follower) bool { return strings.HasPrefix(f.Name, contender.Ours) }

func names(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
