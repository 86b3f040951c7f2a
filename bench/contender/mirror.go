package contender

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"bascule/bench/client"
)

// copyOnce applies a continuous mirror, which copies what is there and leaves its
// slot.
func copyOnce(ctx context.Context, p Pair) error {
	_, err := applyEngine(ctx, p, "stream")
	return err
}

// applyEngine applies a continuous mirror with an engine. The servers' own engines go
// on by themselves from then on.
func applyEngine(ctx context.Context, p Pair, engine string) (client.Usage, error) {
	text := fmt.Sprintf(streamHCL, p.Source, p.Target, engine)
	if err := os.WriteFile(filepath.Join(p.Dir, "main.hcl"), []byte(text), 0o600); err != nil {
		return client.Usage{}, err
	}
	return client.Run(ctx, nil, client.Command{Args: []string{p.Binary, "apply", "-auto-approve"}, Dir: p.Dir})
}

func follow(ctx context.Context, p Pair) (client.Usage, error) {
	return client.Until(ctx, client.Command{Args: []string{p.Binary, "run"}, Dir: p.Dir}, p.Started)
}

const streamHCL = `peer "source" {
  url = %q
}

peer "target" {
  url = %q
}

mirror "bench" {
  source = peer.source
  target = peer.target
  engine = %q
  tables = ["public.*"]

  copy {
    workers = 2
  }
}
`
