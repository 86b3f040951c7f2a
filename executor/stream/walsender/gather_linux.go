package walsender

import (
	"net"
	"syscall"
	"time"
)

// gather waits a little for more. Not to read is not enough: the runtime's poller is
// woken by every message that arrives, whether somebody reads or not, so the kernel is
// told that fewer bytes than a low-water mark are none.
func (c *Conn) gather() {
	lowWater(c.conn, gatherBelow)
	time.Sleep(gatherFor)
	lowWater(c.conn, 1)
}

// lowWater does nothing for what is no socket: then it only wakes us more often.
func lowWater(conn net.Conn, bytes int) {
	if s, ok := conn.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, bytes)
			})
		}
	}
}
