package walsender

import "encoding/binary"

// frames takes a stream of bytes apart into messages of the protocol: a type byte and
// a length that counts itself.
type frames struct {
	block []byte // what is not taken yet

	// part is the beginning of a message whose rest is in later blocks; size is what
	// it will be, 0 while its header is not whole. large: part was made for it alone.
	part  []byte
	size  int
	large bool
}

const headerSize = 5

// feed gives the next bytes, after next has returned all of those before.
func (f *frames) feed(block []byte) { f.block = block }

// keep is feed for bytes that do not stay where they are.
func (f *frames) keep(block []byte) { f.block = append([]byte(nil), block...) }

// next returns a message's type and body, or false when the rest is still to come.
// The body is valid until the next call, and no longer than its block.
func (f *frames) next() (kind byte, body []byte, ok bool) {
	if len(f.part) > 0 {
		return f.join()
	}
	if len(f.block) >= headerSize {
		size := 1 + int(binary.BigEndian.Uint32(f.block[1:]))
		if size <= len(f.block) && size >= headerSize {
			kind, body = f.block[0], f.block[headerSize:size:size]
			f.block = f.block[size:]
			f.large = false
			return kind, body, true
		}
	}
	if len(f.block) > 0 {
		f.part = append(f.spare(0), f.block[0])
		f.block = f.block[1:]
		return f.join()
	}
	return 0, nil, false
}

// join adds to a message that began in a block before.
func (f *frames) join() (kind byte, body []byte, ok bool) {
	if f.size == 0 {
		if !f.take(headerSize) {
			return 0, nil, false
		}
		f.size = max(headerSize, 1+int(binary.BigEndian.Uint32(f.part[1:])))
		if f.large = f.size > blockSize; f.large {
			f.part = append(make([]byte, 0, f.size), f.part...)
		}
	}
	if !f.take(f.size) {
		return 0, nil, false
	}
	kind, body = f.part[0], f.part[headerSize:]
	if f.large {
		f.part = nil
	}
	f.part, f.size = f.part[:0], 0
	return kind, body, true
}

// take moves bytes from the block until part has n, and reports whether it has.
func (f *frames) take(n int) bool {
	missing := min(n-len(f.part), len(f.block))
	f.part = append(f.part, f.block[:missing]...)
	f.block = f.block[missing:]
	return len(f.part) == n
}

func (f *frames) spare(n int) []byte {
	if cap(f.part) == 0 {
		f.part = make([]byte, 0, blockSize)
	}
	return f.part[:n]
}
