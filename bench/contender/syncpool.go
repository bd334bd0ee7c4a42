package contender

import (
	"math/bits"
	"sync"
)

// Classes of SyncPool: powers of two.
const (
	minShift = 3  // 8 bytes
	maxShift = 25 // 32 MiB
)

// SyncPool has one sync.Pool for every power of two.
type SyncPool struct {
	heap
	pools *[maxShift + 1]sync.Pool
}

// OpenSyncPool returns empty pools.
func OpenSyncPool() (Contender, error) {
	return &SyncPool{heap: newHeap(), pools: new([maxShift + 1]sync.Pool)}, nil
}

// shift is the class of blocks that hold n bytes, n > 0; above maxShift there
// is none.
func shift(n int) int { return max(bits.Len(uint(n-1)), minShift) }

// Alloc takes an array from the pool of its class, or makes one.
func (p *SyncPool) Alloc(n int) ([]byte, error) {
	b, _ := p.get(n)
	return b, nil
}

// AllocZeroed clears what came from a pool.
func (p *SyncPool) AllocZeroed(n int) ([]byte, error) {
	b, used := p.get(n)
	if used {
		clear(b)
	}
	return b, nil
}

// get returns a block and whether it has been used before.
func (p *SyncPool) get(n int) (b []byte, used bool) {
	if n == 0 {
		return []byte{}, false
	}
	s := shift(n)
	if s > maxShift {
		return make([]byte, n), false
	}
	if first, ok := p.pools[s].Get().(*byte); ok {
		return array(first, 1<<s)[:n], true
	}
	return make([]byte, n, 1<<s), false
}

// AllocAligned makes a slice with room to slide, past the pools. The heap
// aligns small powers of two to themselves, but does not promise it.
func (*SyncPool) AllocAligned(n, to int) ([]byte, error) { return makeAligned(n, to), nil }

// Realloc stays in place while the class stays, else it moves.
func (p *SyncPool) Realloc(b []byte, n int) ([]byte, error) {
	if n <= cap(b) && n > cap(b)/2 {
		return b[:n], nil
	}
	c, err := p.Alloc(n)
	copy(c, b)
	p.Free(b)
	return c, err
}

// Free puts an array back to the pool of its class; what is no whole class is
// dropped.
func (p *SyncPool) Free(b []byte) {
	n := cap(b)
	if n < 1<<minShift || n > 1<<maxShift || n&(n-1) != 0 {
		return
	}
	p.pools[bits.Len(uint(n))-1].Put(address(b))
}

// Close drops the pools.
func (p *SyncPool) Close() error {
	p.pools = nil
	return nil
}
