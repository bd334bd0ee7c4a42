package memory_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

type session struct{ id int }

// makers makes an object of each kind with options.
func (b *bed) makers() map[string]func(...memory.Option) (memory.Object, error) {
	return map[string]func(...memory.Option) (memory.Object, error){
		"New":           func(o ...memory.Option) (memory.Object, error) { return memory.New(b.alloc, 100, o...) },
		"FromLookaside": func(o ...memory.Option) (memory.Object, error) { return memory.FromLookaside(b.list, o...) },
		"Wrap":          func(o ...memory.Option) (memory.Object, error) { return memory.Wrap(make([]byte, 9), o...) },
	}
}

func TestOptions(t *testing.T) {
	b := open(t)
	for name, mk := range b.makers() {
		var log []string
		parent, err := object.New(object.Config{})
		require.NoError(t, err)
		mine := &session{7}
		m, err := mk(
			memory.WithParent(parent),
			memory.WithContext(mine),
			memory.WithCleanup(func(o object.Object) {
				m, ok := memory.From(o)
				require.True(t, ok)
				require.NotNil(t, m.Bytes(), "the bytes are there in Cleanup")
				log = append(log, "cleanup")
			}),
			memory.WithDestroy(func(o object.Object) {
				_, ok := memory.From(o)
				require.False(t, ok, "and not in Destroy")
				c, ok := object.Context[session](o)
				require.True(t, ok, "but the context is")
				require.Same(t, mine, c)
				log = append(log, "destroy")
			}),
			memory.ReadOnly(),
			memory.Uninitialized(),
		)
		require.NoError(t, err, name)
		up, ok := m.Parent()
		require.True(t, ok)
		require.Equal(t, parent, up)
		require.True(t, m.IsReadOnly())
		require.ErrorIs(t, m.CopyIn(0, []byte{1}), memory.ErrReadOnly)
		require.NoError(t, m.Ref())
		require.NoError(t, parent.Delete())
		require.Equal(t, []string{"cleanup"}, log)
		require.NoError(t, m.CopyOut(0, []byte{0}), "alive by our reference")
		m.Unref()
		require.Equal(t, []string{"cleanup", "destroy"}, log)
		require.False(t, m.Valid())
	}
	require.Zero(t, b.live())
}

// A create that fails runs no callback and keeps no block.
func TestOptionsThatMakeNoSense(t *testing.T) {
	b := open(t)
	parent, err := object.New(object.Config{})
	require.NoError(t, err)
	gone, err := object.New(object.Config{})
	require.NoError(t, err)
	require.NoError(t, gone.Delete())
	ran := false
	hook := func(object.Object) { ran = true }
	for name, mk := range b.makers() {
		for text, c := range map[string]struct {
			opt  memory.Option
			want error
		}{
			"WithParent: no object: invalid argument":                                  {memory.WithParent(object.Object{}), memory.ErrInvalid},
			"WithParent: parent is assigned already":                                   {memory.WithParent(parent), object.ErrParent},
			"WithContext int: must be a pointer and not nil: invalid argument":         {memory.WithContext(5), memory.ErrInvalid},
			"WithContext *memory_test.session: must be a pointer and not nil: invalid": {memory.WithContext((*session)(nil)), memory.ErrInvalid},
			"WithContext <nil>: must be a pointer and not nil: invalid argument":       {memory.WithContext(nil), memory.ErrInvalid},
			"the zero Option says nothing: invalid argument":                           {memory.Option{}, memory.ErrInvalid},
		} {
			_, err := mk(memory.WithCleanup(hook), memory.WithParent(parent), memory.WithDestroy(hook), c.opt)
			require.ErrorIs(t, err, c.want, name)
			require.ErrorContains(t, err, text)
		}
		_, err = mk(memory.WithCleanup(hook), memory.WithDestroy(hook), memory.WithParent(gone))
		require.ErrorIs(t, err, object.ErrDeleted, name)
		if name != "New" {
			_, err = mk(memory.WithTag(slab.Tag{'a'}))
			require.ErrorIs(t, err, memory.ErrInvalid, name)
			require.ErrorContains(t, err, `WithTag "a": only New allocates under a tag`)
		}
	}
	require.Zero(t, b.live())
	require.NoError(t, parent.Delete())
	require.False(t, ran)
}

func TestWithTagAccountsTheBlock(t *testing.T) {
	b := open(t)
	tag, err := slab.ParseTag("rx#1")
	require.NoError(t, err)
	count := func() int64 {
		for _, s := range b.alloc.Stats().Tags {
			if s.Tag == tag {
				return s.Live
			}
		}
		return 0
	}
	m := b.create(t, 100, memory.WithTag(tag))
	plain := b.create(t, 100)
	require.EqualValues(t, 1, count())
	large := b.create(t, 4<<20, memory.WithTag(tag))
	require.EqualValues(t, 2, count())
	require.NoError(t, m.Delete())
	require.NoError(t, large.Delete())
	require.EqualValues(t, 0, count())
	require.NoError(t, plain.Delete())
}

// One test for misuse serves for blocks and objects.
func TestMisuseIsFoundAsSlabMisuse(t *testing.T) {
	b := open(t)
	m := b.create(t, 10)
	report := func(f func()) (err error) {
		defer func() { err, _ = recover().(error) }()
		f()
		return nil
	}
	var own *object.MisuseError
	var got *slab.MisuseError
	err := report(m.Unref)
	require.True(t, errors.As(err, &own))
	require.True(t, errors.As(err, &got))
	require.Equal(t, slab.MisuseError{Op: "unref", Kind: slab.DoubleFree, List: "memory"}, *got)
	require.NoError(t, m.Delete())
	require.True(t, errors.As(report(m.Unref), &got))
	require.Equal(t, slab.UseAfterFree, got.Kind)
	require.True(t, errors.As(report(memory.Object{}.Unref), &got))
	require.Equal(t, slab.Foreign, got.Kind)
	var other *slab.LeakError
	require.False(t, errors.As(err, &other))
}

// Misuse that the owner finds when the block comes back reaches whoever drops
// the last reference; the object is gone and the list whole.
func TestOverrunIsReportedAtTheEnd(t *testing.T) {
	b := open(t)
	m, err := memory.FromLookaside(b.list)
	require.NoError(t, err)
	b.list.Put(m.Bytes()) // the mistake: the block belongs to the object
	require.Panics(t, func() { _ = m.Delete() })
	require.False(t, m.Valid())
	require.Zero(t, b.live())
	next, err := memory.FromLookaside(b.list)
	require.NoError(t, err)
	require.NoError(t, next.Delete())
}
