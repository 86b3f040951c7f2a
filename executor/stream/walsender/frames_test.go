package walsender

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// Messages come out as they went in, wherever the blocks are cut: in a header, at the
// end of a message, across several blocks.
func TestFrames(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		var wire []byte
		var want [][]byte
		for range 1 + r.IntN(30) {
			size := r.IntN(40)
			switch r.IntN(12) {
			case 0:
				size = blockSize + r.IntN(3*blockSize)
			case 1:
				size = blockSize - headerSize + r.IntN(2)
			}
			body := make([]byte, size)
			for i := range body {
				body[i] = byte(r.Uint32())
			}
			want = append(want, body)
			wire = append(wire, 'd')
			wire = binary.BigEndian.AppendUint32(wire, uint32(4+size))
			wire = append(wire, body...)
		}
		var f frames
		for n := 0; len(wire) > 0; wire = wire[n:] {
			n = min(len(wire), 1+r.IntN(blockSize))
			if r.IntN(3) == 0 {
				n = min(len(wire), 1+r.IntN(7))
			}
			block := bytes.Clone(wire[:n])
			f.feed(block)
			for {
				kind, body, ok := f.next()
				if !ok {
					break
				}
				if kind != 'd' || len(want) == 0 || !bytes.Equal(body, want[0]) {
					t.Fatalf("seed %d: message of %d bytes, %d left", seed, len(body), len(want))
				}
				if f.large != (headerSize+len(body) > blockSize) {
					t.Fatalf("seed %d: %d bytes, large %v", seed, len(body), f.large)
				}
				want = want[1:]
			}
			clear(block) // it is another's again
		}
		if len(want) != 0 {
			t.Fatalf("seed %d: %d messages did not come", seed, len(want))
		}
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	c := Config{Slot: "s_1", Position: 0x16B374D848, Publications: []string{`a"b`, "c'd", "E"}, Binary: true}
	want := `START_REPLICATION SLOT "s_1" LOGICAL 16/B374D848 (proto_version '1', publication_names '"a""b","c''d","E"', messages 'true', binary 'true')`
	if got := command(c, major("15.20 (Debian 15.20-1)")); got != want {
		t.Errorf("got %s", got)
	}
	want = `START_REPLICATION SLOT "s_1" LOGICAL 16/B374D848 (proto_version '1', publication_names '"a""b","c''d","E"')`
	if got := command(c, major("13beta1")); got != want {
		t.Errorf("got %s", got)
	}
}
