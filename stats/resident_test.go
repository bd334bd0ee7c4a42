package stats

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/statspage"
)

// pagemap is a page map with a word for each page from page 0 on.
func pagemap(words ...uint64) *bytes.Reader {
	b := make([]byte, 0, 8*len(words))
	for _, w := range words {
		b = binary.NativeEndian.AppendUint64(b, w)
	}
	return bytes.NewReader(b)
}

func regionsOf(list ...statspage.Region) *statspage.Regions {
	r := &statspage.Regions{Count: uint32(len(list))}
	copy(r.At[:], list)
	return r
}

func TestPresentBits(t *testing.T) {
	for _, c := range []struct {
		word uint64
		want int64
	}{
		{0, 0},
		{1 << 63, 1},               // a private page
		{1<<63 | 1<<61, 1},         // a page of a memfd
		{1<<63 | 1<<56 | 0x777, 1}, // mapped once, with its number
		{1 << 62, 0},               // swapped out
		{1<<62 | 1<<58, 0},         // a guard marker
		{1 << 61, 0},
		{1<<61 - 1, 0},
	} {
		n, err := present(pagemap(0, c.word, 1<<63), regionsOf(statspage.Region{Base: 4096, Size: 4096}), 4096)
		require.NoError(t, err)
		require.Equal(t, c.want*4096, n, "%#x", c.word)
	}
}

// Whatever the regions are, the count is that of a look at every page.
func TestPresentInRegions(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 9))
	for _, page := range []uint64{4096, 16384, 65536} {
		words := make([]uint64, 3*mapBuffer/entrySize+5)
		for i := range words {
			words[i] = uint64(rnd.IntN(2)) << 63
		}
		for range 30 {
			first := rnd.Uint64N(uint64(len(words)))
			pages := rnd.Uint64N(uint64(len(words)) + 100) // also beyond the end
			want := int64(0)
			for i := first; i < min(first+pages, uint64(len(words))); i++ {
				want += int64(words[i] >> 63 * page)
			}
			n, err := present(pagemap(words...), regionsOf(statspage.Region{Base: first * page, Size: pages * page},
				statspage.Region{Base: 1<<64 - 4096, Size: 0}), page)
			require.NoError(t, err)
			require.Equal(t, want, n, "%d pages of %d from %d", pages, page, first)
		}
	}
	half := statspage.Region{Base: 65536 + 4096, Size: 4096}
	n, err := present(pagemap(0, 1<<63), regionsOf(half), 65536)
	require.NoError(t, err)
	require.EqualValues(t, 65536, n, "a page of which a part is asked about")
}

// refusing is a page map that cannot be read.
type refusing struct{ err error }

func (r refusing) ReadAt([]byte, int64) (int, error) { return 0, r.err }

func TestPresentRefuses(t *testing.T) {
	one := statspage.Region{Base: 0x5000, Size: 4096}
	why := errors.New("injected refusal")
	_, err := present(refusing{why}, regionsOf(one), 4096)
	require.ErrorIs(t, err, why)
	require.EqualError(t, err, "page map at 0x5000: injected refusal")
	more := regionsOf(one)
	more.More = 1
	_, err = present(pagemap(), more, 4096)
	require.ErrorIs(t, err, errTooManyRegions)
	// Refused before anything is read.
	_, err = present(refusing{why}, regionsOf(statspage.Region{Size: 1 << 39}, one), 4096)
	require.EqualError(t, err, "134217729 pages are more than the 134217728 that are looked at")
	n, err := present(refusing{io.EOF}, regionsOf(statspage.Region{Base: 1 << 63, Size: 1 << 38}), 4096)
	require.NoError(t, err)
	require.Zero(t, n, "no address space reaches there")
}

// A hostile table gives an error, or figures that are unknown, or those of
// memory that is not there; never a fault or a large allocation.
func TestHostileRegions(t *testing.T) {
	const pages = 208 // where the table lies in the header
	put := func(p *page, off int, v uint64) { binary.NativeEndian.PutUint64(p.mem[pages+off:], v) }
	for _, c := range []struct {
		name       string
		base, size uint64
		want       string // of the error, or
		unknown    string // of the reason, or
		some       bool   // something of this process may be there
	}{
		{name: "overflow", base: math.MaxUint64 - 4095, size: 1 << 20, want: "no address space is that large"},
		{name: "all", base: 0, size: math.MaxUint64 - 4095, want: "no address space is that large"},
		{name: "odd", base: 1, size: 1, want: "must be multiples of 4096"},
		{name: "terabytes", base: 0, size: 1 << 43, unknown: "more than the 134217728 that are looked at"},
		{name: "low addresses", base: 0, size: 1 << 34, some: true},
		{name: "beyond", base: 1 << 62, size: 1 << 38},
		{name: "last", base: math.MaxUint64 - 8191, size: 4096},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPage()
			p.lookaside(t)
			p.file.SetPages([]statspage.Region{{Base: 4096, Size: 4096}})
			r := p.reader(t)
			r.src.PID = os.Getpid()
			put(p, 8, c.base)
			put(p, 16, c.size)
			s, err := r.Snapshot()
			_, direct := r.Resident()
			if c.want != "" {
				require.ErrorIs(t, err, statspage.ErrFormat)
				require.ErrorContains(t, err, c.want)
				require.ErrorIs(t, direct, statspage.ErrFormat)
				return
			}
			require.NoError(t, err)
			if c.unknown != "" || runtime.GOOS != "linux" {
				require.EqualValues(t, -1, s.Arena.Resident)
				require.ErrorContains(t, direct, s.Arena.ResidentUnknown)
				if runtime.GOOS == "linux" {
					require.Contains(t, s.Arena.ResidentUnknown, c.unknown)
				}
				return
			}
			require.GreaterOrEqual(t, s.Arena.Resident, int64(0))
			require.Less(t, s.Arena.Resident, int64(1<<34))
			if !c.some {
				require.Zero(t, s.Arena.Resident)
			}
			require.Empty(t, s.Arena.ResidentUnknown)
			require.NoError(t, direct)
		})
	}
}
