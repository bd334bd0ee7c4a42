package memory_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// bed is what memory objects are made from. When the test ends every block
// must be back.
type bed struct {
	arena *arena.Arena
	alloc *slab.Allocator
	list  *slab.Lookaside
}

const listSize = 256

func open(t testing.TB) *bed {
	t.Helper()
	src, err := arena.Open(arena.Config{})
	require.NoError(t, err)
	a, err := slab.NewAllocator(src, slab.AllocatorConfig{Name: "alloc"})
	require.NoError(t, err)
	l, err := slab.New(src, slab.Config{Name: "list", Size: listSize, Zero: true})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		require.NoError(t, a.Close())
		require.NoError(t, src.Close())
	})
	return &bed{src, a, l}
}

func (b *bed) live() int64 { return b.alloc.Stats().Live + b.list.Stats().Live }

// create makes an object that must be possible.
func (b *bed) create(t testing.TB, n int, opts ...memory.Option) memory.Object {
	t.Helper()
	m, err := memory.New(b.alloc, n, opts...)
	require.NoError(t, err)
	return m
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

func TestHandlesAreSmallAndComparable(t *testing.T) {
	require.LessOrEqual(t, reflect.TypeFor[memory.Object]().Size(), uintptr(16))
	b := open(t)
	x, y := b.create(t, 1), b.create(t, 1)
	copied := x
	require.True(t, copied == x)
	require.False(t, x == y)
	require.NoError(t, copied.Delete())
	require.NoError(t, y.Delete())
	require.Nil(t, x.Bytes())
}

func TestNewIsZeroedAndAligned(t *testing.T) {
	b := open(t)
	page := align.PageSize()
	sizes := []int{1, 7, 8, 9, 15, 16, 17, 24, 40, 56, 100, 1000, page - 1, page, page + 1, 3*page + 5, 40 * page, 1<<20 + 1}
	for range 3 { // the second time the blocks have been dirty
		for _, n := range sizes {
			m := b.create(t, n)
			buf := m.Bytes()
			require.Len(t, buf, n)
			require.Equal(t, n, cap(buf))
			require.Equal(t, n, m.Len())
			for i := range buf {
				if buf[i] != 0 {
					t.Fatalf("byte %d of %d is %#x", i, n, buf[i])
				}
			}
			to := uintptr(16)
			if n >= page {
				to = uintptr(page)
			}
			require.Zero(t, reflect.ValueOf(buf).Pointer()%to, "%d bytes", n)
			fill(buf, 0xEE)
			require.NoError(t, m.Delete())
		}
	}
	require.Zero(t, b.live())
}

// Blocks of lists are as aligned as those of an allocator.
func TestFromLookasideIsAligned(t *testing.T) {
	src, err := arena.Open(arena.Config{})
	require.NoError(t, err)
	page := align.PageSize()
	for _, n := range []int{1, 8, 17, 24, 100, 1000, page - 1, page, page + 1, 3 * page} {
		l, err := slab.New(src, slab.Config{Size: n})
		require.NoError(t, err)
		to := uintptr(16)
		if n >= page {
			to = uintptr(page)
		}
		var all []memory.Object
		for range 20 {
			m, err := memory.FromLookaside(l)
			require.NoError(t, err)
			require.Zero(t, reflect.ValueOf(m.Bytes()).Pointer()%to, "%d bytes", n)
			all = append(all, m)
		}
		for _, m := range all {
			require.NoError(t, m.Delete())
		}
		require.NoError(t, l.Close())
	}
	require.NoError(t, src.Close())
}

func TestNewRefuses(t *testing.T) {
	b := open(t)
	for _, n := range []int{0, -1, math.MinInt} {
		_, err := memory.New(b.alloc, n)
		require.ErrorIs(t, err, memory.ErrInvalid)
	}
	_, err := memory.New(nil, 10)
	require.ErrorIs(t, err, memory.ErrInvalid)
	_, err = memory.FromLookaside(nil)
	require.ErrorIs(t, err, memory.ErrInvalid)
	for _, empty := range [][]byte{nil, {}} {
		_, err = memory.Wrap(empty)
		require.ErrorIs(t, err, memory.ErrInvalid)
	}
	_, err = memory.New(b.alloc, math.MaxInt)
	require.Error(t, err)
	require.Zero(t, b.live())
}

func TestNoMemoryIsAnErrorAndPasses(t *testing.T) {
	src, err := arena.Open(arena.Config{Limit: 1 << 20})
	require.NoError(t, err)
	a, err := slab.NewAllocator(src, slab.AllocatorConfig{})
	require.NoError(t, err)
	var all []memory.Object
	for {
		m, err := memory.New(a, 64<<10)
		if err != nil {
			require.ErrorIs(t, err, slab.ErrNoMemory)
			require.ErrorContains(t, err, "memory: new: ")
			break
		}
		all = append(all, m)
		require.Less(t, len(all), 100)
	}
	require.NotEmpty(t, all)
	for _, m := range all {
		require.NoError(t, m.CopyIn(0, []byte{1}))
		require.NoError(t, m.Delete())
	}
	m, err := memory.New(a, 64<<10)
	require.NoError(t, err)
	require.NoError(t, m.Delete())
	require.NoError(t, a.Close())
	_, err = memory.New(a, 10)
	require.ErrorIs(t, err, slab.ErrClosed)
	require.NoError(t, src.Close())
}

func TestFromLookaside(t *testing.T) {
	b := open(t)
	m, err := memory.FromLookaside(b.list)
	require.NoError(t, err)
	require.Equal(t, listSize, m.Len())
	require.EqualValues(t, 1, b.list.Stats().Live)
	require.Equal(t, "memory", m.Kind())
	require.NoError(t, m.Ref())
	require.NoError(t, m.Delete())
	require.EqualValues(t, 1, b.list.Stats().Live, "the block counts until the last reference is gone")
	require.NoError(t, m.CopyIn(0, []byte("still here")))
	m.Unref()
	require.Zero(t, b.list.Stats().Live)
	require.ErrorIs(t, m.CopyIn(0, []byte("gone")), object.ErrDeleted)
}

// The list may be closed before the last of its objects is gone, the
// allocator too.
func TestOwnerClosedFirst(t *testing.T) {
	src, err := arena.Open(arena.Config{})
	require.NoError(t, err)
	l, err := slab.New(src, slab.Config{Name: "list", Size: 100})
	require.NoError(t, err)
	a, err := slab.NewAllocator(src, slab.AllocatorConfig{Name: "alloc"})
	require.NoError(t, err)
	fromList, err := memory.FromLookaside(l)
	require.NoError(t, err)
	small, err := memory.New(a, 100)
	require.NoError(t, err)
	tagged, err := memory.New(a, 100, memory.WithTag(slab.Tag{'t', 'e', 's', 't'}))
	require.NoError(t, err)
	large, err := memory.New(a, 8<<20)
	require.NoError(t, err)
	all := []memory.Object{fromList, small, tagged, large}

	var leak *slab.LeakError
	require.ErrorAs(t, l.Close(), &leak)
	require.EqualValues(t, 1, leak.Blocks)
	require.ErrorAs(t, a.Close(), &leak)
	require.EqualValues(t, 3, leak.Blocks)
	_, err = memory.FromLookaside(l)
	require.ErrorIs(t, err, slab.ErrClosed)
	for _, m := range all {
		got := make([]byte, 4)
		require.NoError(t, m.CopyIn(96, []byte("late")))
		require.NoError(t, m.CopyOut(96, got))
		require.Equal(t, "late", string(got))
		require.NoError(t, m.Delete())
		require.False(t, m.Valid())
	}
	require.NoError(t, src.Close())
}

func TestWrapLeavesTheBytesAlone(t *testing.T) {
	mine := make([]byte, 10, 20)
	m, err := memory.Wrap(mine)
	require.NoError(t, err)
	require.True(t, m.IsWrapped())
	require.NoError(t, m.CopyIn(2, []byte("abc")))
	require.Equal(t, "abc", string(mine[2:5]))
	require.Equal(t, 10, cap(m.Bytes()), "not a byte beyond what was given")
	require.NoError(t, m.Delete())
	require.Equal(t, "abc", string(mine[2:5]))
}

func TestAssign(t *testing.T) {
	b := open(t)
	first, second := []byte("first"), []byte("second buffer")
	m, err := memory.Wrap(first)
	require.NoError(t, err)
	require.NoError(t, m.Assign(second))
	require.Equal(t, len(second), m.Len())
	require.Equal(t, "first", string(first))

	require.ErrorIs(t, m.Assign(nil), memory.ErrInvalid)
	require.ErrorIs(t, m.Assign([]byte{}), memory.ErrInvalid)
	require.NoError(t, m.Ref())
	err = m.Assign(first)
	require.ErrorIs(t, err, memory.ErrInUse)
	require.EqualError(t, err, "memory: assign: 1 references besides the first: memory is in use")
	require.Equal(t, string(second), string(m.Bytes()))
	m.Unref()
	require.NoError(t, m.Assign(first))
	require.Equal(t, "first", string(m.Bytes()))
	require.NoError(t, m.Ref())
	require.NoError(t, m.Delete())
	require.ErrorIs(t, m.Assign(second), object.ErrDeleted, "deleted, though referenced")
	m.Unref()
	require.ErrorIs(t, m.Assign(second), object.ErrDeleted)
	require.ErrorIs(t, m.Assign(nil), object.ErrDeleted, "stale comes first")

	for _, opts := range [][]memory.Option{nil, {memory.ReadOnly()}} {
		own := b.create(t, 10, opts...)
		require.ErrorIs(t, own.Assign(first), memory.ErrNotWrapped)
		require.Equal(t, 10, own.Len())
		require.NoError(t, own.Delete())
	}
	require.ErrorIs(t, memory.Object{}.Assign(first), memory.ErrInvalid)
}

// Objects that are no memory objects do not become one by being called so.
func TestNotAMemoryObject(t *testing.T) {
	o, err := object.New(object.Config{})
	require.NoError(t, err)
	m := memory.Object{Object: o}
	require.Nil(t, m.Bytes())
	require.Zero(t, m.Len())
	require.False(t, m.IsReadOnly())
	require.ErrorIs(t, m.CopyIn(0, []byte{1}), memory.ErrInvalid)
	require.ErrorIs(t, m.CopyOut(0, []byte{1}), memory.ErrInvalid)
	require.ErrorIs(t, m.Assign([]byte{1}), memory.ErrInvalid)
	_, ok := memory.From(o)
	require.False(t, ok)
	require.Equal(t, 1, o.Refs())
	require.NoError(t, o.Delete())
	_, ok = memory.From(o)
	require.False(t, ok)
	_, ok = memory.From(object.Object{})
	require.False(t, ok)
}

func TestStaleAndZeroHandles(t *testing.T) {
	b := open(t)
	gone := b.create(t, 64)
	require.NoError(t, gone.Delete())
	again := b.create(t, 64) // perhaps the same slot, perhaps the same block
	fill(again.Bytes(), 0xAA)
	for _, c := range []struct {
		m    memory.Object
		want error
	}{{gone, object.ErrDeleted}, {memory.Object{}, memory.ErrInvalid}} {
		dst := []byte{1, 2, 3}
		require.ErrorIs(t, c.m.CopyIn(0, dst), c.want)
		require.ErrorIs(t, c.m.CopyIn(0, nil), c.want, "stale comes first")
		require.ErrorIs(t, c.m.CopyIn(-1, dst), c.want)
		require.ErrorIs(t, c.m.CopyOut(0, dst), c.want)
		require.ErrorIs(t, c.m.CopyOut(99, nil), c.want)
		_, err := c.m.ReaderAt().ReadAt(dst, 0)
		require.ErrorIs(t, err, c.want)
		_, err = c.m.WriterAt().WriteAt(dst, 0)
		require.ErrorIs(t, err, c.want)
		require.ErrorIs(t, c.m.Ref(), c.want)
		require.ErrorIs(t, c.m.Delete(), c.want)
		_, _, err = c.m.Hold()
		require.ErrorIs(t, err, c.want)
		require.Nil(t, c.m.Bytes())
		require.Zero(t, c.m.Len())
		require.False(t, c.m.IsWrapped())
		require.Equal(t, []byte{1, 2, 3}, dst)
	}
	for _, v := range again.Bytes() {
		require.EqualValues(t, 0xAA, v)
	}
	require.NoError(t, again.Delete())
}

// Hold is the way to work on bytes that somebody else may delete.
func TestHold(t *testing.T) {
	b := open(t)
	for _, opts := range [][]memory.Option{nil, {memory.ReadOnly()}} {
		m := b.create(t, 10, opts...)
		buf, readOnly, err := m.Hold()
		require.NoError(t, err)
		require.Equal(t, len(opts) == 1, readOnly)
		require.NoError(t, m.Delete())
		require.Equal(t, make([]byte, 10), buf)
		require.EqualValues(t, 1, b.live())
		m.Unref()
		require.Zero(t, b.live())
	}
}
