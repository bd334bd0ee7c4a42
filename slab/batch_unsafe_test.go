package slab

// What the compiler cannot check here: that the first reference behind a
// cache is read where it lies. It holds while nobody else allocates from the
// test's allocator; a second goroutine would break it.

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/percpu"
)

// Batches that come back in the order in which they were handed out take the
// shortest way, any other order the next, and mistakes none: whatever the
// order, the recount agrees.
func TestBatchesInAnyOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	a := newAllocator(t)
	tagged := a.Tagged(Tag{'b', 't', 'c', 'h'})
	var kept [][]byte
	for round := range rounds {
		n := []int{8, 64, 64, 64, 100, 1000, 5000}[rnd.IntN(7)]
		batch := make([][]byte, 1+rnd.IntN(70))
		k, err := a.AllocBatch(batch, n)
		require.NoError(t, err)
		require.Equal(t, len(batch), k)
		for i, b := range batch {
			require.Len(t, b, n)
			b[0], b[n-1] = byte(i), byte(i)
		}
		for i, b := range batch {
			require.Equal(t, []byte{byte(i), byte(i)}, []byte{b[0], b[n-1]}, "a block was handed out twice")
		}
		switch rnd.IntN(8) {
		case 0:
			slices.Reverse(batch)
		case 1:
			rnd.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
		case 2: // some stay, and come back later
			at := rnd.IntN(len(batch))
			kept = append(kept, batch[at:]...)
			batch = batch[:at]
		case 3: // singly: then the pages go, and others come in their place
			for _, b := range batch {
				a.Free(b)
			}
			if rnd.IntN(4) == 0 {
				a.Trim()
			}
			k, err := a.AllocBatch(batch, n)
			require.NoError(t, err)
			require.Equal(t, len(batch), k)
		case 4: // one of them is wrong: nothing happens
			wrong, want := slices.Clone(batch), DoubleFree
			at := rnd.IntN(len(wrong))
			switch rnd.IntN(4) {
			case 0:
				wrong = append(wrong, wrong[at])
			case 1:
				a.Free(wrong[at])
				batch = slices.Delete(batch, at, at+1)
			case 2:
				wrong[at], want = wrong[at][1:], Misaligned
			case 3:
				b, err := tagged.Alloc(n)
				require.NoError(t, err)
				wrong, want = append(wrong, b), WrongTag
				defer tagged.Free(b)
			}
			live := a.Stats().Live
			require.Equal(t, want, misuse(t, func() { a.FreeBatch(wrong) }).Kind)
			require.Equal(t, live, a.Stats().Live)
		case 5:
			batch = append(batch, nil, []byte{})
		case 6:
			for i := range batch {
				batch[i] = batch[i][:rnd.IntN(n)]
			}
		}
		a.FreeBatch(batch)
		if len(kept) > 300 {
			a.FreeBatch(kept)
			kept = kept[:0]
		}
		if round%50 == 0 {
			require.NoError(t, a.Audit())
		}
	}
	a.FreeBatch(kept)
	require.NoError(t, a.Audit())
}

// References behind a cache outlive their slabs. A block that lies where such
// a slab was, and whose state is elsewhere, must not be taken for the old one.
func TestReferencesOfSlabsThatAreGone(t *testing.T) {
	if percpu.Current() != percpu.Unpreemptible {
		t.Skip("batches take the short way in the unpreemptible mode only")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const size, many = 2048, 8
	a := newAllocator(t)
	old := cacheAt(a.shards, uintptr(percpu.ID())*a.stride+uintptr(a.classes[classFor(size)].cache))
	moved := 0
	for range 20 {
		// Leave references behind the empty cache whose blocks go home by
		// another way, with their slabs.
		batch := make([][]byte, many)
		for range 4 {
			_, err := a.AllocBatch(batch, size)
			require.NoError(t, err)
			a.FreeBatch(batch)
		}
		_, err := a.AllocBatch(batch, size)
		require.NoError(t, err)
		c := a.NewLocal()
		for _, b := range batch {
			c.Free(b)
		}
		require.NoError(t, c.Close())
		a.Trim()
		require.Zero(t, parkedIn(old))
		// Blocks in the same place, in other slabs, past the cache.
		c = a.NewLocal()
		var blocks [][]byte
		for range 3 * many {
			b, err := c.Alloc(size)
			require.NoError(t, err)
			blocks = append(blocks, b)
		}
		for i, b := range blocks {
			if r := slot(old, 0); r.addr == uintptr(unsafe.Pointer(unsafe.SliceData(b))) {
				if st, _, ok := a.claimFast(addrOf(b)); ok && uintptr(unsafe.Pointer(st)) != r.state {
					moved++
				}
				a.FreeBatch([][]byte{b})
				blocks = slices.Delete(blocks, i, i+1)
				break
			}
		}
		require.NoError(t, a.Audit())
		a.FreeBatch(blocks)
		require.NoError(t, c.Close())
		require.NoError(t, a.Audit())
	}
	require.Positive(t, moved, "no reference led elsewhere: the test shows nothing")
}
