package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"bascule/config"
	"bascule/planner"
	"bascule/planner/live"
	"bascule/state"
)

// workspace is what a command works on: the folder's configuration and its state.
type workspace struct {
	cfg   *config.Config
	store state.Store
	file  *state.File
}

// inputs are the variables of the command line and the environment.
func (c *call) inputs() (config.Inputs, error) {
	in := config.Inputs{
		Vars: map[string]string{}, VarFiles: c.flags.StringSlice("var-file"),
		Environ: os.Environ(), Version: version(),
	}
	for _, v := range c.flags.StringSlice("var") {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			return in, usagef("-var takes NAME=VALUE")
		}
		in.Vars[name] = value
	}
	return in, nil
}

// config loads the configuration and shows its warnings.
func (c *call) config() (*config.Config, error) {
	in, err := c.inputs()
	if err != nil {
		return nil, err
	}
	cfg, diags := config.Load(".", in)
	if err := c.checked(diags, cfg.Sources); err != nil {
		return nil, err
	}
	return cfg, nil
}

// open loads the configuration and opens, but does not read, the state.
func (c *call) open() (*workspace, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	store, err := c.store(cfg.Backend)
	if err != nil {
		return nil, err
	}
	return &workspace{cfg: cfg, store: store}, nil
}

// store opens the state of a backend, or of -state.
func (c *call) store(b config.Backend) (state.Store, error) {
	if path := c.flags.String("state"); path != "" {
		b = config.Backend{Type: "local", Path: path}
	}
	return state.Open(b, ".")
}

// stateOnly opens the state for commands that need nothing else of the
// configuration: with -state it may be broken, or absent.
func (c *call) stateOnly(ctx context.Context) (state.Store, *state.File, error) {
	w, err := c.stateWorkspace()
	if err != nil {
		return nil, nil, err
	}
	file, err := w.store.Load(ctx)
	return w.store, file, err
}

// stateWorkspace is that state, not read yet.
func (c *call) stateWorkspace() (*workspace, error) {
	var backend config.Backend
	if c.flags.String("state") == "" {
		cfg, err := c.config()
		if err != nil {
			return nil, err
		}
		backend = cfg.Backend
	}
	store, err := c.store(backend)
	return &workspace{store: store}, err
}

// lock takes the state's lock, unless -lock=false. The function it returns is never
// nil.
func (c *call) lock(ctx context.Context, w *workspace) (unlock func(), err error) {
	if !c.flags.Bool("lock") {
		return func() {}, nil
	}
	free, err := w.store.Lock(ctx, state.NewHolder(c.command, time.Now()), c.flags.Duration("lock-timeout"))
	if err != nil {
		return func() {}, err
	}
	return func() {
		if err := free(); err != nil {
			c.log.WarnContext(ctx, "state not unlocked", "path", w.store.Path(), "error", err)
		}
	}, nil
}

// load reads the state.
func (w *workspace) load(ctx context.Context) (err error) {
	w.file, err = w.store.Load(ctx)
	if err == nil {
		w.file.Version = version()
	}
	return err
}

// scope is which part of a configuration a plan is about.
type scope struct {
	destroy           bool
	targets, excludes []string
	replaces          []string
}

// plan reads the databases and makes the plan. It writes nothing, but that the servers
// of an engine are asked to connect to each other, and keep nothing of it.
func (c *call) plan(ctx context.Context, w *workspace, s scope) (*planner.Plan, error) {
	in := planner.Input{
		Version: version(), Config: w.cfg, State: w.file,
		Destroy: s.destroy, Targets: s.targets, Excludes: s.excludes, Replaces: s.replaces,
	}
	var err error
	if in.Live, err = live.Observe(ctx, w.cfg, live.Options{Ways: in.Keeps}); err != nil {
		return nil, fmt.Errorf("read the databases: %w", err)
	}
	return planner.Make(in), nil
}
