package slab

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
)

// fillBlock writes a pattern derived from key over all of b's capacity.
func fillBlock(b []byte, key uint64) {
	b = b[:cap(b)]
	for i := 0; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], key+uint64(i)*0x9E3779B97F4A7C15)
	}
}

func checkBlock(b []byte, key uint64) bool {
	b = b[:cap(b)]
	for i := 0; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:]) != key+uint64(i)*0x9E3779B97F4A7C15 {
			return false
		}
	}
	return true
}

type parcel struct {
	b   []byte
	key uint64
}

// Goroutines allocate, free and hand blocks to each other while GOMAXPROCS
// changes and others trim, tune and read the statistics. No block may be
// handed out twice or lose its contents, and at the end a recount agrees
// with the counters.
func TestStressAllocator(t *testing.T) {
	a := newAllocator(t)
	tags := []*Tagged{a.Tagged(Tag{'o', 'n', 'e'}), a.Tagged(Tag{'t', 'w', 'o'})}
	ops := 60_000
	if testing.Short() || raceEnabled {
		ops = 6_000
	}
	const workers = 8
	exchange := make(chan parcel, 256)
	var torn, done atomic.Int64
	var wg sync.WaitGroup
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer done.Add(1)
			rnd := rand.New(rand.NewPCG(seed, uint64(w)))
			local := a.NewLocal()
			defer local.Close()
			var mine []parcel
			free := func(p parcel) {
				if !checkBlock(p.b, p.key) {
					torn.Add(1)
				}
				switch p.key % 8 {
				case 0, 1:
					tags[p.key%8].Free(p.b)
				case 2:
					local.Free(p.b)
				default:
					a.Free(p.b)
				}
			}
			for range ops {
				switch r := rnd.IntN(16); {
				case r < 8 && len(mine) < 500:
					n := 1 + rnd.IntN(1<<(3+rnd.IntN(12)))
					if rnd.IntN(1000) == 0 {
						n = maxSmall + rnd.IntN(200_000)
					}
					key := rnd.Uint64()
					var b []byte
					var err error
					switch key % 8 {
					case 0, 1:
						b, err = tags[key%8].Alloc(n)
					case 2, 3:
						b, err = local.Alloc(n)
					default:
						b, err = a.Alloc(n)
					}
					if err != nil {
						t.Error(err)
						return
					}
					fillBlock(b, key)
					mine = append(mine, parcel{b, key})
				case r < 11 && len(mine) > 0:
					i := rnd.IntN(len(mine))
					free(mine[i])
					mine[i] = mine[len(mine)-1]
					mine = mine[:len(mine)-1]
				case r == 11 && len(mine) > 0:
					select {
					case exchange <- mine[len(mine)-1]:
						mine = mine[:len(mine)-1]
					default:
					}
				case r == 12:
					select {
					case p := <-exchange:
						mine = append(mine, p)
					default:
					}
				case r == 13:
					batch := make([][]byte, 1+rnd.IntN(100))
					n, err := a.AllocBatch(batch, 1+rnd.IntN(300))
					if err != nil || n != len(batch) {
						t.Error(n, err)
						return
					}
					a.FreeBatch(batch)
				case r == 14 && len(mine) > 0:
					i := rnd.IntN(len(mine))
					if p := mine[i]; p.key%8 > 2 {
						if !checkBlock(p.b, p.key) {
							torn.Add(1)
						}
						b, err := a.Realloc(p.b, 1+rnd.IntN(3000))
						if err != nil {
							t.Error(err)
							return
						}
						fillBlock(b, p.key)
						mine[i].b = b
					}
				}
			}
			for _, p := range mine {
				free(p)
			}
		}()
	}
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for i := 0; done.Load() < workers; i++ {
		runtime.GOMAXPROCS(1 + i%8)
		switch i % 4 {
		case 0:
			a.Trim()
		case 1:
			a.Tune(time.Now())
		case 2:
			s := a.Stats()
			_ = s.HitRate()
		}
		time.Sleep(time.Millisecond)
	}
	wg.Wait()
	close(exchange)
	for p := range exchange {
		require.True(t, checkBlock(p.b, p.key))
		switch p.key % 8 {
		case 0, 1:
			tags[p.key%8].Free(p.b)
		default:
			a.Free(p.b)
		}
	}
	require.Zero(t, torn.Load(), "blocks that lost their contents")
	require.NoError(t, a.Audit())
	s := a.Stats()
	require.Zero(t, s.Live)
	require.Zero(t, s.LiveBytes)
	require.Equal(t, s.Gets, s.Puts)
	for _, tag := range s.Tags {
		require.Zero(t, tag.Live)
		require.Zero(t, tag.LiveBytes)
	}
	require.NoError(t, a.Close())
}

// The same for one lookaside, with a count of how often each block is out.
func TestStressLookaside(t *testing.T) {
	l := newLookaside(t, Config{Name: "stress", Size: 48, Depth: Depth{Min: 2, Max: 32}})
	ops := 300_000
	if testing.Short() || raceEnabled {
		ops = 20_000
	}
	const workers = 6
	ring := make(chan []byte, 1000)
	var wg sync.WaitGroup
	var done, twice atomic.Int64
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer done.Add(1)
			rnd := rand.New(rand.NewPCG(7, uint64(w)))
			put := func(b []byte) {
				if b[0] != 1 {
					twice.Add(1)
				}
				b[0] = 0
				l.Put(b)
			}
			for range ops {
				b, err := l.Get()
				if err != nil {
					t.Error(err)
					return
				}
				b[0] = 1
				if rnd.IntN(2) == 0 {
					put(b)
					continue
				}
				select {
				case ring <- b:
				default:
					put(b)
					select {
					case b := <-ring:
						put(b)
					default:
					}
				}
			}
		}()
	}
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for i := 0; done.Load() < workers; i++ {
		runtime.GOMAXPROCS(1 + i%5)
		if i%3 == 0 {
			l.Trim()
		}
		l.Tune(time.Now())
		time.Sleep(500 * time.Microsecond)
	}
	wg.Wait()
	close(ring)
	for b := range ring {
		l.Put(b)
	}
	require.Zero(t, twice.Load(), "blocks that two held at once")
	require.NoError(t, l.Audit())
	require.Zero(t, l.Stats().Live)
	require.NoError(t, l.Close())
}

// Close while others get and put: everybody gets ErrClosed or UseAfterClose,
// nobody faults, and the arena can be closed.
func TestCloseUnderLoad(t *testing.T) {
	for _, arenaFirst := range []bool{false, true} {
		for range 10 {
			src, err := arena.Open(arena.Config{})
			require.NoError(t, err)
			a, err := NewAllocator(src, AllocatorConfig{})
			require.NoError(t, err)
			var wg sync.WaitGroup
			for range 4 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for {
						b, err := a.Alloc(100)
						if err != nil {
							if !isClosed(err) {
								t.Error(err)
							}
							return
						}
						if closed := freeOrClosed(t, a, b); closed {
							return
						}
					}
				}()
			}
			time.Sleep(time.Millisecond)
			if arenaFirst {
				require.NoError(t, src.Close())
			}
			_ = a.Close()
			wg.Wait()
			_, err = a.Alloc(1)
			require.ErrorIs(t, err, ErrClosed)
			require.NoError(t, src.Close())
		}
	}
}
