package arena

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"offheap.example/lookaside/internal/sys"
)

func BenchmarkAcquireRelease(b *testing.B) {
	for _, c := range []struct {
		name  string
		pages int
		zero  bool
	}{
		{"pages=1/zero=false", 1, false},
		{"pages=1/zero=true", 1, true},
		{"pages=16/zero=false", 16, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			a, err := Open(Config{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = a.Close() }()
			for b.Loop() {
				r, err := a.acquire("acquire", c.pages, 0, c.zero)
				if err != nil {
					b.Fatal(err)
				}
				a.Release(r)
			}
		})
	}
}

// BenchmarkAmongManyFreeRuns acquires and releases while 100,000 free runs lie around.
func BenchmarkAmongManyFreeRuns(b *testing.B) {
	a, err := Open(Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	runs := make([]Run, 200_000)
	for i := range runs {
		if runs[i], err = a.AcquireUninitialized(1 + i%5); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; i < len(runs); i += 2 {
		a.Release(runs[i])
	}
	for i := 0; b.Loop(); i++ {
		r, err := a.AcquireUninitialized(1 + i%5)
		if err != nil {
			b.Fatal(err)
		}
		a.Release(r)
	}
}

// BenchmarkHugePages reads words at random places of a run: with huge pages the processor finds their addresses with
// fewer and shorter walks. It pays where what is used at random is larger than the TLB reaches, a few MiB.
func BenchmarkHugePages(b *testing.B) {
	if onHeap() {
		b.Skip("arenas are heap-backed in this build")
	}
	for _, size := range []int{1 << 20, 16 << 20, 256 << 20} {
		for _, mode := range []string{"never", "advise", "collapse"} {
			b.Run(fmt.Sprintf("size=%d/huge=%s", size, mode), func(b *testing.B) {
				cfg := Config{Huge: map[string]HugeMode{"never": HugeNever, "advise": HugeAdvise, "collapse": HugeCollapse}[mode]}
				a := open(b, cfg)
				low, err := a.AcquireUninitialized(smallBytes / a.PageSize()) // the part that is not advised
				if err != nil {
					b.Fatal(err)
				}
				r, err := a.AcquireAligned(size/a.PageSize(), max(a.PageSize(), min(size, hugePage)))
				if err != nil {
					b.Fatal(err)
				}
				fill(r, 1)
				if mode == "collapse" {
					if _, err := a.Collapse(); err != nil && size >= hugePage {
						b.Skip(err)
					}
				}
				bytes, at, sum := r.Bytes(), uint32(1), 0
				for b.Loop() {
					at = at*1664525 + 1013904223
					sum += int(bytes[int(at)&(size-1)]) // each address needs the one before
					at += uint32(sum & 1)
				}
				b.ReportMetric(float64(a.Stats().Resident>>20), "MiB")
				_ = low
			})
		}
	}
}

// BenchmarkFirstTouch makes runs resident, page by page as they are written or at once, with and without huge pages,
// and gives them back.
func BenchmarkFirstTouch(b *testing.B) {
	if onHeap() {
		b.Skip("arenas are heap-backed in this build")
	}
	const size = 16 << 20
	for _, huge := range []HugeMode{HugeNever, HugeAdvise} {
		for _, prefault := range []bool{false, true} {
			b.Run(fmt.Sprintf("huge=%v/prefault=%v", huge, prefault), func(b *testing.B) {
				a := open(b, Config{Huge: huge})
				if _, err := a.AcquireUninitialized(smallBytes / a.PageSize()); err != nil {
					b.Fatal(err)
				}
				pages := size / a.PageSize()
				for b.Loop() {
					r, err := a.AcquireUninitialized(pages)
					if err != nil {
						b.Fatal(err)
					}
					if prefault {
						if err := a.Prefault(r); err != nil {
							b.Fatal(err)
						}
					}
					for at := 0; at < size; at += a.PageSize() {
						r.Bytes()[at] = 1
					}
					b.StopTimer()
					a.Release(r)
					a.Purge(0)
					b.StartTimer()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*pages), "ns/page")
			})
		}
	}
}

// BenchmarkNode reads at random from a run on each NUMA node. On a machine of one node it shows that binding costs
// nothing; which node is near is only seen on one of several.
func BenchmarkNode(b *testing.B) {
	if onHeap() {
		b.Skip("arenas are heap-backed in this build")
	}
	const size = 64 << 20
	nodes := []Node{{}}
	for _, n := range sys.Nodes() {
		nodes = append(nodes, OnNode(n))
	}
	for _, node := range nodes {
		b.Run("node="+node.String(), func(b *testing.B) {
			a := open(b, Config{Node: node})
			r, err := a.AcquireUninitialized(size / a.PageSize())
			if err != nil {
				b.Fatal(err)
			}
			fill(r, 1)
			random, sum := rand.New(rand.NewPCG(1, 2)), 0
			for b.Loop() {
				sum += int(r.Bytes()[random.IntN(size)])
			}
			sinkInt = sum
		})
	}
}

var sinkInt int
