package object_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/objtab"
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
	silent   bool // born without context and callbacks
	watched  bool
	named    [2]int // references that were written down, by holder
	unnamed  [2]int // the same before it was watched: they count as nobody's
	real     object.Object
}

var holders = [2]objtab.Holder{reader, writer}

// birth is 1 while the reference of birth is there.
func (m *ideal) birth() int {
	if m.state == object.Live {
		return 1
	}
	return 0
}

// others is the number of references that nobody said he has.
func (m *ideal) others() int {
	return m.refs - m.birth() - m.named[0] - m.named[1] - m.unnamed[0] - m.unnamed[1]
}

// world runs a program on objects and on ideals.
type world struct {
	t          testing.TB
	blind      bool // looks at nothing but states and counts, so that nobody ever sees a kin
	all        []*ideal
	want, got  []string
	lastLogged int
}

func (w *world) create(parent *ideal, silent bool) {
	m := &ideal{id: len(w.all), parent: parent, state: object.Live, refs: 1, silent: silent}
	var cfg object.Config
	if !silent {
		cfg = object.Config{
			Cleanup: func(o object.Object) { w.log("c", m, o) },
			Destroy: func(o object.Object) { w.log("d", m, o) },
			Context: m,
		}
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
	if !w.blind {
		c, ok := object.Context[ideal](o)
		require.Equal(w.t, !m.silent, ok)
		if ok {
			require.Same(w.t, m, c)
		}
	}
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

func (w *world) refAs(m *ideal, h int) {
	err := object.RefAs(m.real, holders[h])
	require.Equal(w.t, m.refs > 0, err == nil)
	if m.refs > 0 {
		m.refs++
		if m.watched {
			m.named[h]++
		} else {
			m.unnamed[h]++
		}
	}
}

// unref drops a reference that nobody, or one of the holders, has: never one
// that is another's.
func (w *world) unref(m *ideal, h int) {
	switch {
	case m.refs == 0 || m.refs == 1 && m.state == object.Live:
		misuse(w.t, m.real.Unref)
		misuse(w.t, func() { object.UnrefAs(m.real, holders[h]) })
		return
	case m.named[h] > 0:
		m.named[h]--
		object.UnrefAs(m.real, holders[h])
	case m.unnamed[h] > 0:
		m.unnamed[h]--
		object.UnrefAs(m.real, holders[h])
	case m.others() > 0:
		m.real.Unref()
	default:
		return
	}
	w.drop(m)
}

func (w *world) watch(m *ideal) {
	object.Watch(m.real)
	m.watched = m.watched || m.refs > 0
}

// drop takes a reference from the ideal.
func (w *world) drop(m *ideal) {
	if m.refs--; m.refs == 0 {
		m.state = object.Destroyed
		if !m.silent {
			w.want = append(w.want, fmt.Sprint("d", m.id))
		}
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
	if !m.silent {
		w.want = append(w.want, fmt.Sprint("c", m.id))
	}
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
		if w.blind {
			continue
		}
		w.checkHolders(m, program)
		parent, ok := m.real.Parent()
		require.Equal(w.t, m.parent != nil, ok, "object %d of program %v", m.id, program)
		if ok {
			require.Equal(w.t, m.parent.real, parent)
		}
	}
}

func (w *world) checkHolders(m *ideal, program []byte) {
	want := map[objtab.Holder]int{}
	for h, n := range m.named {
		if n > 0 {
			want[holders[h]] = n
		}
	}
	if n := m.others() + m.unnamed[0] + m.unnamed[1]; n > 0 && m.refs > 0 {
		want[reference] = n
	}
	require.Equal(w.t, want, counts(m.real), "object %d of program %v", m.id, program)
}

// run runs a program: pairs of an operation and the object it is for.
func (w *world) run(program []byte) {
	for i := 0; i+1 < len(program); i += 2 {
		var m *ideal
		if len(w.all) > 0 {
			m = w.all[int(program[i+1])%len(w.all)]
		}
		silent := program[i]&32 != 0
		h := int(program[i] >> 6 & 1)
		switch op := program[i] % 32; {
		case op < 3 || m == nil:
			w.create(nil, silent)
		case op < 12:
			w.create(m, silent)
		case op < 15:
			w.ref(m)
		case op < 18:
			w.refAs(m, h)
		case op < 23:
			w.unref(m, h)
		case op < 24 && !w.blind:
			w.watch(m)
		case op < 26 && !w.blind:
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
		for turn := 0; m.refs > 0; turn++ {
			w.unref(m, turn%2)
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
		(&world{t: t, blind: seed%2 == 0}).run(program)
	}
}

func FuzzPrograms(f *testing.F) {
	f.Add([]byte{0, 0, 3, 0, 3, 1, 3, 0, 31, 0}, false)               // the tree of the contract
	f.Add([]byte{0, 0, 3, 0, 3, 1, 3, 0, 12, 1, 31, 0, 18, 1}, false) // with a reference on a child
	f.Add([]byte{0, 0, 24, 0, 24, 0, 31, 0, 24, 0}, false)
	f.Add([]byte{0, 0, 15, 0, 23, 0, 79, 0, 15, 0, 82, 0, 18, 0, 31, 0}, false) // holders
	f.Add([]byte{0, 0, 35, 0, 3, 1, 31, 1, 31, 0}, true)                        // leaves that nobody sees
	f.Fuzz(func(t *testing.T, program []byte, blind bool) {
		(&world{t: t, blind: blind}).run(program[:min(len(program), 400)])
	})
}
