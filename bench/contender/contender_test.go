package contender

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSelect(t *testing.T) {
	all, err := Select("lookaside,goheap,syncpool")
	require.NoError(t, err)
	require.Len(t, all, 3)
	some, err := Select("syncpool, lookaside")
	require.NoError(t, err)
	require.Equal(t, "syncpool", some[0].Name)
	for list, want := range map[string]string{
		"jemalloc":      `no contender "jemalloc": there are lookaside, goheap, syncpool`,
		"":              `no contender "": there are lookaside, goheap, syncpool`,
		"goheap,goheap": `contender "goheap" is named twice`,
	} {
		_, err := Select(list)
		require.EqualError(t, err, want)
	}
}

// Every contender keeps the interface's promises over a random program.
func TestContenders(t *testing.T) {
	for _, spec := range All() {
		t.Run(spec.Name, func(t *testing.T) {
			c, err := spec.Open()
			require.NoError(t, err)
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 5))
			var live [][]byte
			for i := range 5000 {
				n := r.IntN(1 << r.IntN(17))
				if len(live) > 100 || len(live) > 0 && r.IntN(3) == 0 {
					at := r.IntN(len(live))
					b := live[at]
					if r.IntN(2) == 0 {
						mark := byte(at)
						for j := range b {
							b[j] = mark
						}
						old := len(b)
						b, err = c.Realloc(b, n)
						require.NoError(t, err)
						require.Len(t, b, n)
						for j := range min(old, n) {
							require.Equal(t, mark, b[j])
						}
						live[at] = b
						continue
					}
					c.Free(b)
					live = append(live[:at], live[at+1:]...)
					continue
				}
				live = append(live, fresh(t, c, i, n, r))
			}
			n, err := c.Resident()
			require.NoError(t, err)
			require.GreaterOrEqual(t, n, int64(0))
			for _, b := range live {
				c.Free(b)
			}
			require.NoError(t, c.Close())
		})
	}
}

// fresh makes a block in one of the three ways and dirties it.
func fresh(t *testing.T, c Contender, i, n int, r *rand.Rand) []byte {
	var b []byte
	var err error
	switch i % 3 {
	case 0:
		b, err = c.Alloc(n)
	case 1:
		b, err = c.AllocZeroed(n)
		require.Equal(t, n, bytes.Count(b, []byte{0}))
	default:
		to := 1 << r.IntN(14)
		b, err = c.AllocAligned(n, to)
		if n > 0 {
			require.Zero(t, reflect.ValueOf(b).Pointer()%uintptr(to), "%d bytes at a multiple of %d", n, to)
		}
	}
	require.NoError(t, err)
	require.Len(t, b, n)
	for j := range b {
		b[j] = 0xEE
	}
	return b
}

// Resident sees blocks that are written.
func TestResidentGrows(t *testing.T) {
	for _, spec := range All() {
		t.Run(spec.Name, func(t *testing.T) {
			for range 3 { // what others left, in pools too, must not go away meanwhile
				debug.FreeOSMemory()
			}
			c, err := spec.Open()
			require.NoError(t, err)
			before, err := c.Resident()
			require.NoError(t, err)
			var live [][]byte
			for range 400 {
				b, err := c.Alloc(64 << 10)
				require.NoError(t, err)
				for j := range b {
					b[j] = 1
				}
				live = append(live, b)
			}
			after, err := c.Resident()
			require.NoError(t, err)
			require.Greater(t, after-before, int64(12<<20), "of 25 MiB, whatever went back meanwhile")
			for _, b := range live {
				c.Free(b)
			}
			require.NoError(t, c.Close())
		})
	}
}

// A block that went back to a pool comes again, whole.
func TestSyncPoolReuses(t *testing.T) {
	c, err := OpenSyncPool()
	require.NoError(t, err)
	reused := false
	for range 100 { // a pool may forget; in race builds it does so on purpose
		a, _ := c.Alloc(100)
		require.Equal(t, 128, cap(a))
		c.Free(a)
		b, _ := c.Alloc(128)
		reused = reused || &a[0] == &b[0]
	}
	require.True(t, reused)
	require.NoError(t, c.Close())
}

func TestGoHeapReallocsInPlaceWhileHalfIsUsed(t *testing.T) {
	c, err := OpenGoHeap()
	require.NoError(t, err)
	a, _ := c.Alloc(100)
	b, _ := c.Realloc(a, 60)
	require.Same(t, &a[0], &b[0])
	d, _ := c.Realloc(b, 40)
	require.NotSame(t, &a[0], &d[0])
	require.Equal(t, 40, cap(d))
}
