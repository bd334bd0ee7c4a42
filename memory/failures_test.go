package memory_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

// world is what operations that fail must leave alone.
type world struct {
	*bed
	parent   object.Object
	own      memory.Object // from the allocator
	wrapped  memory.Object
	readOnly memory.Object
	held     memory.Object // wrapped, with a second reference
	closing  memory.Object // deleted, kept by a reference
	gone     memory.Object
	ran      int // callbacks of objects that were never made
}

func newWorld(t *testing.T) *world {
	w := &world{bed: open(t)}
	var err error
	w.parent, err = object.New(object.Config{})
	require.NoError(t, err)
	w.own = w.create(t, 64)
	w.readOnly = w.create(t, 64, memory.ReadOnly())
	w.wrapped, err = memory.Wrap([]byte("wrapped bytes"))
	require.NoError(t, err)
	w.held, err = memory.Wrap([]byte("held bytes"))
	require.NoError(t, err)
	require.NoError(t, w.held.Ref())
	w.closing = w.create(t, 64)
	require.NoError(t, w.closing.Ref())
	require.NoError(t, w.closing.Delete())
	w.gone = w.create(t, 64)
	require.NoError(t, w.gone.Delete())
	return w
}

func (w *world) end(t *testing.T) {
	for _, m := range []memory.Object{w.own, w.readOnly, w.wrapped, w.held} {
		require.NoError(t, m.Delete())
	}
	w.held.Unref()
	w.closing.Unref()
	require.NoError(t, w.parent.Delete())
	require.Zero(t, w.live())
	require.Zero(t, w.ran, "callbacks of what was never made")
}

// seen is everything about the world that can be counted.
func (w *world) seen() (s struct {
	live  int64
	refs  []int
	state []object.State
	bytes []string
}) {
	s.live = w.live()
	for _, m := range []memory.Object{w.own, w.wrapped, w.readOnly, w.held, w.closing, w.gone} {
		s.refs = append(s.refs, m.Refs())
		s.state = append(s.state, m.State())
		s.bytes = append(s.bytes, string(m.Bytes()))
	}
	s.refs = append(s.refs, w.parent.Refs())
	return s
}

// hook is a callback that must not run.
func (w *world) hook(object.Object) { w.ran++ }

// adorned are options whose callbacks show a create that should have failed.
func (w *world) adorned(more ...memory.Option) []memory.Option {
	return append([]memory.Option{memory.WithCleanup(w.hook), memory.WithDestroy(w.hook), memory.WithContext(new(int))}, more...)
}

func second[T any](_ T, err error) error { return err }

// The failure columns of the contract's tables of memory objects and
// lookasides. What does not map to Go is listed in the package comment.
var failures = []struct {
	name string
	want error
	try  func(w *world) error
}{
	// WdfMemoryCreate
	{"create: size 0: INVALID_PARAMETER", memory.ErrInvalid, func(w *world) error { return second(memory.New(w.alloc, 0, w.adorned()...)) }},
	{"create: size below 0", memory.ErrInvalid, func(w *world) error { return second(memory.New(w.alloc, -1, w.adorned()...)) }},
	{"create: no allocator", memory.ErrInvalid, func(w *world) error { return second(memory.New(nil, 8, w.adorned()...)) }},
	{"create: size comes before attributes", memory.ErrInvalid, func(w *world) error {
		return second(memory.New(w.alloc, 0, memory.WithParent(w.gone.Object)))
	}},
	{"create: attributes: context is no pointer", memory.ErrInvalid, func(w *world) error {
		return second(memory.New(w.alloc, 8, w.adorned(memory.WithContext(7))...))
	}},
	{"create: attributes: no parent", memory.ErrInvalid, func(w *world) error {
		return second(memory.New(w.alloc, 8, w.adorned(memory.WithParent(object.Object{}))...))
	}},
	{"create: a second parent: PARENT_ALREADY_ASSIGNED", object.ErrParent, func(w *world) error {
		return second(memory.New(w.alloc, 8, w.adorned(memory.WithParent(w.parent), memory.WithParent(w.own.Object))...))
	}},
	{"create: more than there can be: INSUFFICIENT_RESOURCES", slab.ErrNoMemory, func(w *world) error {
		src, err := arena.Open(arena.Config{Limit: 1 << 20})
		if err != nil {
			return err
		}
		defer src.Close()
		a, err := slab.NewAllocator(src, slab.AllocatorConfig{})
		if err != nil {
			return err
		}
		return second(memory.New(a, 2<<20, w.adorned(memory.WithParent(w.parent))...))
	}},
	{"create: parent is deleted: DELETE_PENDING", object.ErrDeleted, func(w *world) error {
		return second(memory.New(w.alloc, 8, w.adorned(memory.WithParent(w.closing.Object))...))
	}},
	{"create: parent is gone", object.ErrDeleted, func(w *world) error {
		return second(memory.New(w.alloc, 8, w.adorned(memory.WithParent(w.gone.Object))...))
	}},

	// WdfMemoryCreatePreallocated
	{"wrap: size 0: INVALID_PARAMETER", memory.ErrInvalid, func(w *world) error { return second(memory.Wrap([]byte{}, w.adorned()...)) }},
	{"wrap: no buffer", memory.ErrInvalid, func(w *world) error { return second(memory.Wrap(nil, w.adorned()...)) }},
	{"wrap: attributes", memory.ErrInvalid, func(w *world) error {
		return second(memory.Wrap([]byte{1}, w.adorned(memory.WithContext((*int)(nil)))...))
	}},
	{"wrap: parent is deleted: DELETE_PENDING", object.ErrDeleted, func(w *world) error {
		return second(memory.Wrap([]byte{1}, w.adorned(memory.WithParent(w.closing.Object))...))
	}},

	// WdfMemoryAssignBuffer
	{"assign: size 0: INVALID_PARAMETER", memory.ErrInvalid, func(w *world) error { return w.wrapped.Assign(nil) }},
	{"assign: wrong kind of memory: code 5", memory.ErrNotWrapped, func(w *world) error { return w.own.Assign([]byte{1}) }},
	{"assign: kind comes before size", memory.ErrNotWrapped, func(w *world) error { return w.own.Assign(nil) }},
	{"assign: stale handle: code 5", object.ErrDeleted, func(w *world) error { return w.gone.Assign([]byte{1}) }},
	{"assign: no handle: code 5", memory.ErrInvalid, func(w *world) error { return memory.Object{}.Assign([]byte{1}) }},
	{"assign: somebody holds it", memory.ErrInUse, func(w *world) error { return w.held.Assign([]byte{1}) }},

	// WdfMemoryCreateFromLookaside
	{"from lookaside: no list: code 5", memory.ErrInvalid, func(w *world) error { return second(memory.FromLookaside(nil, w.adorned()...)) }},
	{"from lookaside: parent is deleted: DELETE_PENDING", object.ErrDeleted, func(w *world) error {
		return second(memory.FromLookaside(w.list, w.adorned(memory.WithParent(w.closing.Object))...))
	}},
	{"from lookaside: a tag, which is the list's", memory.ErrInvalid, func(w *world) error {
		return second(memory.FromLookaside(w.list, w.adorned(memory.WithTag(slab.Tag{'a'}))...))
	}},

	// WdfMemoryCopyToBuffer
	{"copy out: nothing: INVALID_PARAMETER", memory.ErrInvalid, func(w *world) error { return w.own.CopyOut(0, nil) }},
	{"copy out: offset at the end: BUFFER_TOO_SMALL", memory.ErrBufferTooSmall, func(w *world) error { return w.own.CopyOut(64, make([]byte, 1)) }},
	{"copy out: too long", memory.ErrBufferTooSmall, func(w *world) error { return w.own.CopyOut(0, make([]byte, 65)) }},
	{"copy out: offset that overflows", memory.ErrBufferTooSmall, func(w *world) error { return w.own.CopyOut(math.MaxInt, make([]byte, 64)) }},
	{"copy out: offset below 0", memory.ErrBufferTooSmall, func(w *world) error { return w.own.CopyOut(-1, make([]byte, 1)) }},
	{"copy out: stale handle: code 5", object.ErrDeleted, func(w *world) error { return w.gone.CopyOut(0, make([]byte, 1)) }},
	{"copy out: no handle: code 5", memory.ErrInvalid, func(w *world) error { return memory.Object{}.CopyOut(0, make([]byte, 1)) }},

	// WdfMemoryCopyFromBuffer
	{"copy in: nothing: INVALID_PARAMETER", memory.ErrInvalid, func(w *world) error { return w.own.CopyIn(0, nil) }},
	{"copy in: read-only: ACCESS_VIOLATION", memory.ErrReadOnly, func(w *world) error { return w.readOnly.CopyIn(0, []byte{1}) }},
	{"copy in: read-only comes before bounds", memory.ErrReadOnly, func(w *world) error { return w.readOnly.CopyIn(99, []byte{1}) }},
	{"copy in: nothing comes before read-only", memory.ErrInvalid, func(w *world) error { return w.readOnly.CopyIn(0, nil) }},
	{"copy in: too long: INVALID_BUFFER_SIZE", memory.ErrInvalidBufferSize, func(w *world) error { return w.own.CopyIn(1, make([]byte, 64)) }},
	{"copy in: offset at the end", memory.ErrInvalidBufferSize, func(w *world) error { return w.own.CopyIn(64, []byte{1}) }},
	{"copy in: offset that overflows", memory.ErrInvalidBufferSize, func(w *world) error { return w.own.CopyIn(math.MaxInt, []byte{1}) }},
	{"copy in: stale handle: code 5", object.ErrDeleted, func(w *world) error { return w.gone.CopyIn(0, []byte{1}) }},

	// What the handle of a memory object inherits.
	{"reference: stale handle: code 5", object.ErrDeleted, func(w *world) error { return w.gone.Ref() }},
	{"delete: a second time", object.ErrDeleted, func(w *world) error { return w.closing.Delete() }},
	{"delete: stale handle", object.ErrDeleted, func(w *world) error { return w.gone.Delete() }},
	{"hold: stale handle", object.ErrDeleted, func(w *world) error { _, _, err := w.gone.Hold(); return err }},
	{"add context: being deleted: DELETE_PENDING", object.ErrDeleted, func(w *world) error {
		return second(object.AddContext[int](w.closing.Object, object.ContextConfig{Cleanup: w.hook, Destroy: w.hook}))
	}},
}

func TestFailureColumns(t *testing.T) {
	w := newWorld(t) // one for all: no failure leaves anything for the next
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			before := w.seen()
			for range 3 {
				require.ErrorIs(t, f.try(w), f.want)
			}
			require.Equal(t, before, w.seen(), "nothing has changed")

			// The next legal operations work.
			child := w.create(t, 32, memory.WithParent(w.parent), memory.WithContext(new(string)))
			_, ok := object.Context[int](child.Object)
			require.False(t, ok, "nothing of the failed create is left")
			require.NoError(t, child.CopyIn(0, make([]byte, 32)))
			require.NoError(t, w.own.CopyIn(0, []byte("works")))
			require.NoError(t, w.readOnly.CopyOut(0, make([]byte, 64)))
			require.NoError(t, w.wrapped.Assign([]byte("other")))
			require.NoError(t, w.closing.CopyOut(0, make([]byte, 64)))
			require.NoError(t, child.Delete())
		})
	}
	w.end(t)
}

// Memory that runs out at every possible moment of a create: no callback runs,
// nothing is lost, and the create works as soon as there is room.
func TestCreateThatRunsOutOfMemory(t *testing.T) {
	src, err := arena.Open(arena.Config{Limit: 2 << 20})
	require.NoError(t, err)
	a, err := slab.NewAllocator(src, slab.AllocatorConfig{Name: "small"})
	require.NoError(t, err)
	l, err := slab.New(src, slab.Config{Name: "small", Size: 4096})
	require.NoError(t, err)
	parent, err := object.New(object.Config{})
	require.NoError(t, err)
	cleaned, destroyed, failed := 0, 0, 0
	opts := []memory.Option{memory.WithParent(parent), memory.WithContext(new(int)),
		memory.WithCleanup(func(object.Object) { cleaned++ }), memory.WithDestroy(func(object.Object) { destroyed++ })}
	makers := []func() (memory.Object, error){
		func() (memory.Object, error) { return memory.FromLookaside(l, opts...) },
		func() (memory.Object, error) { return memory.New(a, 4096, opts...) },
		func() (memory.Object, error) { return memory.New(a, 100_000, opts...) },
		func() (memory.Object, error) {
			return memory.New(a, 64, append(opts[:4:4], memory.WithTag(slab.Tag{'t'}))...)
		},
	}
	for round := range 3 {
		var all []memory.Object
		for failed = 0; failed < 50; {
			m, err := makers[(len(all)+failed)%len(makers)]()
			if err != nil {
				require.ErrorIs(t, err, slab.ErrNoMemory)
				failed++
				continue
			}
			all = append(all, m)
			if len(all) > 100_000 {
				break // what is small enough never runs out in reasonable time
			}
		}
		require.NotZero(t, failed)
		require.Equal(t, int64(len(all)), a.Stats().Live+l.Stats().Live)
		require.Zero(t, cleaned)
		for _, m := range all {
			require.NoError(t, m.Delete())
		}
		require.Equal(t, len(all), cleaned, "round %d", round)
		require.Equal(t, len(all), destroyed)
		require.Zero(t, a.Stats().Live+l.Stats().Live)
		cleaned, destroyed = 0, 0
	}
	require.NoError(t, parent.Delete())
	require.NoError(t, l.Close())
	require.NoError(t, a.Close())
	require.NoError(t, src.Close())
}

// A handle stays stale when its place was used a million times since, by
// objects of the same list.
func TestStaleMemoryAfterAMillionReuses(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 20_000
	}
	b := open(t)
	first, err := memory.FromLookaside(b.list)
	require.NoError(t, err)
	require.NoError(t, first.Delete())
	for range n {
		m, err := memory.FromLookaside(b.list)
		if err != nil || m == first || first.Valid() || first.Delete() == nil || m.Delete() != nil {
			t.Fatal("the stale handle came back to life")
		}
	}
	require.ErrorIs(t, first.CopyIn(0, []byte{1}), object.ErrDeleted)
	require.Nil(t, first.Bytes())
}
