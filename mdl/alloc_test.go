package mdl_test

import (
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// discard is a writer that is no connection.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestNoAllocationsInSteadyState(t *testing.T) {
	if race.Enabled {
		t.Skip("race builds allocate")
	}
	m := wrap(t, "0123456789")
	buf := make([]byte, 7)
	room := make([]mdl.Iovec, 0, 64)
	for _, segments := range []int{1, 16, 64} {
		round := func() {
			l, err := mdl.Of(m)
			if err != nil {
				t.Fatal(err)
			}
			for range segments - 1 {
				if err := l.Append(m, 2, 5); err != nil {
					t.Fatal(err)
				}
			}
			n := 0
			for p := range l.All() {
				n += len(p)
			}
			if n != l.Len() || len(l.Iovecs(room)) != segments || l.Borrowed() {
				t.Fatal("wrong list")
			}
			if l.CopyIn(1, buf) != nil || l.CopyOut(2, buf) != nil || l.Advance(3) != nil {
				t.Fatal("failed")
			}
			if _, err := l.WriteTo(discard{}); err != nil {
				t.Fatal(err)
			}
			l.Release()
			d, _ := mdl.Describe(buf)
			d.Release()
		}
		for range 5000 { // past the time that released lists wait
			round()
		}
		require.Zero(t, testing.AllocsPerRun(1000, round), "%d segments", segments)
	}
	require.NoError(t, m.Delete())
}

func TestNoAllocationsOnConnections(t *testing.T) {
	if race.Enabled {
		t.Skip("race builds allocate")
	}
	for network, pair := range pairs(t) {
		go func() { _, _ = io.Copy(io.Discard, pair[1]) }()
		l, all := listOf(t, "abc", "def", "ghi")
		require.Zero(t, testing.AllocsPerRun(200, func() {
			if _, err := l.WriteTo(pair[0]); err != nil {
				t.Fatal(err)
			}
		}), network)
		l.Release()
		deleteAll(t, all)
	}
}

// Lists of many goroutines share their objects, and only those.
func TestListsShareObjects(t *testing.T) {
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	objects := []memory.Object{wrap(t, "abc"), wrap(t, "defgh", memory.ReadOnly())}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got := make([]byte, 8)
			for range rounds {
				l, err := mdl.Of(objects[0])
				if err != nil {
					t.Error(err)
					return
				}
				if err := l.Append(objects[1], 0, 5); err != nil {
					t.Error(err)
				}
				if err := l.CopyOut(0, got); err != nil || string(got) != "abcdefgh" {
					t.Errorf("%q, %v", got, err)
				}
				l.Release()
			}
		})
	}
	wg.Wait()
	deleteAll(t, objects)
}

func BenchmarkList(b *testing.B) {
	m := wrap(b, "0123456789")
	for name, segments := range map[string]int{"work=build/segments=1": 1, "work=build/segments=16": 16} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l := mdl.New()
				for range segments {
					_ = l.Append(m, 2, 5)
				}
				l.Release()
			}
		})
	}
	require.NoError(b, m.Delete())
}
