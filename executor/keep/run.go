package keep

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"bascule/config"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/planner/session"
	"bascule/state"
)

// stateEvery is how often a runner looks whether the state file has changed.
const stateEvery = 2 * time.Second

// Config sets up a Run. Config and State are required.
type Config struct {
	Config *config.Config
	State  *state.File

	// Store, when given, is read again every two seconds: mirrors that an apply adds to
	// the state are taken up, and those that it removes are let go. It is never written.
	Store state.Store

	// Only names the mirrors to keep, by address. Default all continuous ones.
	Only []string

	// Retry names mirrors whose halt is cleared first.
	Retry []string

	Sink progress.Sink // default: nobody
	Log  *slog.Logger  // default: nobody
}

// Run keeps the continuous mirrors of the configuration streaming that an apply has
// made, until ctx ends; then it lets the batches in work land, and returns the cause
// of ctx.
//
// A mirror that another process works on is waited for. One that fails never ends
// the others: after errors that pass by themselves it is tried again for ever, and
// for one that does not it stands still, with the reason in the ledger, until that is
// cleared there. Of the configuration only how to connect is used.
func Run(ctx context.Context, cfg Config) error {
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	if cfg.Sink == nil {
		cfg.Sink = progress.Discard
	}
	if err := cfg.known(); err != nil {
		return err
	}
	r := &runner{cfg: cfg, kept: map[string]*kept{}, absent: map[string]bool{}, retry: map[string]bool{}}
	for _, address := range cfg.Retry {
		r.retry[address] = true
	}
	r.follow(ctx, cfg.State)
	for session.Pause(ctx, stateEvery) == nil {
		r.reload(ctx)
	}
	r.all.Wait()
	return context.Cause(ctx)
}

// known refuses names that the configuration does not have.
func (cfg Config) known() error {
	for _, address := range slices.Concat(cfg.Only, cfg.Retry) {
		i := slices.IndexFunc(cfg.Config.Mirrors, func(m *config.Mirror) bool { return m.Address == address })
		if i < 0 {
			return fmt.Errorf("%s is not declared", address)
		}
		if !cfg.Config.Mirrors[i].Continuous {
			return fmt.Errorf("%s is not continuous: it is copied once, by apply", address)
		}
	}
	for _, address := range cfg.Retry {
		if len(cfg.Only) > 0 && !slices.Contains(cfg.Only, address) {
			return fmt.Errorf("%s is to be tried again, but is not among the mirrors to run", address)
		}
	}
	return nil
}

// runner keeps mirrors streaming, each by a goroutine of its own.
type runner struct {
	cfg    Config
	kept   map[string]*kept // by address
	absent map[string]bool  // said to be not applied
	retry  map[string]bool  // not cleared yet
	broken string           // what was last wrong with the state file
	all    sync.WaitGroup
}

// kept is a mirror with its goroutine. What it is identified by tells whether a
// later state means the same.
type kept struct {
	id, source, target string
	stop               context.CancelFunc
	done               chan struct{}
}

// reload takes up what an apply has changed in the state.
func (r *runner) reload(ctx context.Context) {
	if r.cfg.Store == nil || ctx.Err() != nil {
		return
	}
	file, err := r.cfg.Store.Load(ctx)
	if err != nil {
		if r.broken != err.Error() && ctx.Err() == nil {
			r.broken = err.Error()
			r.cfg.Log.WarnContext(ctx, "state not read", "path", r.cfg.Store.Path(), "error", err)
		}
		return
	}
	r.broken = ""
	if file.Serial != r.cfg.State.Serial || file.Lineage != r.cfg.State.Lineage {
		r.cfg.State = file
		r.follow(ctx, file)
	}
}

// follow starts and stops goroutines until they are those of the state's mirrors.
func (r *runner) follow(ctx context.Context, file *state.File) {
	want := map[string]*kept{}
	for _, m := range r.cfg.Config.Mirrors {
		if !m.Continuous || len(r.cfg.Only) > 0 && !slices.Contains(r.cfg.Only, m.Address) {
			continue
		}
		res := file.Find(m.Address)
		if res == nil || res.Mirror == nil || !res.Mirror.Continuous || res.Status == state.Removing {
			r.missing(m.Address)
			continue
		}
		delete(r.absent, m.Address)
		want[m.Address] = &kept{id: ledger.ID(file.Lineage, m.Address), source: res.Mirror.Source, target: res.Mirror.Target}
	}
	for _, address := range slices.Sorted(maps.Keys(r.kept)) {
		if k, w := r.kept[address], want[address]; w == nil || !k.same(w) {
			k.stop()
			<-k.done
			delete(r.kept, address)
		}
	}
	for _, address := range slices.Sorted(maps.Keys(want)) {
		if r.kept[address] == nil {
			r.keep(ctx, address, want[address])
		}
	}
}

func (k *kept) same(other *kept) bool {
	return k.id == other.id && k.source == other.source && k.target == other.target
}

// missing says once that there is nothing to stream yet.
func (r *runner) missing(address string) {
	if !r.absent[address] {
		r.absent[address] = true
		r.cfg.Sink.Event(progress.Noted{Mirror: session.Label(address), Text: "is not applied; it is streamed as soon as `bascule apply` has made it"})
	}
}

// keep starts the goroutine of a mirror.
func (r *runner) keep(ctx context.Context, address string, k *kept) {
	source, target := r.peer(k.source), r.peer(k.target)
	if source == nil || target == nil {
		r.cfg.Sink.Event(progress.Noted{Mirror: session.Label(address),
			Text: fmt.Sprintf("cannot be streamed: it was applied from %s to %s, and one of them is not declared", k.source, k.target)})
		return
	}
	ctx, k.stop = context.WithCancel(ctx)
	k.done = make(chan struct{})
	r.kept[address] = k
	m := &keeper{address: address, name: session.Label(address), id: k.id, source: source, target: target,
		retry: r.retry[address], sink: r.cfg.Sink, log: r.cfg.Log.With("mirror", address), streamLog: r.cfg.Log}
	delete(r.retry, address)
	r.all.Go(func() {
		defer close(k.done)
		m.run(ctx)
	})
}

func (r *runner) peer(address string) *config.Peer {
	for _, p := range r.cfg.Config.Peers {
		if p.Address == address {
			return p
		}
	}
	return nil
}
