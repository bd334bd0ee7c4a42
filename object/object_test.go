package object_test

import (
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/object"
)

// create makes an object that must be possible.
func create(t testing.TB, cfg object.Config) object.Object {
	t.Helper()
	o, err := object.New(cfg)
	require.NoError(t, err)
	return o
}

// misuse runs f, which must panic with *object.MisuseError.
func misuse(t testing.TB, f func()) (e *object.MisuseError) {
	t.Helper()
	defer func() {
		t.Helper()
		var ok bool
		e, ok = recover().(*object.MisuseError)
		require.True(t, ok, "no misuse reported")
	}()
	f()
	return nil
}

func TestHandlesAreSmallAndComparable(t *testing.T) {
	require.LessOrEqual(t, reflect.TypeFor[object.Object]().Size(), uintptr(16))
	a, b := create(t, object.Config{}), create(t, object.Config{})
	copied := a
	seen := map[object.Object]int{a: 1, b: 2}
	require.Len(t, seen, 2)
	require.Equal(t, 1, seen[copied])
	require.NoError(t, copied.Delete())
	require.False(t, a.Valid())
	require.True(t, b.Valid())
	require.NoError(t, b.Delete())
}

func TestReferencesAreCounted(t *testing.T) {
	o := create(t, object.Config{})
	require.Equal(t, 1, o.Refs())
	require.NoError(t, o.Ref())
	require.True(t, o.TryRef())
	require.Equal(t, 3, o.Refs())
	o.Unref()
	require.Equal(t, 2, o.Refs())
	require.NoError(t, o.Delete())
	require.Equal(t, 1, o.Refs())
	require.Equal(t, object.Closed, o.State())
	require.True(t, o.Valid(), "a handle is good until the count is zero, after Delete too")
	require.NoError(t, o.Ref())
	o.Unref()
	o.Unref()
	require.Equal(t, 0, o.Refs())
	require.Equal(t, object.Destroyed, o.State())
	require.ErrorIs(t, o.Ref(), object.ErrDeleted)
	require.False(t, o.TryRef())
}

func TestUnrefBelowTheReferenceOfBirth(t *testing.T) {
	o := create(t, object.Config{Kind: "probe"})
	e := misuse(t, o.Unref)
	require.Equal(t, object.MisuseError{Op: "unref", Kind: object.Underflow, Object: "probe", Refs: 1}, *e)
	require.EqualError(t, e, "object: unref: no reference to drop: probe has 1, which only Delete consumes")
	require.Equal(t, 1, o.Refs())
	require.Equal(t, object.Live, o.State())
	require.NoError(t, o.Delete())

	e = misuse(t, o.Unref)
	require.Equal(t, object.Stale, e.Kind)
	require.EqualError(t, e, "object: unref: object is gone")
	require.Equal(t, object.NoObject, misuse(t, object.Object{}.Unref).Kind)
	require.Equal(t, "Misuse(0)", object.Misuse(0).String())
	require.Equal(t, "Misuse(9)", object.Misuse(9).String())
}

func TestStaleHandleOfAReusedSlotLeavesTheNewObjectAlone(t *testing.T) {
	old := create(t, object.Config{})
	require.NoError(t, old.Delete())
	var fresh []object.Object
	for range 1000 { // the slot of old is among these
		fresh = append(fresh, create(t, object.Config{}))
	}
	require.ErrorIs(t, old.Delete(), object.ErrDeleted)
	require.ErrorIs(t, old.Ref(), object.ErrDeleted)
	misuse(t, old.Unref)
	_, err := object.New(object.Config{Parent: old})
	require.ErrorIs(t, err, object.ErrDeleted)
	for _, o := range fresh {
		require.NotEqual(t, old, o)
		require.Equal(t, 1, o.Refs())
		require.NoError(t, o.Delete())
	}
}

func TestKinds(t *testing.T) {
	plain, named := create(t, object.Config{}), create(t, object.Config{Kind: "timer"})
	require.Equal(t, "object", plain.Kind())
	require.Equal(t, "timer", named.Kind())
	require.Equal(t, "no object", object.Object{}.Kind())
	require.NoError(t, plain.Delete())
	require.NoError(t, named.Delete())
	require.Equal(t, "object", named.Kind(), "a stale handle does not tell")
	for s, name := range map[object.State]string{
		object.None: "none", object.Live: "live", object.Closing: "closing",
		object.Closed: "closed", object.Destroyed: "destroyed", 77: "state?",
	} {
		require.Equal(t, name, s.String())
	}
}

type rx struct{ packets int }
type tx struct{ packets int }

func TestContextsAreFoundByType(t *testing.T) {
	mine := &rx{packets: 7}
	o := create(t, object.Config{Context: mine})
	got, ok := object.Context[rx](o)
	require.True(t, ok)
	require.Same(t, mine, got)
	_, ok = object.Context[tx](o)
	require.False(t, ok, "same shape, another type")

	added, err := object.AddContext[tx](o, object.ContextConfig{})
	require.NoError(t, err)
	require.Equal(t, tx{}, *added)
	added.packets = 9
	again, err := object.AddContext[tx](o, object.ContextConfig{})
	require.ErrorIs(t, err, object.ErrExists)
	require.Same(t, added, again)
	first, err := object.AddContext[rx](o, object.ContextConfig{})
	require.ErrorIs(t, err, object.ErrExists)
	require.Same(t, mine, first)

	require.NoError(t, o.Delete())
	for range 600 { // whoever lives in the slot now has no context of ours
		next := create(t, object.Config{})
		_, ok = object.Context[rx](next)
		require.False(t, ok)
		_, ok = object.Context[rx](o)
		require.False(t, ok)
		_, ok = object.Context[tx](o)
		require.False(t, ok)
		defer func() { require.NoError(t, next.Delete()) }()
	}
	_, err = object.AddContext[rx](o, object.ContextConfig{})
	require.ErrorIs(t, err, object.ErrDeleted)
}

func TestContextMustBeAPointer(t *testing.T) {
	ran := false
	hook := func(object.Object) { ran = true }
	for _, bad := range []any{7, "text", rx{}, (*rx)(nil), []int{1}} {
		_, err := object.New(object.Config{Context: bad, Cleanup: hook, Destroy: hook})
		require.ErrorIs(t, err, object.ErrInvalid)
		require.ErrorContains(t, err, "must be a pointer and not nil")
	}
	require.False(t, ran)
}

func TestFailedCreateRunsNoCallback(t *testing.T) {
	parent := create(t, object.Config{})
	require.NoError(t, parent.Ref())
	require.NoError(t, parent.Delete())
	ran := false
	hook := func(object.Object) { ran = true }
	for range 3 {
		_, err := object.New(object.Config{Kind: "child", Parent: parent, Context: &rx{}, Cleanup: hook, Destroy: hook})
		require.ErrorIs(t, err, object.ErrDeleted)
		require.EqualError(t, err, "object: new: parent: object is deleted")
	}
	require.Equal(t, 1, parent.Refs())
	parent.Unref()
	// The slot is as good as new.
	o := create(t, object.Config{})
	require.Equal(t, "object", o.Kind())
	_, ok := object.Context[rx](o)
	require.False(t, ok)
	require.NoError(t, o.Delete())
	require.False(t, ran)
}

// closer writes its name down when it is closed.
type closer struct {
	name string
	log  *[]string
	err  error
}

func (c closer) Close() error {
	*c.log = append(*c.log, c.name)
	return c.err
}

func TestAdoptedClosersCloseAtTheEnd(t *testing.T) {
	var log []string
	o := create(t, object.Config{
		Cleanup: func(object.Object) { log = append(log, "cleanup") },
		Destroy: func(object.Object) { log = append(log, "destroy") },
	})
	bad := errors.New("flush failed")
	require.NoError(t, o.Adopt(closer{"first", &log, bad}))
	require.NoError(t, o.Adopt(closer{"second", &log, io.ErrClosedPipe}))
	require.ErrorIs(t, o.Adopt(nil), object.ErrInvalid)
	err := o.Delete()
	require.ErrorIs(t, err, bad)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.Equal(t, []string{"cleanup", "destroy", "second", "first"}, log)
	require.ErrorIs(t, o.Adopt(closer{"late", &log, nil}), object.ErrDeleted)

	log = nil
	o = create(t, object.Config{})
	require.NoError(t, o.Adopt(closer{"only", &log, bad}))
	require.NoError(t, o.Ref())
	require.NoError(t, o.Delete(), "not destroyed by this call")
	require.Empty(t, log)
	o.Unref()
	require.Equal(t, []string{"only"}, log)
}
