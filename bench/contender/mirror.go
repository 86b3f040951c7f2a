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
	text := fmt.Sprintf(streamHCL, p.Source, p.Target)
	if err := os.WriteFile(filepath.Join(p.Dir, "main.hcl"), []byte(text), 0o600); err != nil {
		return err
	}
	_, err := client.Run(ctx, nil, client.Command{Args: []string{p.Binary, "apply", "-auto-approve"}, Dir: p.Dir})
	return err
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
  tables = ["public.*"]

  copy {
    workers = 2
  }
}
`
