package mdl_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/race"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// operands is what the bytes of a step come to.
type operands struct{ arg, a, b int }

// around is a number about 0 … n, a little below and above included.
func around(v, n int) int { return v%(n+3) - 1 }

// steps are all operations. Each is told the list that it works on.
var steps = []func(w *world, m *model, x operands){
	(*world).append, (*world).append, (*world).append, (*world).appendOwned, (*world).appendBuffer,
	(*world).advance, (*world).advance, (*world).retreat, (*world).retreat, (*world).partial, (*world).clone,
	(*world).split, (*world).fragments, (*world).join, (*world).take, (*world).view,
	(*world).copyIn, (*world).copyOut, (*world).copyBetween, (*world).copyBetween, (*world).compare, (*world).fillIn,
	(*world).sums, (*world).writeTo, (*world).readFrom, (*world).ends, (*world).release, (*world).release,
}

func (w *world) step(op, arg, a, b byte) {
	x := operands{int(arg), int(a), int(b)}
	if len(w.lists) == 0 || op >= 224 && len(w.lists) < worldLists {
		w.create(x)
		return
	}
	steps[int(op)%len(steps)](w, w.lists[x.arg%len(w.lists)], x)
}

func (w *world) create(x operands) {
	of := w.things[x.arg%worldThings]
	l, err := mdl.Of(of.m)
	require.NoError(w.t, err)
	small := x.a%2 == 1
	if small {
		require.NoError(w.t, l.SetSource(w.blocks))
	}
	w.keep(&model{list: l, parts: []part{{of, 0, len(of.flat)}}, small: small})
}

func (w *world) append(m *model, x operands) {
	of := w.things[x.arg/8%worldThings]
	off, n := around(x.a, len(of.flat)), around(x.b, len(of.flat))
	err := m.list.Append(of.m, off, n)
	if off < 0 || n < 0 || off+n > len(of.flat) {
		require.ErrorIs(w.t, err, memory.ErrBufferTooSmall)
		return
	}
	require.NoError(w.t, err)
	if n > 0 {
		m.parts = append(m.parts, part{of, off, n})
	}
}

// adopt makes things of blocks whose only references are a list's.
func (w *world) adopt(m memory.Object) *thing {
	of := &thing{m: m, flat: bytes.Clone(m.Bytes()), real: m.Bytes(), block: true}
	w.things = append(w.things, of)
	return of
}

func (w *world) appendOwned(m *model, _ operands) {
	block, err := memory.FromLookaside(w.blocks)
	require.NoError(w.t, err)
	require.NoError(w.t, m.list.AppendOwned(block))
	require.ErrorIs(w.t, m.list.AppendOwned(block), object.ErrDeleted)
	of := w.adopt(block)
	m.parts = append(m.parts, part{of, 0, blockBytes})
}

func (w *world) appendBuffer(m *model, x operands) {
	p := bytes.Repeat([]byte{'-'}, x.b%9)
	require.NoError(w.t, m.list.AppendBuffer(p))
	if len(p) > 0 {
		of := &thing{flat: bytes.Clone(p), real: p}
		w.things = append(w.things, of)
		m.parts = append(m.parts, part{of, 0, len(p)})
	}
}

func (w *world) advance(m *model, x operands) {
	n := around(x.a, m.size())
	err := m.list.Advance(n)
	if n < 0 || n > m.size() {
		require.ErrorIs(w.t, err, memory.ErrBufferTooSmall)
		return
	}
	require.NoError(w.t, err)
	m.advance(n)
}

// retreat takes headroom first, and blocks for what it lacks.
func (w *world) retreat(m *model, x operands) {
	n := x.a%41 - 1
	if !m.small { // the package's own memory is not counted here
		n = min(n, m.head)
	}
	err := m.list.Retreat(n)
	if n < 0 {
		require.ErrorIs(w.t, err, memory.ErrBufferTooSmall)
		return
	}
	require.NoError(w.t, err)
	own := min(n, m.head)
	if own > 0 {
		m.parts[0].off -= own
		m.parts[0].n += own
		m.head -= own
	}
	var front []part
	for left := n - own; left > 0; left -= min(left, blockBytes) {
		front = append([]part{{nil, max(0, blockBytes-left), min(left, blockBytes)}}, front...)
	}
	i := 0
	for block := range m.list.Parts() {
		if i == len(front) {
			break
		}
		front[i].of = w.adopt(block)
		i++
	}
	if len(front) > 0 {
		m.head = front[0].off
		m.parts = append(front, m.parts...)
	}
}

func (w *world) partial(m *model, x operands) {
	off, n := around(x.a, m.size()), around(x.b, m.size())
	l, err := m.list.Partial(off, n)
	if off < 0 || n < 0 || off+n > m.size() {
		require.ErrorIs(w.t, err, memory.ErrBufferTooSmall)
		require.Nil(w.t, l)
		return
	}
	require.NoError(w.t, err)
	if n == 0 {
		n = m.size() - off
	}
	w.keep(&model{list: l, parts: m.slice(off, n), small: m.small})
}

// keep adds a list, or releases it when there are enough.
func (w *world) keep(m *model) {
	w.lists = append(w.lists, m)
	if len(w.lists) > worldLists {
		w.check()
		m.list.Release()
		w.remove(m)
	}
}

func (w *world) clone(m *model, _ operands) {
	l, err := m.list.Clone()
	require.NoError(w.t, err)
	w.keep(&model{list: l, parts: m.slice(0, m.size()), small: m.small})
}

func (w *world) split(m *model, x operands) {
	off := around(x.a, m.size())
	l, err := m.list.Split(off)
	if off < 0 || off > m.size() {
		require.ErrorIs(w.t, err, memory.ErrBufferTooSmall)
		return
	}
	require.NoError(w.t, err)
	tail := &model{list: l, parts: m.slice(off, m.size()-off), small: m.small}
	if m.parts = m.slice(0, off); off == 0 {
		tail.head, m.head = m.head, 0 // it goes with the first byte
	}
	w.keep(tail)
}

func (w *world) fragments(m *model, x operands) {
	most := x.a%20 - 1
	all, err := m.list.Fragments(most)
	if most < 1 {
		require.ErrorIs(w.t, err, mdl.ErrInvalid)
		return
	}
	require.NoError(w.t, err)
	require.Len(w.t, all, (m.size()+most-1)/most)
	before := len(w.lists)
	for i, f := range all {
		off := i * most
		w.lists = append(w.lists, &model{list: f, parts: m.slice(off, min(most, m.size()-off))})
	}
	w.check()
	whole, err := mdl.Join(all...)
	require.NoError(w.t, err)
	w.lists = append(w.lists, &model{list: whole, parts: meet(nil, m.parts)})
	require.True(w.t, mdl.Equal(whole, m.list))
	w.check()
	whole.Release()
	for _, f := range all {
		f.Release()
	}
	w.lists = w.lists[:before]
}

func (w *world) join(m *model, x operands) {
	other := w.lists[x.a%len(w.lists)]
	l, err := mdl.Join(m.list, other.list, m.list)
	require.NoError(w.t, err)
	parts := meet(meet(meet(nil, m.parts), other.parts), m.parts)
	w.keep(&model{list: l, parts: parts, small: m.small})
}

func (w *world) take(m *model, x operands) {
	other := w.lists[x.a%len(w.lists)]
	err := m.list.Take(other.list)
	if m == other {
		require.ErrorIs(w.t, err, mdl.ErrInvalid)
		return
	}
	require.NoError(w.t, err)
	m.parts = meet(m.parts, other.parts)
	other.parts, other.head = nil, 0
}

func (w *world) view(m *model, x operands) {
	n, room := around(x.a, m.size()), make([]byte, x.b%48)
	p, err := m.list.View(n, room)
	switch {
	case n == 0:
		require.ErrorIs(w.t, err, mdl.ErrInvalid)
	case n < 0 || n > m.size():
		require.ErrorIs(w.t, err, memory.ErrBufferTooSmall)
	case n <= m.parts[0].n:
		require.NoError(w.t, err)
		require.Same(w.t, &m.parts[0].of.real[m.parts[0].off], &p[0])
		require.Equal(w.t, n, cap(p))
	case n > len(room):
		require.ErrorIs(w.t, err, memory.ErrBufferTooSmall)
	default:
		require.NoError(w.t, err)
		require.Same(w.t, &room[0], &p[0])
		require.Equal(w.t, m.bytes()[:n], p)
	}
}

func (w *world) release(m *model, _ operands) {
	m.list.Release()
	require.ErrorIs(w.t, m.list.Advance(0), object.ErrDeleted)
	w.remove(m)
}

func TestRandomPrograms(t *testing.T) {
	programs := 300
	if testing.Short() || race.Enabled {
		programs = 40
	}
	for seed := range uint64(programs) {
		rng := rand.New(rand.NewPCG(seed, 2))
		program := make([]byte, 4*(1+rng.IntN(120)))
		for i := range program {
			program[i] = byte(rng.Uint32())
		}
		t.Logf("seed %d", seed)
		newWorld(t).run(program)
	}
}

func FuzzPrograms(f *testing.F) {
	f.Add([]byte{224, 3, 1, 0, 1, 16, 2, 3, 16, 0, 1, 9, 5, 0, 4, 0, 27, 0, 0, 0})
	f.Add([]byte{224, 1, 0, 0, 0, 24, 9, 9, 1, 8, 1, 9, 17, 0, 2, 20, 23, 0, 0, 0})
	f.Add([]byte{224, 2, 1, 0, 7, 0, 40, 0, 5, 0, 30, 0, 7, 0, 25, 0, 10, 0, 0, 0, 18, 0, 1, 0, 26, 0, 0, 0})
	f.Add([]byte{224, 3, 1, 0, 9, 0, 4, 9, 11, 0, 9, 0, 14, 0, 2, 0, 13, 1, 0, 0, 12, 1, 5, 0, 19, 1, 0, 0})
	f.Fuzz(func(t *testing.T, program []byte) {
		newWorld(t).run(program[:min(len(program), 400)])
	})
}
