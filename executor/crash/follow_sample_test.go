package crash_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// sampleEvery is the time between two samples.
const sampleEvery = 100 * time.Millisecond

// sampler compares all the time what the slot has forgotten with what the target has.
// It reaches both servers directly.
type sampler struct {
	source, target *pgtest.DB
	stop           context.CancelFunc
	all            sync.WaitGroup

	mu     sync.Mutex
	taken  int
	broken []string
}

func startSampler(t *testing.T, source, target *pgtest.DB) *sampler {
	ctx, stop := context.WithCancel(t.Context())
	s := &sampler{source: source, target: target, stop: stop}
	s.all.Go(func() { s.run(ctx) })
	t.Cleanup(s.end)
	return s
}

func (s *sampler) end() {
	s.stop()
	s.all.Wait()
}

// check demands that no sample broke the rule, and that there were samples.
func (s *sampler) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, text := range s.broken {
		if i < 5 {
			t.Errorf("the slot is ahead of the position: %s", text)
		}
	}
	t.Logf("%d samples, %d broken", s.taken, len(s.broken))
}

// violations returns how many samples broke the rule until now.
func (s *sampler) violations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.broken)
}

func (s *sampler) run(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	var source, target *pgx.Conn
	defer func() { closeAll(source, target) }()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		source, target = reached(ctx, source, s.source), reached(ctx, target, s.target)
		if source != nil && target != nil {
			s.sample(ctx, source, target)
		}
	}
}

// reached returns a session that lives, or nil while the server is down.
func reached(ctx context.Context, conn *pgx.Conn, db *pgtest.DB) *pgx.Conn {
	if conn != nil && !conn.IsClosed() {
		return conn
	}
	conn, err := pgx.Connect(ctx, db.URL)
	if err != nil {
		return nil
	}
	return conn
}

func closeAll(conns ...*pgx.Conn) {
	for _, conn := range conns {
		if conn != nil {
			_ = conn.Close(context.Background())
		}
	}
}

// sample reads the slot first: the position only grows, so what the slot was then must
// be covered by what the position is now.
func (s *sampler) sample(ctx context.Context, source, target *pgx.Conn) {
	var slot string
	var confirmed, position catalog.LSN
	if err := source.QueryRow(ctx, readConfirmed, s.source.Name).Scan(&slot, &confirmed); err != nil {
		return // no slot, or no server
	}
	if err := target.QueryRow(ctx, readPosition).Scan(&position); err != nil || position == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken++
	if confirmed > position {
		s.broken = append(s.broken, fmt.Sprintf("%s: slot %s confirmed %s, position %s", time.Now().Format("15:04:05.000"), slot, confirmed, position))
	}
}

const readConfirmed = `
	select slot_name, confirmed_flush_lsn::text
	from pg_catalog.pg_replication_slots
	where not temporary and database = $1 and slot_name like 'bascule%' and confirmed_flush_lsn is not null
	order by 1 limit 1`

const readPosition = `select lsn::text from bascule.position where name = '' order by mirror limit 1`
