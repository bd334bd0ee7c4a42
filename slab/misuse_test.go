package slab

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
)

// Every crime is found at once, named exactly, and leaves the allocator as
// it was: the counters and a recount agree before and after, and the victim
// can still be freed.
func TestAllocatorMisuse(t *testing.T) {
	src := openArena(t, arena.Config{})
	a, err := NewAllocator(src, AllocatorConfig{Name: "main"})
	require.NoError(t, err)
	other, err := NewAllocator(src, AllocatorConfig{Name: "other"})
	require.NoError(t, err)
	list, err := New(src, Config{Name: "rx", Size: 64, Tag: Tag{'r', 'x'}})
	require.NoError(t, err)
	stranger := newAllocator(t)
	var onStack [64]byte
	tagA, tagB := a.Tagged(Tag{'a', 'a', 'a', 'a'}), a.Tagged(Tag{'b', 'b', 'b', 'b'})

	type crime struct {
		name string
		do   func() (victim []byte, free func([]byte), commit func())
		kind Misuse
	}
	alloc := func(x interface{ Alloc(int) ([]byte, error) }, n int) []byte { return mustAlloc(t, x, n) }
	var crimes []crime
	for _, n := range []int{1, 8, 24, 64, 100, 1000, 4096, 5000, maxSmall, maxSmall + 1, 1 << 20} {
		n := n
		crimes = append(crimes,
			crime{fmt.Sprintf("double free/%d", n), func() ([]byte, func([]byte), func()) {
				b := alloc(a, n)
				a.Free(b)
				return nil, nil, func() { a.Free(b) }
			}, DoubleFree},
			crime{fmt.Sprintf("double free after reuse by another size/%d", n), func() ([]byte, func([]byte), func()) {
				b := alloc(a, n)
				a.Free(b)
				a.Trim()
				return nil, nil, func() { a.Free(b) }
			}, DoubleFree},
			crime{fmt.Sprintf("freed under a tag/%d", n), func() ([]byte, func([]byte), func()) {
				b := alloc(a, n)
				return b, a.Free, func() { tagA.Free(b) }
			}, WrongTag},
			crime{fmt.Sprintf("freed without its tag/%d", n), func() ([]byte, func([]byte), func()) {
				b := alloc(tagA, n)
				return b, tagA.Free, func() { a.Free(b) }
			}, WrongTag},
			crime{fmt.Sprintf("freed under another tag/%d", n), func() ([]byte, func([]byte), func()) {
				b := alloc(tagA, n)
				return b, tagA.Free, func() { tagB.Free(b) }
			}, WrongTag},
			crime{fmt.Sprintf("another allocator of the arena/%d", n), func() ([]byte, func([]byte), func()) {
				b := alloc(other, n)
				return b, other.Free, func() { a.Free(b) }
			}, WrongList},
			crime{fmt.Sprintf("another arena/%d", n), func() ([]byte, func([]byte), func()) {
				b := alloc(stranger, n)
				return b, stranger.Free, func() { a.Free(b) }
			}, Foreign},
		)
		if n > 1 {
			for _, at := range []int{1, n / 2, n - 1} {
				crimes = append(crimes, crime{fmt.Sprintf("inside a block/%d+%d", n, at), func() ([]byte, func([]byte), func()) {
					b := alloc(a, n)
					return b, a.Free, func() { a.Free(b[at:]) }
				}, Misaligned})
			}
		}
		crimes = append(crimes, crime{fmt.Sprintf("twice in a batch/%d", n), func() ([]byte, func([]byte), func()) {
			b, c := alloc(a, n), alloc(a, n)
			return b, func(b []byte) { a.FreeBatch([][]byte{b, c}) }, func() { a.FreeBatch([][]byte{c, b, nil, c}) }
		}, DoubleFree})
	}
	crimes = append(crimes,
		crime{"Go memory", func() ([]byte, func([]byte), func()) {
			return nil, nil, func() { a.Free(make([]byte, 64)) }
		}, Foreign},
		crime{"the stack", func() ([]byte, func([]byte), func()) {
			return nil, nil, func() { a.Free(onStack[:]) }
		}, Foreign},
		crime{"a block of a lookaside", func() ([]byte, func([]byte), func()) {
			b, err := list.Get()
			require.NoError(t, err)
			return b, list.Put, func() { a.Free(b) }
		}, WrongList},
		crime{"pages of the arena", func() ([]byte, func([]byte), func()) {
			run, err := src.Acquire(2)
			require.NoError(t, err)
			return run.Bytes(), func([]byte) { src.Release(run) }, func() { a.Free(run.Bytes()) }
		}, WrongList},
		crime{"inside the last page of a large block", func() ([]byte, func([]byte), func()) {
			b := alloc(a, 1<<20)
			return b, a.Free, func() { a.Free(b[1<<20-8:]) }
		}, Misaligned},
		crime{"realloc of a free block", func() ([]byte, func([]byte), func()) {
			b := alloc(a, 64)
			a.Free(b)
			return nil, nil, func() { _, _ = a.Realloc(b, 100) }
		}, DoubleFree},
	)
	for _, c := range crimes {
		t.Run(c.name, func(t *testing.T) {
			victim, free, commit := c.do()
			before, otherBefore := a.Stats(), other.Stats()
			e := misuse(t, commit)
			require.Equal(t, c.kind, e.Kind, "%v", e)
			require.NotZero(t, e.Addr)
			require.Equal(t, "main", e.List)
			require.Contains(t, e.Error(), c.kind.String())
			require.Equal(t, before.Live, a.Stats().Live)
			require.Equal(t, before.LiveBytes, a.Stats().LiveBytes)
			require.Equal(t, otherBefore.Live, other.Stats().Live)
			require.NoError(t, a.Audit())
			require.NoError(t, other.Audit())
			if victim != nil {
				free(victim)
			}
			require.NoError(t, a.Audit())
		})
	}
	require.NoError(t, list.Close())
	require.NoError(t, other.Close())
	require.NoError(t, a.Close())
}

func TestLookasideMisuse(t *testing.T) {
	for _, size := range []int{1, 16, 40, 100, 1000, 4096, 5000, 100_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			src := openArena(t, arena.Config{})
			tag := Tag{'r', 'x'}
			l, err := New(src, Config{Name: "rx", Size: size, Tag: tag})
			require.NoError(t, err)
			twin, err := New(src, Config{Name: "tx", Size: size})
			require.NoError(t, err)
			a, err := NewAllocator(src, AllocatorConfig{})
			require.NoError(t, err)
			b, err := l.Get()
			require.NoError(t, err)
			require.Len(t, b, size)
			require.Equal(t, size, cap(b))
			c, err := twin.Get()
			require.NoError(t, err)
			d := mustAlloc(t, a, size)

			check := func(kind Misuse, f func()) {
				t.Helper()
				e := misuse(t, f)
				require.Equal(t, kind, e.Kind)
				require.Equal(t, "rx", e.List)
				require.Equal(t, int64(1), l.Stats().Live)
				require.NoError(t, l.Audit())
			}
			check(WrongList, func() { l.Put(c) })
			check(WrongList, func() { l.Put(d) })
			check(Foreign, func() { l.Put(make([]byte, size)) })
			check(Foreign, func() { l.Put(nil) })
			if size > 1 {
				check(Misaligned, func() { l.Put(b[1:]) })
				check(Misaligned, func() { l.Put(b[size-1:]) })
			}
			check(DoubleFree, func() { l.PutBatch([][]byte{b, b}) })
			check(WrongList, func() { l.PutBatch([][]byte{b, c}) })
			l.Put(b[:0])
			require.Equal(t, DoubleFree, misuse(t, func() { l.Put(b) }).Kind)
			require.Equal(t, DoubleFree, misuse(t, func() { l.PutBatch([][]byte{b}) }).Kind)
			l.Trim()
			require.Equal(t, DoubleFree, misuse(t, func() { l.Put(b) }).Kind)
			require.NoError(t, l.Audit())
			require.Zero(t, l.Stats().Live)
			twin.Put(c)
			a.Free(d)
			require.NoError(t, l.Close())
			require.Equal(t, UseAfterClose, misuse(t, func() { l.Put(b) }).Kind)
		})
	}
}

func TestMisuseErrorText(t *testing.T) {
	e := &MisuseError{Op: "free", Kind: DoubleFree, List: "rx", Tag: Tag{'n', 'e', 't'}, Addr: 0x1000}
	require.Equal(t, `slab: free: double free: address 0x1000, list "rx", tag "net"`, e.Error())
	for k := Foreign; k <= UseAfterClose; k++ {
		require.NotContains(t, k.String(), "Misuse(")
	}
	require.Equal(t, "Misuse(0)", Misuse(0).String())
	require.Equal(t, "Misuse(99)", Misuse(99).String())
}

// A block that was never handed out is nobody's to free, even though its
// neighbours on the slab are out.
func TestFreeOfABlockNeverHandedOut(t *testing.T) {
	a := newAllocator(t)
	b := mustAlloc(t, a, 64)
	l := &a.classes[classFor(64)]
	whole := bytesAt(addrOf(b), int(l.blocks*l.stride), int(l.blocks*l.stride))
	e := misuse(t, func() { a.Free(whole[(l.blocks-1)*l.stride:]) })
	require.Equal(t, Foreign, e.Kind)
	require.NoError(t, a.Audit())
	a.Free(b)
}

// Blocks so large that their grains are not: no address inside one passes for
// its start, or for another one's.
func TestInteriorOfHugeBlocks(t *testing.T) {
	for size, n := range map[int]int{1 << 20: 300, 3 << 20: 40, MaxSize: 3} {
		l := newLookaside(t, Config{Size: size})
		var out [][]byte
		for range n {
			b, err := l.Get()
			require.NoError(t, err)
			out = append(out, b)
		}
		for _, b := range out {
			for _, at := range []int{1, 2, 3, 7, 8, 63, 64, 127, 4096, 1 << 16, size - 1} {
				require.Equal(t, Misaligned, misuse(t, func() { l.Put(b[at:]) }).Kind, "%d of %d", at, size)
			}
		}
		require.NoError(t, l.Audit())
		l.PutBatch(out)
		require.NoError(t, l.Close())
	}
}

// Two goroutines that free a block in the same instant leave two references
// to it. They are dropped wherever they turn up.
func TestBlockParkedTwice(t *testing.T) {
	a := newAllocator(t)
	for _, n := range []int{64, 32768} {
		l := &a.classes[classFor(n)]
		x, y := mustAlloc(t, a, n), mustAlloc(t, a, n)
		var refs []ref
		for _, b := range [][]byte{x, y} {
			in, bad := a.tame("free", addrOf(b), stLive)
			require.Nil(t, bad)
			in.park()
			refs = append(refs, in.r)
		}
		l.mu.Lock()
		l.putBack([]ref{refs[0], refs[1], refs[0]})
		l.mu.Unlock()
		c := mustAlloc(t, a, n)
		a.Free(c)
		a.Trim()
	}
}
