package bench

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"offheap.example/lookaside/slab"
)

var sizes = []int{16, 64, 256, 1024, 4096}

// eachImpl runs a benchmark for every contender under the name that says what it measures.
func eachImpl(b *testing.B, work string, size any, p int, f func(b *testing.B, c impl, a *slab.Allocator)) {
	for _, c := range impls {
		b.Run(fmt.Sprintf("impl=%s/work=%s/size=%v/p=%d", c.name, work, size, p), func(b *testing.B) {
			b.ReportAllocs()
			f(b, c, newAllocator(b))
		})
	}
}

// one opens a contender for the benchmark's own goroutine.
func one(b *testing.B, c impl, a *slab.Allocator) heap {
	h, done := c.open(a)
	b.Cleanup(done)
	return h
}

// perBlock reports the time of one block where an iteration has several.
func perBlock(b *testing.B, blocks int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(blocks), "ns/block")
}

// get is Alloc, and the first byte is written.
func get(b *testing.B, h heap, n int) []byte {
	x, err := h.Alloc(n)
	if err != nil {
		b.Fatal(err)
	}
	x[0] = 1
	return x
}

func BenchmarkPair(b *testing.B) {
	for _, n := range sizes {
		eachImpl(b, "pair", n, 1, func(b *testing.B, c impl, a *slab.Allocator) {
			h := one(b, c, a)
			for b.Loop() {
				h.Free(get(b, h, n))
			}
			perBlock(b, 1)
		})
	}
}

// The same on all processors at once.
func BenchmarkPairTogether(b *testing.B) {
	p := runtime.GOMAXPROCS(0)
	for _, n := range sizes {
		eachImpl(b, "pair", n, p, func(b *testing.B, c impl, a *slab.Allocator) {
			b.RunParallel(func(pb *testing.PB) {
				h, done := c.open(a)
				defer done()
				for pb.Next() {
					x, err := h.Alloc(n)
					if err != nil {
						b.Error(err)
						return
					}
					x[0] = 1
					h.Free(x)
				}
			})
			perBlock(b, 1)
		})
	}
}

func BenchmarkBatch(b *testing.B) {
	const blocks = 32
	for _, n := range sizes {
		eachImpl(b, "batch32", n, 1, func(b *testing.B, c impl, a *slab.Allocator) {
			h := one(b, c, a)
			var batch [blocks][]byte
			whole, knows := h.(batcher)
			for b.Loop() {
				if knows {
					if _, err := whole.AllocBatch(batch[:], n); err != nil {
						b.Fatal(err)
					}
					for _, x := range batch {
						x[0] = 1
					}
					whole.FreeBatch(batch[:])
					continue
				}
				for i := range batch {
					batch[i] = get(b, h, n)
				}
				for _, x := range batch {
					h.Free(x)
				}
			}
			perBlock(b, blocks)
		})
	}
}

// A thousand blocks are out at once, and are freed in one order or another.
func BenchmarkThousand(b *testing.B) {
	const blocks = 1000
	orders := []struct {
		name string
		at   func(i int) int
	}{
		{"inorder", func(i int) int { return i }},
		{"reversed", func(i int) int { return blocks - 1 - i }},
		{"shuffled", nil},
	}
	shuffled := rand.New(rand.NewPCG(1, 2)).Perm(blocks)
	orders[2].at = func(i int) int { return shuffled[i] }
	for _, order := range orders {
		for _, n := range sizes[:4] {
			eachImpl(b, order.name, n, 1, func(b *testing.B, c impl, a *slab.Allocator) {
				h := one(b, c, a)
				out := make([][]byte, blocks)
				for b.Loop() {
					for i := range out {
						out[i] = get(b, h, n)
					}
					for i := range out {
						h.Free(out[order.at(i)])
					}
				}
				perBlock(b, blocks)
			})
		}
	}
}

// Blocks of many sizes live for many operations.
func BenchmarkMixed(b *testing.B) {
	const blocks, smallest, largest = 1000, 16, 1024
	for _, p := range []int{1, runtime.GOMAXPROCS(0)} {
		eachImpl(b, "mixed", fmt.Sprintf("%d-%d", smallest, largest), p, func(b *testing.B, c impl, a *slab.Allocator) {
			each := b.N/p + 1
			var wg sync.WaitGroup
			for i := range p {
				wg.Add(1)
				go func() {
					defer wg.Done()
					h, done := c.open(a)
					defer done()
					rnd := rand.New(rand.NewPCG(uint64(i), 3))
					var out [blocks][]byte
					for range each {
						r := rnd.Uint64()
						at := r % blocks
						if out[at] != nil {
							h.Free(out[at])
						}
						x, err := h.Alloc(smallest + int(r>>32)%(largest-smallest+1))
						if err != nil {
							b.Error(err)
							return
						}
						x[0] = 1
						out[at] = x
					}
					for _, x := range out {
						if x != nil {
							h.Free(x)
						}
					}
				}()
			}
			wg.Wait()
			perBlock(b, 1)
		})
		if p == 1 && runtime.GOMAXPROCS(0) == 1 {
			return
		}
	}
}

// Blocks are got by one goroutine and freed by another, in parcels as a pipeline hands them on.
func BenchmarkCrossFree(b *testing.B) {
	const parcel = 64
	for _, pairs := range []int{1, 4} {
		for _, n := range []int{64, 1024} {
			eachImpl(b, "xfree", n, 2*pairs, func(b *testing.B, c impl, a *slab.Allocator) {
				var wg sync.WaitGroup
				for range pairs {
					full, empty := make(chan [][]byte, 8), make(chan [][]byte, 8)
					for range cap(empty) {
						empty <- make([][]byte, parcel)
					}
					wg.Add(2)
					go func() {
						defer wg.Done()
						defer close(full)
						produce(b, c, a, n, b.N/pairs/parcel+1, full, empty)
					}()
					go func() {
						defer wg.Done()
						consume(c, a, full, empty)
					}()
				}
				wg.Wait()
				perBlock(b, 1)
			})
		}
	}
}

// produce fills parcels.
func produce(b *testing.B, c impl, a *slab.Allocator, n, parcels int, full, empty chan [][]byte) {
	h, done := c.open(a)
	defer done()
	for range parcels {
		batch := <-empty
		for i := range batch {
			x, err := h.Alloc(n)
			if err != nil {
				b.Error(err)
				return
			}
			x[0] = 1
			batch[i] = x
		}
		full <- batch
	}
}

// consume frees what is in them.
func consume(c impl, a *slab.Allocator, full, empty chan [][]byte) {
	h, done := c.open(a)
	defer done()
	for batch := range full {
		for _, x := range batch {
			h.Free(x)
		}
		empty <- batch
	}
}
