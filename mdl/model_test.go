package mdl_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/slab"
)

// thing is memory as it should be: flat bytes, and who keeps them.
type thing struct {
	m        memory.Object // the zero handle where the bytes are borrowed
	flat     []byte        // what they are to be
	real     []byte        // where they are
	birth    int           // references besides the lists'
	readOnly bool
	block    bool // of the lookaside
}

// part is a segment as it should be: which thing, and where in it.
type part struct {
	of     *thing
	off, n int
}

// model is a list as it should be.
type model struct {
	list  *mdl.List
	parts []part
	head  int  // headroom, before the first part
	small bool // it takes memory from the world's blocks
}

// world runs a program on lists over a few things and on models.
type world struct {
	t       testing.TB
	src     *arena.Arena
	blocks  *slab.Lookaside // what lists take memory from, and objects are made of
	things  []*thing
	lists   []*model
	fill    byte
	program []byte
}

const (
	worldThings = 5
	worldLists  = 8
	blockBytes  = 16
)

func newWorld(t testing.TB) *world {
	w := &world{t: t}
	var err error
	w.src, err = arena.Open(arena.Config{})
	require.NoError(t, err)
	w.blocks, err = slab.New(w.src, slab.Config{Name: "blocks", Size: blockBytes})
	require.NoError(t, err)
	for i := range worldThings {
		flat := bytes.Repeat([]byte{byte('a' + i)}, 1+7*i)
		var opts []memory.Option
		if i == worldThings-1 {
			opts = append(opts, memory.ReadOnly())
		}
		real := bytes.Clone(flat)
		m, err := memory.Wrap(real, opts...)
		require.NoError(t, err)
		w.things = append(w.things, &thing{m: m, flat: flat, real: real, birth: 1, readOnly: opts != nil})
	}
	return w
}

func (m *model) size() (n int) {
	for _, p := range m.parts {
		n += p.n
	}
	return n
}

// bytes returns what the list should hold.
func (m *model) bytes() (all []byte) {
	for _, p := range m.parts {
		all = append(all, p.of.flat[p.off:p.off+p.n]...)
	}
	return all
}

// place finds byte at of the list in its thing.
func (m *model) place(at int) (*thing, int) {
	for _, p := range m.parts {
		if at < p.n {
			return p.of, p.off + at
		}
		at -= p.n
	}
	panic("behind the end")
}

// write writes byte by byte.
func (m *model) write(off int, src []byte) {
	for i, v := range src {
		of, at := m.place(off + i)
		of.flat[at] = v
	}
}

// readOnly reports whether any of the n bytes at off that there are must not
// be written, and how many may from there on.
func (m *model) readOnly(off, n int) (found bool, before int) {
	for i := off; i < off+n; i++ {
		if i < 0 || i >= m.size() {
			continue
		}
		if of, _ := m.place(i); of.readOnly {
			return true, max(0, i-off)
		}
	}
	return false, n
}

// advance takes n bytes off the front of the model.
func (m *model) advance(n int) {
	for n > 0 {
		k := min(n, m.parts[0].n)
		m.parts[0].off += k
		m.parts[0].n -= k
		m.head += k
		if n -= k; m.parts[0].n == 0 {
			m.parts, m.head = m.parts[1:], 0
		}
	}
}

// slice returns parts for n bytes at off.
func (m *model) slice(off, n int) (all []part) {
	for _, p := range m.parts {
		if off >= p.n {
			off -= p.n
			continue
		}
		k := min(n, p.n-off)
		if k > 0 {
			all = append(all, part{p.of, p.off + off, k})
		}
		n -= k
		off = 0
	}
	return all
}

// meet appends parts as Join does: what meets in memory becomes one.
func meet(to, more []part) []part {
	for _, p := range more {
		if n := len(to); n > 0 && to[n-1].of == p.of && to[n-1].off+to[n-1].n == p.off {
			to[n-1].n += p.n
			continue
		}
		to = append(to, p)
	}
	return to
}

func (w *world) remove(m *model) {
	for i := range w.lists {
		if w.lists[i] == m {
			w.lists = append(w.lists[:i], w.lists[i+1:]...)
			return
		}
	}
}

// fresh gives n bytes, all different, so that an order in which they were
// written shows.
func (w *world) fresh(n int) []byte {
	w.fill++
	src := make([]byte, n)
	for i := range src {
		src[i] = w.fill + byte(i)
	}
	return src
}

// references counts what the lists hold, by thing.
func (w *world) references() map[*thing]int {
	refs := map[*thing]int{}
	for _, m := range w.lists {
		for _, p := range m.parts {
			refs[p.of]++
		}
	}
	return refs
}

// check compares everything that can be seen, references counted.
func (w *world) check() {
	say := fmt.Sprintf("program %v", w.program)
	refs := w.references()
	for _, m := range w.lists {
		w.checkList(m, say)
	}
	blocks := 0
	for _, of := range w.things {
		if of.m != (memory.Object{}) {
			require.Equal(w.t, of.birth+refs[of], of.m.Refs(), say)
		}
		if of.block && of.m.Refs() == 0 {
			require.False(w.t, of.m.Valid(), say)
			continue
		}
		if of.block {
			blocks++
		}
		require.Equal(w.t, of.flat, of.real, say)
	}
	require.EqualValues(w.t, blocks, w.blocks.Stats().Live, say)
}

func (w *world) checkList(m *model, say string) {
	require.Equal(w.t, m.size(), m.list.Len(), say)
	require.Equal(w.t, len(m.parts), m.list.Segments(), say)
	i, borrowed := 0, false
	for of, got := range m.list.Parts() {
		p := m.parts[i]
		require.Equal(w.t, p.of.m, of, say)
		require.Same(w.t, &p.of.real[p.off], &got[0], say)
		require.Equal(w.t, p.n, len(got), say)
		require.Equal(w.t, p.n, cap(got), say)
		borrowed = borrowed || p.of.m == (memory.Object{})
		i++
	}
	require.Equal(w.t, len(m.parts), i, say)
	require.Equal(w.t, borrowed, m.list.Borrowed(), say)
	require.Equal(w.t, m.head, m.list.Headroom(), say)
	var all []byte
	fragments := 0
	for f := range m.list.Pages() {
		require.Equal(w.t, f.Length, len(f.Bytes), say)
		all = append(all, f.Bytes...)
		fragments++
	}
	require.Equal(w.t, string(m.bytes()), string(all), say)
	require.Equal(w.t, m.list.PageCount(), fragments, say)
}

func (w *world) run(program []byte) {
	for i := 0; i+3 < len(program); i += 4 {
		w.program = program[:i+4]
		w.step(program[i], program[i+1], program[i+2], program[i+3])
		w.check()
	}
	for _, m := range w.lists {
		m.list.Release()
	}
	w.lists = nil
	w.check()
	for _, of := range w.things {
		if of.birth > 0 {
			require.NoError(w.t, of.m.Delete())
		}
	}
	require.NoError(w.t, w.blocks.Close())
	require.NoError(w.t, w.src.Close())
}
