//go:build !linux

package walsender

import "time"

// gather waits a little for more.
func (c *Conn) gather() { time.Sleep(gatherFor) }
