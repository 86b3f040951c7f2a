package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
)

// readLine reads one line of standard input, and stops waiting when ctx ends.
//
// The goroutine that reads cannot be ended: nothing interrupts a read of a
// terminal. It is left behind only when ctx has ended, and the program with it.
func (c *call) readLine(ctx context.Context) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := bufio.NewReader(c.stdin).ReadString('\n')
		got <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case a := <-got:
		if errors.Is(a.err, io.EOF) {
			return a.text, nil
		}
		return a.text, a.err
	}
}
