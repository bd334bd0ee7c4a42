package object_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/object"
)

// journal writes down which callbacks ran.
type journal struct{ cleaned, destroyed []string }

func (j *journal) String() string {
	return "Cleanup: " + strings.Join(j.cleaned, ",") + "; Destroy: " + strings.Join(j.destroyed, ",")
}

// create makes an object whose callbacks are written down under name.
func (j *journal) create(t testing.TB, name string, parent object.Object) object.Object {
	return create(t, object.Config{
		Parent:  parent,
		Cleanup: func(object.Object) { j.cleaned = append(j.cleaned, name) },
		Destroy: func(object.Object) { j.destroyed = append(j.destroyed, name) },
	})
}

// family makes the tree P→{C1→{G1}, C2}.
func (j *journal) family(t testing.TB) (p, c1, g1, c2 object.Object) {
	p = j.create(t, "P", object.Object{})
	c1 = j.create(t, "C1", p)
	g1 = j.create(t, "G1", c1)
	c2 = j.create(t, "C2", p)
	return
}

func TestDeleteInOrder(t *testing.T) {
	var j journal
	p, c1, g1, c2 := j.family(t)
	require.NoError(t, p.Delete())
	require.Equal(t, "Cleanup: G1,C1,C2,P; Destroy: G1,C1,C2,P", j.String())
	for _, o := range []object.Object{p, c1, g1, c2} {
		require.False(t, o.Valid())
		require.ErrorIs(t, o.Delete(), object.ErrDeleted)
	}
}

func TestAReferenceDelaysDestroyOnly(t *testing.T) {
	var j journal
	p, c1, _, _ := j.family(t)
	require.NoError(t, c1.Ref())
	require.NoError(t, p.Delete())
	require.Equal(t, "Cleanup: G1,C1,C2,P; Destroy: G1,C2,P", j.String())
	_, ok := c1.Parent()
	require.False(t, ok, "the parent is gone")
	require.Equal(t, object.Closed, c1.State())
	c1.Unref()
	require.Equal(t, "Cleanup: G1,C1,C2,P; Destroy: G1,C2,P,C1", j.String())
}

func TestAChildLeavesItsParent(t *testing.T) {
	var j journal
	p, c1, g1, _ := j.family(t)
	up, ok := c1.Parent()
	require.True(t, ok)
	require.Equal(t, p, up)
	up, ok = g1.Parent()
	require.True(t, ok)
	require.Equal(t, c1, up)
	_, ok = p.Parent()
	require.False(t, ok)
	require.Equal(t, 1, p.Refs(), "children hold no references on parents")
	require.Equal(t, 1, c1.Refs(), "nor parents on children")

	require.NoError(t, c1.Delete())
	require.Equal(t, "Cleanup: G1,C1; Destroy: G1,C1", j.String())
	require.NoError(t, p.Delete())
	require.Equal(t, "Cleanup: G1,C1,C2,P; Destroy: G1,C1,C2,P", j.String())
}

// Each of first, middle and last child leaves a list that is whole.
func TestChildrenLeaveInEveryOrder(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		for leave := range 4 {
			var j journal
			p := j.create(t, "P", object.Object{})
			names := []string{"A", "B", "C"}
			var c []object.Object
			for _, n := range names {
				c = append(c, j.create(t, n, p))
			}
			var want []string
			for _, i := range order[:leave] {
				require.NoError(t, c[i].Delete())
				want = append(want, names[i])
				names[i] = ""
			}
			for _, n := range names {
				if n != "" {
					want = append(want, n)
				}
			}
			require.NoError(t, p.Delete())
			want = append(want, "P")
			require.Equal(t, want, j.cleaned)
			require.Equal(t, want, j.destroyed)
		}
	}
}

// Callbacks may do what they like with their relatives.
func TestCallbacksThatDelete(t *testing.T) {
	var j journal
	var p, a, b, c object.Object
	p = create(t, object.Config{Cleanup: func(o object.Object) {
		j.cleaned = append(j.cleaned, "P")
		require.ErrorIs(t, o.Delete(), object.ErrDeleted, "itself")
		_, err := object.New(object.Config{Parent: o})
		require.ErrorIs(t, err, object.ErrDeleted, "no child while closing")
		other, err := object.New(object.Config{})
		require.NoError(t, err)
		require.NoError(t, other.Delete())
	}, Destroy: func(object.Object) { j.destroyed = append(j.destroyed, "P") }})
	a = j.create(t, "A", p)
	b = create(t, object.Config{Parent: p, Cleanup: func(o object.Object) {
		j.cleaned = append(j.cleaned, "B")
		require.ErrorIs(t, a.Delete(), object.ErrDeleted, "a sibling that had its turn")
		require.NoError(t, c.Delete(), "a sibling that has its turn coming is marked")
		require.Equal(t, object.Closing, c.State())
		require.ErrorIs(t, c.Delete(), object.ErrDeleted)
		require.ErrorIs(t, p.Delete(), object.ErrDeleted)
		require.NoError(t, o.Ref(), "a reference to keep")
	}, Destroy: func(object.Object) { j.destroyed = append(j.destroyed, "B") }})
	c = j.create(t, "C", p)
	require.NoError(t, p.Delete())
	require.Equal(t, "Cleanup: A,B,C,P; Destroy: A,C,P", j.String())
	b.Unref()
	require.Equal(t, "Cleanup: A,B,C,P; Destroy: A,C,P,B", j.String())
}

// A child's Cleanup may delete the parent that it has just left.
func TestACleanupThatDeletesItsFormerParent(t *testing.T) {
	var j journal
	p := j.create(t, "P", object.Object{})
	c := create(t, object.Config{Parent: p, Cleanup: func(o object.Object) {
		j.cleaned = append(j.cleaned, "C")
		_, ok := o.Parent()
		require.False(t, ok)
		require.NoError(t, p.Delete())
	}})
	require.NoError(t, c.Delete())
	require.Equal(t, "Cleanup: C,P; Destroy: P", j.String())
}

func TestContextCallbacksRunInOrderOfAddition(t *testing.T) {
	var log []string
	note := func(name string) func(object.Object) {
		return func(o object.Object) {
			_, ok := object.Context[tx](o)
			require.True(t, ok, "contexts are there in all callbacks")
			log = append(log, name)
		}
	}
	o := create(t, object.Config{Context: &rx{}, Cleanup: note("c0"), Destroy: note("d0")})
	_, err := object.AddContext[tx](o, object.ContextConfig{Cleanup: note("c1"), Destroy: note("d1")})
	require.NoError(t, err)
	_, err = object.AddContext[int](o, object.ContextConfig{Cleanup: note("c2")})
	require.NoError(t, err)
	_, err = object.AddContext[string](o, object.ContextConfig{Destroy: note("d3")})
	require.NoError(t, err)
	require.NoError(t, o.Delete())
	require.Equal(t, []string{"c0", "c1", "c2", "d0", "d1", "d3"}, log)
}

// A family a hundred thousand generations deep does not need a stack of that
// depth.
func TestDeepFamily(t *testing.T) {
	const depth = 100_000
	root := create(t, object.Config{})
	o, cleaned, destroyed := root, 0, 0
	for i := range depth {
		o = create(t, object.Config{
			Parent:  o,
			Cleanup: func(object.Object) { require.Equal(t, depth-1-i, cleaned); cleaned++ },
			Destroy: func(object.Object) { require.Equal(t, depth-1-i, destroyed); destroyed++ },
		})
	}
	require.NoError(t, root.Delete())
	require.Equal(t, depth, cleaned)
	require.Equal(t, depth, destroyed)
}

// A Destroy callback that panics leaves the object gone and its slot usable.
func TestADestroyThatPanics(t *testing.T) {
	o := create(t, object.Config{Destroy: func(object.Object) { panic("in Destroy") }})
	require.PanicsWithValue(t, "in Destroy", func() { _ = o.Delete() })
	require.False(t, o.Valid())
	require.ErrorIs(t, o.Delete(), object.ErrDeleted)
}
