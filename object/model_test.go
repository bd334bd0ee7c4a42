package object_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/object"
)

// ideal is what an object should be: section 1.5 of the contract, written
// down with recursion and slices.
type ideal struct {
	id       int
	parent   *ideal
	children []*ideal
	state    object.State
	refs     int
	contexts int
	real     object.Object
}

// world runs a program on objects and on ideals.
type world struct {
	t          testing.TB
	all        []*ideal
	want, got  []string
	lastLogged int
}

func (w *world) create(parent *ideal) {
	m := &ideal{id: len(w.all), parent: parent, state: object.Live, refs: 1}
	cfg := object.Config{
		Cleanup: func(o object.Object) { w.log("c", m, o) },
		Destroy: func(o object.Object) { w.log("d", m, o) },
		Context: m,
	}
	if parent != nil {
		cfg.Parent = parent.real
	}
	var err error
	m.real, err = object.New(cfg)
	if parent != nil && parent.state != object.Live {
		require.ErrorIs(w.t, err, object.ErrDeleted)
		return
	}
	require.NoError(w.t, err)
	if parent != nil {
		parent.children = append(parent.children, m)
	}
	w.all = append(w.all, m)
}

func (w *world) log(what string, m *ideal, o object.Object) {
	require.Equal(w.t, m.real, o)
	c, ok := object.Context[ideal](o)
	require.True(w.t, ok)
	require.Same(w.t, m, c)
	w.got = append(w.got, fmt.Sprint(what, m.id))
}

func (w *world) addContext(m *ideal) {
	_, err := object.AddContext[int](m.real, object.ContextConfig{
		Cleanup: func(o object.Object) { w.log("xc", m, o) },
		Destroy: func(o object.Object) { w.log("xd", m, o) },
	})
	switch {
	case m.state != object.Live:
		require.ErrorIs(w.t, err, object.ErrDeleted)
	case m.contexts > 0:
		require.ErrorIs(w.t, err, object.ErrExists)
	default:
		require.NoError(w.t, err)
		m.contexts++
	}
}

func (w *world) ref(m *ideal) {
	require.Equal(w.t, m.refs > 0, m.real.TryRef())
	if m.refs > 0 {
		m.refs++
	}
}

func (w *world) unref(m *ideal) {
	if m.refs == 0 || m.refs == 1 && m.state == object.Live {
		misuse(w.t, m.real.Unref)
		return
	}
	m.real.Unref()
	w.drop(m)
}

// drop takes a reference from the ideal.
func (w *world) drop(m *ideal) {
	if m.refs--; m.refs == 0 {
		m.state = object.Destroyed
		w.want = append(w.want, fmt.Sprint("d", m.id))
		if m.contexts > 0 {
			w.want = append(w.want, fmt.Sprint("xd", m.id))
		}
	}
}

func (w *world) delete(m *ideal) {
	err := m.real.Delete()
	if m.state != object.Live {
		require.ErrorIs(w.t, err, object.ErrDeleted)
		return
	}
	require.NoError(w.t, err)
	if m.parent != nil {
		m.parent.children = slices.DeleteFunc(m.parent.children, func(c *ideal) bool { return c == m })
		m.parent = nil
	}
	w.dispose(m)
	w.destroy(m)
}

func (w *world) dispose(m *ideal) {
	m.state = object.Closed
	for _, c := range m.children {
		w.dispose(c)
	}
	w.want = append(w.want, fmt.Sprint("c", m.id))
	if m.contexts > 0 {
		w.want = append(w.want, fmt.Sprint("xc", m.id))
	}
}

func (w *world) destroy(m *ideal) {
	for _, c := range m.children {
		w.destroy(c)
		c.parent = nil
	}
	m.children = nil
	w.drop(m)
}

// check compares everything that can be seen.
func (w *world) check(program []byte) {
	require.Equal(w.t, w.want[w.lastLogged:], w.got[w.lastLogged:], "program %v", program)
	w.lastLogged = len(w.want)
	for _, m := range w.all {
		require.Equal(w.t, m.refs, m.real.Refs(), "object %d of program %v", m.id, program)
		require.Equal(w.t, m.state, m.real.State(), "object %d of program %v", m.id, program)
		parent, ok := m.real.Parent()
		require.Equal(w.t, m.parent != nil, ok, "object %d of program %v", m.id, program)
		if ok {
			require.Equal(w.t, m.parent.real, parent)
		}
	}
}

// run runs a program: pairs of an operation and the object it is for.
func (w *world) run(program []byte) {
	for i := 0; i+1 < len(program); i += 2 {
		var m *ideal
		if len(w.all) > 0 {
			m = w.all[int(program[i+1])%len(w.all)]
		}
		op := program[i] % 16
		switch {
		case op < 2 || m == nil:
			w.create(nil)
		case op < 8:
			w.create(m)
		case op < 10:
			w.ref(m)
		case op < 12:
			w.unref(m)
		case op < 13:
			w.addContext(m)
		default:
			w.delete(m)
		}
		w.check(program[:i+2])
	}
	// At the end everybody lets go, and nothing is left.
	for _, m := range w.all {
		if m.state == object.Live {
			w.delete(m)
		}
	}
	for _, m := range w.all {
		for m.refs > 0 {
			w.unref(m)
		}
	}
	w.check(program)
	count := map[string]int{}
	for _, e := range w.got {
		count[e]++
		require.Equal(w.t, 1, count[e], "%s in program %v", e, program)
	}
}

func TestRandomPrograms(t *testing.T) {
	programs := 400
	if testing.Short() || race.Enabled {
		programs = 60
	}
	for seed := range uint64(programs) {
		rng := rand.New(rand.NewPCG(seed, 1))
		program := make([]byte, 2+rng.IntN(120))
		for i := range program {
			program[i] = byte(rng.Uint32())
		}
		t.Logf("seed %d", seed)
		(&world{t: t}).run(program)
	}
}

func FuzzPrograms(f *testing.F) {
	f.Add([]byte{0, 0, 3, 0, 3, 1, 3, 0, 15, 0})              // the tree of the contract
	f.Add([]byte{0, 0, 3, 0, 3, 1, 3, 0, 9, 1, 15, 0, 11, 1}) // with a reference on a child
	f.Add([]byte{0, 0, 12, 0, 12, 0, 15, 0, 12, 0})
	f.Fuzz(func(t *testing.T, program []byte) {
		(&world{t: t}).run(program[:min(len(program), 400)])
	})
}
