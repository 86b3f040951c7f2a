package stream

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/stream/pgoutput"
	"bascule/planner/catalog"
)

// Config sets up a Stream. Mirror, Target, Slot, Publications, and one of Source and
// Replication are required.
type Config struct {
	// Mirror and Name are the position's key in the ledger. Name is ledger.Main, or
	// that of a stream beside it.
	Mirror, Name string

	// Source opens a replication connection, as often as one is needed. Replication is
	// one that is open: it made a temporary slot that goes with it, so Run does not
	// outlive it, and owns it.
	Source      func(context.Context) (*pgconn.PgConn, error)
	Replication *pgconn.PgConn

	// Target opens a session that may write: with session_replication_role as the
	// mirror needs it, and synchronous_commit off.
	Target func(context.Context) (*pgx.Conn, error)

	// Check is called on each connection, after the position was taken and before
	// replication starts. What it returns ends the connection: Run with it, unless it
	// is transient. Default: nothing is checked.
	Check func(ctx context.Context, position catalog.LSN) error

	Slot         string
	Publications []string

	// Binary: values travel in their types' binary form, where they have one.
	Binary bool

	// MaxDelay is how long a batch may stay open. Default 100 ms.
	MaxDelay time.Duration

	// SkipMissing: an UPDATE or DELETE that finds no row is counted, and passed over.
	SkipMissing bool

	// DDL says how commands are followed that nobody declared. Default: they are not.
	DDL DDL

	// Blocks are ddl blocks whose commands ran on the source, and that the target is to have
	// where they did, in their order. Default: none.
	Blocks []Block

	// Members chooses those of the mirror's members whose changes are applied here. What
	// arrives of the others is passed over. Default: those in state ledger.Followed.
	Members func([]ledger.Member) []ledger.Member

	// Log and Sink are told what happens. Default: nobody. Label is the mirror's
	// address, for them and for remedies. Default: Mirror.
	Log   *slog.Logger
	Sink  progress.Sink
	Label string

	// Again is the command, for remedies, by which a mirror goes on that was halted.
	// Default: `bascule run -retry` with the Label.
	Again string
}

const defaultDelay = 100 * time.Millisecond

// Stream follows one slot. All methods may be called at the same time.
type Stream struct {
	cfg Config
	log *slog.Logger

	// requests are those of Between. ended is closed when Run has returned.
	requests chan *pause
	ended    chan struct{}

	// called wakes the receiver to look at what is wanted of it.
	called chan struct{}

	mu         sync.Mutex
	reach      Progress
	taken      bool // reach.Position is known
	reloadNext bool
	waiting    map[*waiter]struct{}
	unfilled   int               // tables that wait for their rows
	wish       catalog.LSN       // a position that these wait for, 0 without
	names      map[string]string // of tables, by what they are on the target

	// Run's own, between links.
	epoch   int64                        // as this process took it; 0: not yet
	careful catalog.LSN                  // what commits before it is applied carefully
	suspect suspect                      // why
	inOrder map[uint32]struct{}          // tables whose changes keep their order, by oid on the source
	strikes map[uint32]int               // how often a table's batch failed, and its rows were right
	ignored map[string]bool              // why messages were ignored, and what was noted
	passed  map[uint32]pgoutput.Relation // not as recorded, and right

	entries map[uint32]touched  // of the log, that it has had: the last about each table
	waits   map[uint32]*waiting // tables that wait for their rows
	filling *stock              // what is copied into one, or was when a link ended

	surprise *surprise // to be applied by itself, or was just now
	steps    *stepping // the last one of a link

	ranBlocks map[string]bool // of Config.Blocks, by ID
}

// New returns a Stream that has not begun. Run is called once.
func New(cfg Config) *Stream {
	cfg.MaxDelay = cmp.Or(cfg.MaxDelay, defaultDelay)
	cfg.Label = cmp.Or(cfg.Label, cfg.Mirror)
	cfg.DDL.LockTimeout = cmp.Or(cfg.DDL.LockTimeout, defaultLockTimeout)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Sink == nil {
		cfg.Sink = progress.Discard
	}
	if cfg.Members == nil {
		cfg.Members = followed
	}
	log := cfg.Log.With("mirror", cfg.Label)
	if cfg.Name != ledger.Main {
		log = log.With("stream", cfg.Name)
	}
	return &Stream{
		cfg:      cfg,
		log:      log,
		requests: make(chan *pause),
		ended:    make(chan struct{}),
		called:   make(chan struct{}, 1),
		waiting:  make(map[*waiter]struct{}),
		inOrder:  make(map[uint32]struct{}),
		strikes:  make(map[uint32]int),
		ignored:  make(map[string]bool),
		passed:   make(map[uint32]pgoutput.Relation),
		entries:  make(map[uint32]touched),
		waits:    make(map[uint32]*waiting),

		ranBlocks: make(map[string]bool),
	}
}

// followed are the members that the main stream applies.
func followed(all []ledger.Member) []ledger.Member {
	var list []ledger.Member
	for _, m := range all {
		if m.State == ledger.Followed {
			list = append(list, m)
		}
	}
	return list
}
