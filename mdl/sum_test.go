package mdl_test

import (
	"hash/crc32"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// The header of RFC 1071's successors' textbooks: its checksum is 0xB861.
func TestChecksumOfAHeader(t *testing.T) {
	header := []byte{0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7}
	for cut := range len(header) + 1 {
		l := made(mdl.Describe(header[:cut]))
		require.NoError(t, l.AppendBuffer(header[cut:]))
		sum, err := l.Checksum(0, 0)
		require.NoError(t, err)
		require.Equal(t, uint16(0xB861), sum, "cut at %d", cut)
		require.NoError(t, l.CopyIn(10, []byte{0xB8, 0x61}))
		sum, err = l.Checksum(0, 20)
		require.NoError(t, err)
		require.Zero(t, sum, "a header with its checksum")
		require.NoError(t, l.CopyIn(10, []byte{0, 0}))
		l.Release()
	}
}

// Random bytes in random parts, all ones included, which carry most.
func TestSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	table := crc32.MakeTable(crc32.Castagnoli)
	for round := range 300 {
		all := make([]byte, rng.IntN(400))
		for i := range all {
			all[i] = byte(rng.Uint32())
			if round%3 == 0 {
				all[i] = 0xFF
			}
		}
		l := mdl.New()
		for begin := 0; begin < len(all); {
			n := min(1+rng.IntN(60), len(all)-begin)
			require.NoError(t, l.AppendBuffer(all[begin:begin+n]))
			begin += n
		}
		for range 10 {
			off := rng.IntN(len(all) + 1)
			n := rng.IntN(len(all) - off + 1)
			p := all[off : off+n]
			if n == 0 {
				p = all[off:]
			}
			sum, err := l.Checksum(off, n)
			require.NoError(t, err)
			require.Equal(t, internet(p), sum)
			crc, err := l.CRC32C(off, n)
			require.NoError(t, err)
			require.Equal(t, crc32.Checksum(p, table), crc)
		}
		l.Release()
	}
}

func TestSumsOutOfRange(t *testing.T) {
	l := made(mdl.Describe([]byte("abc")))
	for _, bad := range [][2]int{{-1, 0}, {4, 0}, {0, 4}, {3, 1}, {0, -1}, {math.MaxInt, math.MaxInt}, {math.MinInt, 1}} {
		_, err := l.Checksum(bad[0], bad[1])
		require.Equal(t, &memory.BoundsError{Op: "mdl: checksum", Off: bad[0], Len: bad[1], Cap: 3, Err: memory.ErrBufferTooSmall}, err)
		_, err = l.CRC32C(bad[0], bad[1])
		require.Equal(t, &memory.BoundsError{Op: "mdl: crc-32c", Off: bad[0], Len: bad[1], Cap: 3, Err: memory.ErrBufferTooSmall}, err)
	}
	sum, err := l.Checksum(3, 0)
	require.NoError(t, err)
	require.Equal(t, uint16(0xFFFF), sum)
	l.Release()
}
