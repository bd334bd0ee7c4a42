package object

import (
	"math"
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSlotIsACacheLine(t *testing.T) {
	if strconv.IntSize == 32 {
		t.Skip("64-bit layout")
	}
	require.Equal(t, uintptr(64), reflect.TypeFor[slot]().Size())
	require.Equal(t, uintptr(128), reflect.TypeFor[kin]().Size())
}

func TestWord(t *testing.T) {
	w := armed(7)
	require.Equal(t, uint32(7), genOf(w))
	require.Equal(t, 1, refsOf(w))
	require.Equal(t, Live, stateOf(w))
	require.Equal(t, armed(8), after(7))
	for i, s := range []uint64{live, closing, closed, destroyed} {
		x := withState(w|adorned|busy|seen|noted, s)
		require.Equal(t, Live+State(i), stateOf(x))
		require.Equal(t, w|adorned|busy|seen|noted, withState(x, live), "nothing else changes")
	}
	require.Equal(t, 0, refsOf(after(lastGen)))
	require.Equal(t, Destroyed, stateOf(after(lastGen)))
	require.Zero(t, uint64(adorned|busy|seen|noted)&(stateMask|refMask|math.MaxUint32<<genShift))
}

// A slot whose generations are used up is never used again, and its last
// handle stays stale.
func TestSlotRetires(t *testing.T) {
	for _, cfg := range []Config{{}, {Kind: "adorned"}} {
		o, err := New(cfg)
		require.NoError(t, err)
		s := o.slot()
		// As if four billion objects had lived here.
		s.word.Store(s.word.Load()&math.MaxUint32 | uint64(lastGen)<<genShift)
		o.gen = lastGen
		require.True(t, o.Valid())
		require.NoError(t, o.Ref())
		require.NoError(t, o.Delete())
		o.Unref()
		require.False(t, o.Valid())
		require.Equal(t, Destroyed, o.State())
		require.ErrorIs(t, o.Ref(), ErrDeleted)
		require.ErrorIs(t, o.Delete(), ErrDeleted)
		_, ok := Context[int](o)
		require.False(t, ok)
		require.Panics(t, o.Unref)
		_, err = New(Config{Parent: o})
		require.ErrorIs(t, err, ErrDeleted)
		for range 5000 {
			next, err := New(Config{})
			require.NoError(t, err)
			require.NotSame(t, s, next.slot())
			defer func() { require.NoError(t, next.Delete()) }()
		}
	}
}

func TestReferencesHaveALimit(t *testing.T) {
	o, err := New(Config{})
	require.NoError(t, err)
	w := o.slot().word.Load()
	o.slot().word.Store(w - 1 + maxRefs)
	require.ErrorIs(t, o.Ref(), ErrInvalid)
	require.False(t, o.TryRef())
	require.Equal(t, maxRefs, o.Refs())
	require.Equal(t, Live, o.State())
	o.Unref()
	require.NoError(t, o.Ref())
	o.slot().word.Store(w)
	require.NoError(t, o.Delete())
}

// Nothing of a dead object is left in its slot for the next, or for the
// collector to keep alive.
func TestSlotIsEmptiedForTheNext(t *testing.T) {
	parent, err := New(Config{})
	require.NoError(t, err)
	o, err := New(Config{Kind: "x", Parent: parent, Context: new(int), Cleanup: func(Object) {}, Destroy: func(Object) {}})
	require.NoError(t, err)
	_, err = AddContext[string](o, ContextConfig{Cleanup: func(Object) {}})
	require.NoError(t, err)
	_, err = New(Config{Parent: o})
	require.NoError(t, err)
	s := o.slot()
	require.NoError(t, parent.Delete())
	k := s.kin.Load()
	require.Empty(t, k.dress.more.added)
	for _, c := range k.dress.more.added[:cap(k.dress.more.added)] {
		require.Nil(t, c.value)
		require.Nil(t, c.cleanup)
	}
	rest := reflect.ValueOf(k).Elem()
	for i := range rest.NumField() {
		switch name := rest.Type().Field(i).Name; name {
		case "slot", "born", "dress": // these it keeps
		default:
			require.True(t, rest.Field(i).IsZero(), name)
		}
	}
	d, m := *k.dress, *k.dress.more
	d.more, m.added, m.closers, m.notes.taken = nil, nil, nil, nil
	require.True(t, reflect.ValueOf(d).IsZero(), "%+v", d)
	require.Equal(t, more{notes: notes{born: m.notes.born}}, m)
	require.Zero(t, s.body)
	require.Equal(t, uint64(adorned), s.word.Load()&(adorned|busy|seen|noted))
}
