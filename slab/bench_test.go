package slab

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

var sizes = []int{16, 64, 1024, 4096}

func BenchmarkAllocator(b *testing.B) {
	a := newAllocator(b)
	for _, n := range sizes {
		b.Run(fmt.Sprintf("impl=lookaside/work=pair/size=%d/p=1", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x, _ := a.Alloc(n)
				a.Free(x)
			}
		})
		b.Run(fmt.Sprintf("impl=local/work=pair/size=%d/p=1", n), func(b *testing.B) {
			c := a.NewLocal()
			defer c.Close()
			for b.Loop() {
				x, _ := c.Alloc(n)
				c.Free(x)
			}
		})
		b.Run(fmt.Sprintf("impl=syncpool/work=pair/size=%d/p=1", n), func(b *testing.B) {
			p := sync.Pool{New: func() any { x := make([]byte, n); return &x }}
			for b.Loop() {
				x := p.Get().(*[]byte)
				p.Put(x)
			}
		})
	}
	// What calls cost whose arguments come from tables, as in any program, and
	// with arguments that are known before: 64 blocks, and all back.
	{
		xs, ns, order := make([][]byte, 64), make([]int32, 64), make([]int, 64)
		for i := range ns {
			ns[i], order[i] = 64, i
		}
		b.Run("impl=lookaside/work=constant64/size=64/p=1", func(b *testing.B) {
			for i := 0; i < b.N; i += len(xs) {
				for j := range xs {
					x, _ := a.Alloc(64)
					x[0] = 1
					xs[j] = x
				}
				for j := range xs {
					a.Free(xs[j])
				}
			}
		})
		b.Run("impl=lookaside/work=table64/size=64/p=1", func(b *testing.B) { fromTables(b, a, ns, order) })
	}
	// The same with sizes from 16 to 1,024 bytes, 1,000 blocks, which come back
	// in another order; and 10,000 places, a random one of which is filled or
	// emptied.
	{
		rnd := rand.New(rand.NewPCG(1, 2))
		ns, order := make([]int32, 1000), rnd.Perm(1000)
		for i := range ns {
			ns[i] = int32(16 + rnd.IntN(1009))
		}
		b.Run("impl=lookaside/work=mixed1000/size=16-1024/p=1", func(b *testing.B) { fromTables(b, a, ns, order) })
		places := make([][]byte, 10_000)
		b.Run("impl=lookaside/work=churn10000/size=16-1024/p=1", func(b *testing.B) {
			for range b.N {
				r := rnd.Uint64()
				x := &places[r%uint64(len(places))]
				if *x != nil {
					a.Free(*x)
					*x = nil
					continue
				}
				*x, _ = a.Alloc(int(16 + r>>32%1009))
				(*x)[0] = 1
			}
		})
		for _, x := range places {
			a.Free(x)
		}
	}
	for _, n := range sizes[:2] {
		b.Run(fmt.Sprintf("impl=lookaside/work=batch1000/size=%d/p=1", n), func(b *testing.B) {
			xs := make([][]byte, 1000)
			for i := 0; i < b.N; i += len(xs) {
				for j := range xs {
					xs[j], _ = a.Alloc(n)
				}
				for _, x := range xs {
					a.Free(x)
				}
			}
		})
		b.Run(fmt.Sprintf("impl=lookaside/work=batchcall32/size=%d/p=1", n), func(b *testing.B) {
			xs := make([][]byte, 32)
			for i := 0; i < b.N; i += len(xs) {
				_, _ = a.AllocBatch(xs, n)
				a.FreeBatch(xs)
			}
		})
	}
	b.Run("impl=lookaside/work=pair/size=64/p=max", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				x, _ := a.Alloc(64)
				a.Free(x)
			}
		})
	})
}

// fromTables allocates blocks of the sizes in ns, and frees them in order.
func fromTables(b *testing.B, a *Allocator, ns []int32, order []int) {
	xs := make([][]byte, len(ns))
	for i := 0; i < b.N; i += len(xs) {
		for j, n := range ns {
			x, _ := a.Alloc(int(n))
			x[0] = 1
			xs[j] = x
		}
		for _, j := range order {
			a.Free(xs[j])
		}
	}
}

func BenchmarkLookaside(b *testing.B) {
	l := newLookaside(b, Config{Size: 64})
	b.Run("impl=lookaside/work=getput/size=64/p=1", func(b *testing.B) {
		for b.Loop() {
			x, _ := l.Get()
			l.Put(x)
		}
	})
}
