package graph_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"bascule/executor/graph"
)

// trace records in which order nodes ran.
type trace struct {
	mu  sync.Mutex
	ran []string
}

func (tr *trace) node(key string, prio int64, needs ...string) *graph.Node[int] {
	return &graph.Node[int]{Key: key, Priority: prio, Needs: needs, Run: func(context.Context, int) error {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.ran = append(tr.ran, key)
		if strings.HasPrefix(key, "bad") {
			return errors.New("refused")
		}
		return nil
	}}
}

func (tr *trace) String() string { return strings.Join(tr.ran, " ") }

func TestOrder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		build func(g *graph.Graph[int], tr *trace)
		want  string
		err   string
	}{
		{"highest priority first", func(g *graph.Graph[int], tr *trace) {
			g.Add(tr.node("a", 1))
			g.Add(tr.node("b", 3))
			g.Add(tr.node("c", 2))
		}, "b c a", ""},
		{"needs before users, whatever the priority", func(g *graph.Graph[int], tr *trace) {
			g.Add(tr.node("index", 9, "copy"))
			g.Add(tr.node("copy", 1))
		}, "copy index", ""},
		{"a failure skips what needs it, the rest goes on", func(g *graph.Graph[int], tr *trace) {
			g.Add(tr.node("bad", 9))
			g.Add(tr.node("index", 8, "bad"))
			g.Add(tr.node("fk", 7, "index", "other"))
			g.Add(tr.node("other", 6))
		}, "bad other", "bad: refused"},
		{"a need that is not there", func(g *graph.Graph[int], tr *trace) {
			g.Add(tr.node("a", 1, "b"))
		}, "", "a needs b, which is not there"},
		{"a cycle", func(g *graph.Graph[int], tr *trace) {
			g.Add(tr.node("a", 1, "b"))
			g.Add(tr.node("b", 1, "a"))
			g.Add(tr.node("c", 1))
		}, "c", "2 pieces of work need each other: [a b]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var g graph.Graph[int]
			var tr trace
			tt.build(&g, &tr)
			err := g.Run(t.Context(), []int{1})
			if got := fmt.Sprint(err); tt.err == "" && err != nil || tt.err != "" && got != tt.err {
				t.Errorf("error %q, want %q", got, tt.err)
			}
			if tr.String() != tt.want {
				t.Errorf("ran %q, want %q", tr.String(), tt.want)
			}
		})
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, bad, want string }{
		{"joins up to the limit", "", "[a b c] [d]"},
		{"one that fails is found alone", "b", "[a b c] a b c d"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var ran []string
			batch := &graph.Batch[int]{Limit: 3}
			batch.Run = func(_ context.Context, _ int, nodes []*graph.Node[int]) error {
				var keys []string
				for _, n := range nodes {
					keys = append(keys, n.Key)
				}
				ran = append(ran, fmt.Sprint(keys))
				if slices.Contains(keys, tt.bad) {
					return errors.New("refused")
				}
				return nil
			}
			var g graph.Graph[int]
			for _, key := range []string{"a", "b", "c", "d"} {
				g.Add(&graph.Node[int]{Key: key, Batch: batch, Locks: []graph.Lock{{Name: "hub", Exclusive: true}},
					Run: func(context.Context, int) error {
						ran = append(ran, key)
						if key == tt.bad {
							return errors.New("refused")
						}
						return nil
					}})
			}
			err := g.Run(t.Context(), []int{1})
			got := strings.Join(ran, " ")
			if tt.bad == "" {
				got = strings.Replace(got, " d", " [d]", 1)
			}
			if got != tt.want || (err != nil) != (tt.bad != "") {
				t.Errorf("ran %s (%v), want %s", got, err, tt.want)
			}
		})
	}
}

// TestLocks runs many nodes on many workers and demands that no two that conflict
// ever ran together.
func TestLocks(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	readers, writers := map[string]int{}, map[string]int{}
	var g graph.Graph[int]
	for i := range 400 {
		locks := []graph.Lock{{Name: fmt.Sprint(i % 7), Exclusive: i%3 == 0}, {Name: "x" + fmt.Sprint(i%5), Exclusive: i%2 == 0}}
		g.Add(&graph.Node[int]{Key: fmt.Sprint("n", i), Locks: locks, Run: func(context.Context, int) error {
			mu.Lock()
			for _, l := range locks {
				if writers[l.Name] > 0 || l.Exclusive && readers[l.Name] > 0 {
					t.Errorf("%s is used by two at once", l.Name)
				}
				if l.Exclusive {
					writers[l.Name]++
				} else {
					readers[l.Name]++
				}
			}
			mu.Unlock()
			mu.Lock()
			defer mu.Unlock()
			for _, l := range locks {
				if l.Exclusive {
					writers[l.Name]--
				} else {
					readers[l.Name]--
				}
			}
			return nil
		}})
	}
	if err := g.Run(t.Context(), []int{1, 2, 3, 4, 5, 6}); err != nil {
		t.Fatal(err)
	}
}

var errLost = errors.New("snapshot lost")

func TestFatalStops(t *testing.T) {
	t.Parallel()
	var g graph.Graph[int]
	var tr trace
	g.Add(&graph.Node[int]{Key: "holder", Priority: 9, Run: func(context.Context, int) error {
		return graph.Fatal(errLost)
	}})
	g.Add(tr.node("later", 1))
	if err := g.Run(t.Context(), []int{1}); !errors.Is(err, errLost) || tr.String() != "" {
		t.Errorf("got %v, ran %q", err, tr.String())
	}
}

// What the cancel makes of work that was under way is no failure of it.
func TestFatalIsTheOnlyError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		late func(context.Context) error
	}{
		{"stopped by the server", func(context.Context) error { return errors.New("canceling statement due to user request") }},
		{"stopped here", context.Cause},
		{"fatal as well", func(context.Context) error { return graph.Fatal(errors.New("the snapshot is lost again")) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var g graph.Graph[int]
			begun := make(chan struct{})
			g.Add(&graph.Node[int]{Key: "late", Run: func(ctx context.Context, _ int) error {
				close(begun)
				<-ctx.Done()
				return tt.late(ctx)
			}})
			g.Add(&graph.Node[int]{Key: "holder", Run: func(context.Context, int) error {
				<-begun
				return graph.Fatal(errLost)
			}})
			if err := g.Run(t.Context(), []int{1, 2}); fmt.Sprint(err) != "holder: snapshot lost" {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A cancel from outside is the error, whatever the work makes of it.
func TestCancelIsTheCause(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancelCause(t.Context())
	var g graph.Graph[int]
	g.Add(&graph.Node[int]{Key: "a", Run: func(context.Context, int) error {
		stop(errLost)
		return errors.New("canceling statement due to user request")
	}})
	if err := g.Run(ctx, []int{1}); err != errLost {
		t.Errorf("got %v", err)
	}
}
