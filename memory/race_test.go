package memory_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// Goroutines that copy through a handle while others delete the object and
// make new ones: a copy either reaches the object that the handle names or
// fails with ErrDeleted, and never touches another's bytes.
func TestStaleHandlesNeverReachTheNextObject(t *testing.T) {
	b := open(t)
	rounds := 3000
	if testing.Short() || race.Enabled {
		rounds = 300
	}
	for round := range rounds {
		m, err := memory.FromLookaside(b.list)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				got := make([]byte, listSize)
				for range 4 {
					err := m.CopyOut(0, got)
					if err != nil && !errors.Is(err, object.ErrDeleted) {
						t.Error(err)
					}
					for i := range got {
						if err == nil && got[i] != 0 {
							t.Errorf("round %d: byte %d is another object's", round, i)
							return
						}
					}
				}
			})
		}
		wg.Go(func() {
			if err := m.Delete(); err != nil {
				t.Error(err)
			}
			next, err := memory.FromLookaside(b.list)
			if err != nil {
				t.Error(err)
				return
			}
			fill(next.Bytes(), 0xFF)
			if err := next.Delete(); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
	}
	require.Zero(t, b.live())
}

// Assign against readers: everybody sees one of the two buffers, whole.
func TestAssignAgainstReaders(t *testing.T) {
	const size = 64
	two := [2][]byte{make([]byte, size), make([]byte, size)}
	fill(two[1], 1)
	m, err := memory.Wrap(two[0])
	require.NoError(t, err)
	n := 20_000
	if testing.Short() || race.Enabled {
		n = 2_000
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			got := make([]byte, size)
			for range n {
				if err := m.CopyOut(0, got); err != nil {
					t.Error(err)
				}
				for i := range got {
					if got[i] != got[0] {
						t.Error("two buffers at once")
						return
					}
				}
			}
		})
	}
	wg.Go(func() {
		for i := range n {
			if err := m.Assign(two[i%2]); err != nil && !errors.Is(err, memory.ErrInUse) {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	require.Equal(t, 1, m.Refs())
	require.NoError(t, m.Delete())
}

func TestNoAllocationsInSteadyState(t *testing.T) {
	if race.Enabled {
		t.Skip("race builds allocate")
	}
	b := open(t)
	parent, err := object.New(object.Config{})
	require.NoError(t, err)
	mine, wrapped, buf := &session{}, make([]byte, 100), make([]byte, 50)
	hook := func(object.Object) {}
	tag := slab.Tag{'z', 'e', 'r', 'o'}
	for name, mk := range map[string]func() (memory.Object, error){
		"New":           func() (memory.Object, error) { return memory.New(b.alloc, 100) },
		"New page":      func() (memory.Object, error) { return memory.New(b.alloc, 8192) },
		"FromLookaside": func() (memory.Object, error) { return memory.FromLookaside(b.list) },
		"Wrap":          func() (memory.Object, error) { return memory.Wrap(wrapped) },
		"options": func() (memory.Object, error) {
			return memory.New(b.alloc, 100, memory.WithParent(parent), memory.WithContext(mine), memory.WithTag(tag),
				memory.WithCleanup(hook), memory.WithDestroy(hook), memory.Uninitialized())
		},
	} {
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			m, err := mk()
			if err != nil || m.CopyIn(10, buf) != nil || m.CopyOut(20, buf) != nil || m.Len() < 100 || m.Delete() != nil {
				t.Fatal("failed")
			}
			if m.Bytes() != nil {
				t.Fatal("stale handle gives bytes")
			}
		}), name)
	}
	require.NoError(t, parent.Delete())
}

func BenchmarkCreateDelete(b *testing.B) {
	bed := open(b)
	parent, err := object.New(object.Config{})
	require.NoError(b, err)
	mine := &session{}
	hook := func(object.Object) {}
	plain, err := slab.New(bed.arena, slab.Config{Name: "plain", Size: listSize})
	require.NoError(b, err)
	defer func() { require.NoError(b, plain.Close()) }()
	b.Run("work=getput", func(b *testing.B) {
		for b.Loop() {
			buf, _ := plain.Get()
			plain.Put(buf)
		}
	})
	b.Run("work=lookaside", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, _ := memory.FromLookaside(plain)
			_ = m.Delete()
		}
	})
	b.Run("work=lookaside+options", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, _ := memory.FromLookaside(plain, memory.WithParent(parent), memory.WithContext(mine),
				memory.WithCleanup(hook), memory.WithDestroy(hook))
			_ = m.Delete()
		}
	})
	b.Run("work=new256", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, _ := memory.New(bed.alloc, listSize)
			_ = m.Delete()
		}
	})
}

func BenchmarkCopyIn(b *testing.B) {
	bed := open(b)
	m := bed.create(b, 4096)
	src := make([]byte, 64)
	b.Run("work=64B", func(b *testing.B) {
		for b.Loop() {
			_ = m.CopyIn(128, src)
		}
	})
	require.NoError(b, m.Delete())
}
