package objtab

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
)

type record struct {
	made, out bool
	serial    int
}

func TestCacheGivesEachRecordOnce(t *testing.T) {
	c := Cache[record]{Init: func(r *record) { r.made = true }}
	var out []*record
	for range 3*blockLen + 1 {
		r := c.Get()
		require.True(t, r.made)
		require.False(t, r.out, "given out twice")
		r.out = true
		out = append(out, r)
	}
	require.Equal(t, 4*blockLen, c.Made())
	for range 5 {
		for _, r := range out {
			r.out = false
			c.Put(r)
		}
		for i := range out {
			out[i] = c.Get()
			require.False(t, out[i].out, "given out twice")
			out[i].out = true
		}
	}
	require.Equal(t, 4*blockLen, c.Made(), "records are used again")
}

func TestCacheIsLastInFirstOut(t *testing.T) {
	if race.Enabled {
		t.Skip("goroutines migrate more often")
	}
	var c Cache[record]
	same := 0
	for range 100 {
		r := c.Get()
		c.Put(r)
		again := c.Get()
		if r == again {
			same++
		}
		c.Put(again)
	}
	require.Greater(t, same, 50, "the record given back last is the next one, unless we moved to another P")
}

func TestQueueHoldsRecordsBack(t *testing.T) {
	const hold = 100
	q := Queue[record]{Hold: hold}
	returned := map[*record]int{} // when it was given back
	for i := range 20_000 {
		r := q.Get()
		if when, ok := returned[r]; ok {
			require.Greater(t, i-when, hold)
		}
		returned[r] = i
		q.Put(r)
	}
	require.Less(t, q.Made(), 2000, "records are used again")
}

func TestQueueGrowsInOrder(t *testing.T) {
	q := Queue[record]{Hold: 0}
	for _, n := range []int{10, 1500, 5000, 20_000, 7} {
		var out []*record
		for range n {
			r := q.Get()
			require.False(t, r.out, "given out twice")
			r.out = true
			out = append(out, r)
		}
		for _, r := range out {
			r.out = false
			q.Put(r)
		}
	}
	require.Less(t, q.Made(), 25_000)
}

// recycler is what both kinds are.
type recycler interface {
	Get() *record
	Put(*record)
	Made() int
}

// Goroutines that pass records to each other while the number of Ps changes:
// no record is with two of them, and none is lost.
func TestRecordsTravel(t *testing.T) {
	n := 60_000
	if testing.Short() {
		n = 6_000
	}
	for name, c := range map[string]recycler{"cache": &Cache[record]{}, "queue": &Queue[record]{Hold: 64}} {
		t.Run(name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
			ch := make(chan *record, 100)
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					for range n {
						r := c.Get()
						if r.out {
							t.Error("given out twice")
						}
						r.out = true
						r.serial++
						ch <- r
					}
				})
				wg.Go(func() {
					for i := range n {
						r := <-ch
						r.out = false
						c.Put(r)
						if i%(n/10) == 0 {
							runtime.GOMAXPROCS(1 + i/(n/10)%5)
						}
					}
				})
			}
			wg.Wait()
			require.Less(t, c.Made(), 3000)
		})
	}
}

func TestNoAllocationsInSteadyState(t *testing.T) {
	if race.Enabled {
		t.Skip("race builds allocate")
	}
	var c Cache[record]
	q := Queue[record]{Hold: 64}
	out := make([]*record, 1000)
	round := func(r recycler) func() {
		return func() {
			for i := range out {
				out[i] = r.Get()
			}
			for i := range out {
				r.Put(out[i])
			}
		}
	}
	for range 5 {
		round(&q)()
	}
	require.Zero(t, testing.AllocsPerRun(100, round(&c)))
	require.Zero(t, testing.AllocsPerRun(100, round(&q)))
}

func TestKinds(t *testing.T) {
	var gotBuf []byte
	var gotOwner any
	k := Register("probe", func(buf []byte, owner any) { gotBuf, gotOwner = buf, owner })
	require.Equal(t, "probe", k.String())
	require.Equal(t, "object", Kind{}.String())
	k.Finish([]byte("bytes"), &gotOwner)
	require.Equal(t, "bytes", string(gotBuf))
	require.Same(t, &gotOwner, gotOwner)
	Kind{}.Finish(nil, nil) // nobody to tell
}

func TestIsPointer(t *testing.T) {
	x := 1
	require.True(t, IsPointer(&x))
	for _, v := range []any{nil, 1, (*int)(nil), []int{1}, map[int]int{}, "s", struct{}{}} {
		require.False(t, IsPointer(v), "%T", v)
	}
}

func BenchmarkGetPut(b *testing.B) {
	for name, c := range map[string]recycler{"work=cache": &Cache[record]{}, "work=queue": &Queue[record]{Hold: 64}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Put(c.Get())
			}
		})
	}
}
