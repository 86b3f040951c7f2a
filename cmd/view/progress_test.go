package view_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bascule/cmd/view"
	"bascule/executor/progress"

	"github.com/jackc/pgx/v5/pgconn"
)

// record is a Writer whose text can be read while it is written.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

// take returns what was written since the last take.
func (r *record) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.b.Reset()
	return r.b.String()
}

// shown starts a Progress; the function it returns ends it.
func shown(t *testing.T, cfg view.ProgressConfig) (*view.Progress, *record, func()) {
	t.Helper()
	out := new(record)
	cfg.Writer = out
	p := view.NewProgress(cfg)
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { p.Run(ctx) })
	return p, out, func() { stop(); wg.Wait() }
}

func send(p *view.Progress, events ...progress.Event) {
	for _, e := range events {
		p.Event(e)
	}
}

const mb = 1 << 20

// half is a copy in its middle: one table done, one of two parts of another.
func half() []progress.Event {
	return []progress.Event{
		progress.StageStarted{Mirror: "mirror.app", Stage: "copy"},
		progress.CopyStarted{Mirror: "mirror.app", Tables: 3, Bytes: 400 * mb, Objects: 5},
		progress.ChunkStarted{Mirror: "mirror.app", Table: "public.a", Bytes: 100 * mb, TableBytes: 100 * mb},
		progress.ChunkMoved{Mirror: "mirror.app", Table: "public.a", Wire: 200 * mb},
		progress.ChunkEnded{Mirror: "mirror.app", Table: "public.a", Bytes: 100 * mb, Wire: 200 * mb, Rows: 7},
		progress.ChunkStarted{Mirror: "mirror.app", Table: "public.big", Bytes: 100 * mb, TableBytes: 300 * mb},
		progress.ChunkMoved{Mirror: "mirror.app", Table: "public.big", Wire: 100 * mb},
		progress.ObjectStarted{Mirror: "app", Kind: "index", Name: "public.a_x"},
		progress.ObjectMoved{Mirror: "mirror.app", Kind: "index", Name: "public.a_x", Phase: "building index: scanning table", Done: 20, Total: 100},
		progress.ObjectStarted{Mirror: "app", Kind: "CONSTRAINT", Name: "index of constraint public.a a_pkey"},
		progress.ObjectMoved{Mirror: "app", Kind: "index", Name: "public.a_pkey", Phase: "building index: sorting live tuples", Done: 1, Total: 2},
	}
}

func TestLinesWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out, end := shown(t, view.ProgressConfig{})
		send(p, half()...)
		synctest.Wait()
		if got, want := out.take(), "mirror.app: copying 3 tables, 400.0 MB\n"; got != want {
			t.Errorf("at once: got %q, want %q", got, want)
		}
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if got := out.take(); got != "" {
			t.Errorf("before ten seconds are over: %q", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		want := "mirror.app: 1 of 3 tables, 150.0 MB of 400.0 MB (37 %), 0 of 5 objects; building index public.a_x (20 %), index of constraint public.a a_pkey (50 %)\n"
		if got := out.take(); got != want {
			t.Errorf("after ten seconds: got %q, want %q", got, want)
		}
		send(p, progress.ChunkMoved{Mirror: "mirror.app", Table: "public.big", Wire: 100 * mb})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		want = "mirror.app: 1 of 3 tables, 200.0 MB of 400.0 MB (50 %), 0 of 5 objects, 5.0 MB/s, 40s left; building index public.a_x (20 %), index of constraint public.a a_pkey (50 %)\n"
		if got := out.take(); got != want {
			t.Errorf("with a rate: got %q, want %q", got, want)
		}
		send(p, progress.ChangeEnded{Address: "mirror.app", Action: "create", Took: 21 * time.Second})
		end()
		if got, want := out.take(), "mirror.app: created in 21s\n"; got != want {
			t.Errorf("at the end: got %q, want %q", got, want)
		}
	})
}

func TestBars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out, end := shown(t, view.ProgressConfig{Terminal: true, Size: func() (int, int) { return 100, 24 }})
		send(p, half()...)
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		golden(t, "bars", strings.ReplaceAll(out.take(), "\x1b", "^"))

		for range 9 {
			send(p, progress.ChunkMoved{Mirror: "mirror.app", Table: "public.big", Wire: mb})
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := strings.Count(out.take(), "\x1b[5A"); n != 5 {
			t.Errorf("redrawn %d times in a second, want 5", n)
		}
		if _, err := p.Write([]byte("level=WARN msg=slow\n")); err != nil {
			t.Fatal(err)
		}
		if got, want := out.take(), "\x1b[5A\r\x1b[Jlevel=WARN msg=slow\n"; got != want {
			t.Errorf("the log in between: got %q, want %q", got, want)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		out.take()
		send(p, progress.ChangeEnded{Address: "mirror.app", Action: "create", Took: time.Second, Err: errors.New("x")})
		end()
		if got, want := out.take(), "\x1b[5A\r\x1b[Jmirror.app: failed after 1.0s\n"; got != want {
			t.Errorf("at the end: got %q, want %q", got, want)
		}
	})
}

func TestBarsFitTheTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out, end := shown(t, view.ProgressConfig{Terminal: true, Color: true, Size: func() (int, int) { return 40, 4 }})
		send(p, half()...)
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		golden(t, "bars-narrow", strings.ReplaceAll(out.take(), "\x1b", "^"))
		end()
	})
}

func TestRemarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out, end := shown(t, view.ProgressConfig{})
		broken, refused := &pgconn.PgError{Severity: "FATAL", Code: "57P01", Message: "terminating connection"}, errors.New("value too long")
		for _, c := range []struct {
			event progress.Event
			want  string
		}{
			{progress.Retrying{Mirror: "mirror.app", What: "copy of public.a", Err: broken, In: 2 * time.Second}, "mirror.app: copy of public.a: FATAL: terminating connection (SQLSTATE 57P01); trying again in 2.0s\n"},
			{progress.Noted{Mirror: "app", Text: "waits for pid 7"}, "mirror.app: waits for pid 7\n"},
			{progress.StageStarted{Mirror: "ddl.users", Stage: "catch up"}, "ddl.users: catch up\n"},
			{progress.ChunkEnded{Mirror: "mirror.app", Table: "public.a", Err: refused}, "mirror.app: value too long\n"},
			{progress.ChunkEnded{Mirror: "mirror.app", Table: "public.b", Err: refused}, ""},
			{progress.ChunkEnded{Mirror: "mirror.app", Table: "public.a", Err: broken}, ""},
			{progress.ChunkEnded{Mirror: "mirror.app", Table: "public.a", Err: context.Canceled}, ""},
			{progress.ObjectEnded{Mirror: "mirror.app", Kind: "index", Name: "public.i", Err: errors.New("index public.i: no room")}, "mirror.app: index public.i: no room\n"},
			{progress.ChangeEnded{Address: "mirror.app", Action: "create", Took: time.Minute, Err: context.Canceled}, "mirror.app: stopped after 1m00s\n"},
			{progress.ChangeEnded{Address: "mirror.app", Action: "remove", Took: time.Second}, "mirror.app: removed in 1.0s\n"},
		} {
			send(p, c.event)
			synctest.Wait()
			if got := out.take(); got != c.want {
				t.Errorf("%T: got %q, want %q", c.event, got, c.want)
			}
		}
		end()
	})
}
