package arena

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBitset compares every function with a walk over a slice of bools, for all ranges of a few hundred bits.
func TestBitset(t *testing.T) {
	const n = 200
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		b, plain := make(bitset, bitsetWords(n)), make([]bool, n)
		for range 1 + seed*3 {
			lo := uint32(rnd.IntN(n))
			hi := lo + uint32(rnd.IntN(n-int(lo)+1))
			on := rnd.IntN(3) > 0
			if on {
				b.set(lo, hi)
			} else {
				b.clear(lo, hi)
			}
			for i := lo; i < hi; i++ {
				plain[i] = on
			}
		}
		for lo := range uint32(n) {
			for hi := lo; hi <= n; hi++ {
				compareBitset(t, b, plain, lo, hi)
			}
		}
	}
}

func compareBitset(t *testing.T, b bitset, plain []bool, lo, hi uint32) {
	count, next, clear, last := uint32(0), hi, hi, lo
	for i := hi; i > lo; i-- {
		if plain[i-1] {
			count, next = count+1, i-1
		} else {
			clear = i - 1
		}
	}
	for i := lo; i < hi; i++ {
		if plain[i] {
			last = i + 1
		}
	}
	want := [...]uint32{count, next, clear, last}
	got := [...]uint32{b.count(lo, hi), b.next(lo, hi), b.nextClear(lo, hi), b.last(lo, hi)}
	if want != got {
		t.Fatalf("[%d, %d): count, next, nextClear, last are %v, want %v", lo, hi, got, want)
	}
	for _, n := range [...]uint32{0, 1, 3, count, count + 1} {
		at := b.floor(lo, hi, n)
		have := b.count(at, hi)
		tight := at == hi || n > count || b.has(at)
		if have != min(n, count) && at != lo || n <= count && have != n || !tight {
			t.Fatalf("[%d, %d): floor for %d of %d is %d, which has %d", lo, hi, n, count, at, have)
		}
	}
}

func TestMarksFindTheNearestBelow(t *testing.T) {
	const n = 1 << 20
	words := bitsetWords(n)
	m := marks{bits: make(bitset, words), sum: make(bitset, bitsetWords(uint32(words)))}
	m.set(0)
	set := []uint32{0, 1, 63, 64, 4095, 4096, 300_000, n - 1}
	for _, i := range set {
		m.set(i)
	}
	m.set(77)
	m.unset(77)
	for k, i := range set {
		end := uint32(n)
		if k+1 < len(set) {
			end = set[k+1]
		}
		for _, at := range []uint32{i, (i + end) / 2, end - 1} {
			require.Equal(t, i, m.at(at), "from %d", at)
		}
		require.True(t, m.has(i))
	}
}

// TestFreeRunsAgainstASlice adds, finds and drops runs at random and compares every answer with a search of a slice.
func TestFreeRunsAgainstASlice(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	var f freeRuns
	live := map[uint32]freeRun{}
	for step := range 4000 {
		if rnd.IntN(5) < 3 {
			r := freeRun{first: uint32(step), pages: 1 + rnd.Uint32N(40), piece: rnd.Uint32N(3), dirty: rnd.Uint32N(2)}
			live[f.add(r, 0)] = r
		} else {
			for id, r := range live {
				got := f.drop(id)
				require.Equal(t, r, freeRun{first: got.first, pages: got.pages, piece: got.piece, dirty: got.dirty})
				delete(live, id)
				break
			}
		}
		pages := 1 + rnd.Uint32N(45)
		for dirty, root := range []uint32{f.clean, f.soiled} {
			want := uint32(0)
			for id, r := range live {
				best := live[want]
				if r.dirty == uint32(dirty) && r.pages >= pages && (want == 0 || r.before(best.pages, best.piece, best.first)) {
					want = id
				}
			}
			require.Equal(t, want, f.fit(root, pages))
		}
		require.Equal(t, len(live), f.count)
	}
}

// TestManyFreeRunsAreCheap: a hundred thousand free runs cost a few megabytes, and a shallow tree.
func TestManyFreeRunsAreCheap(t *testing.T) {
	var f freeRuns
	for i := range uint32(100_000) {
		f.add(freeRun{first: 2 * i, pages: 1, dirty: 1}, 0)
	}
	require.LessOrEqual(t, cap(f.all)*36, 8<<20, "bytes of the table")
	var depth func(id uint32) int
	depth = func(id uint32) int {
		if id == 0 {
			return 0
		}
		return 1 + max(depth(f.at(id).left), depth(f.at(id).right))
	}
	require.Less(t, depth(f.soiled), 70)
	require.Equal(t, uint32(0), f.at(f.fit(f.soiled, 1)).first, "the lowest among equals")
}
