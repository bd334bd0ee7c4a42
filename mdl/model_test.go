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

// part is a segment as it should be: which object, and where in it.
type part struct{ object, off, n int }

// model is a list as it should be: parts of flat objects.
type model struct {
	list  *mdl.List
	parts []part
}

// world runs a program on lists over a few objects and on models.
type world struct {
	t       testing.TB
	objects []memory.Object
	flat    [][]byte
	lists   []*model
	fill    byte
}

const worldObjects = 4

func newWorld(t testing.TB) *world {
	w := &world{t: t}
	for i := range worldObjects {
		w.flat = append(w.flat, bytes.Repeat([]byte{byte('a' + i)}, 1+7*i))
		m, err := memory.Wrap(bytes.Clone(w.flat[i]))
		require.NoError(t, err)
		w.objects = append(w.objects, m)
	}
	return w
}

func (m *model) size() (n int) {
	for _, p := range m.parts {
		n += p.n
	}
	return n
}

// bytes returns the list's bytes, copied from the flat objects.
func (w *world) bytes(m *model) (all []byte) {
	for _, p := range m.parts {
		all = append(all, w.flat[p.object][p.off:p.off+p.n]...)
	}
	return all
}

// write writes byte by byte to the flat objects.
func (w *world) write(m *model, off int, src []byte) {
	for _, v := range src {
		at := off
		for _, p := range m.parts {
			if at < p.n {
				w.flat[p.object][p.off+at] = v
				break
			}
			at -= p.n
		}
		off++
	}
}

func (w *world) step(op, arg, a, b byte) {
	if len(w.lists) == 0 || op%16 == 0 && len(w.lists) < 8 {
		i := int(arg) % worldObjects
		l, err := mdl.Of(w.objects[i])
		require.NoError(w.t, err)
		w.lists = append(w.lists, &model{l, []part{{i, 0, len(w.flat[i])}}})
		return
	}
	at := int(arg) % len(w.lists)
	m := w.lists[at]
	switch op % 16 {
	case 1, 2, 3, 4, 5:
		i := int(arg/8) % worldObjects
		size := len(w.flat[i])
		off, n := int(a)%(size+2)-1, int(b)%(size+2)-1
		err := m.list.Append(w.objects[i], off, n)
		if off < 0 || n < 0 || off+n > size {
			require.ErrorIs(w.t, err, memory.ErrBufferTooSmall)
			return
		}
		require.NoError(w.t, err)
		if n > 0 {
			m.parts = append(m.parts, part{i, off, n})
		}
	case 6, 7, 8:
		n := int(a)%(m.size()+3) - 1
		err := m.list.Advance(n)
		if n < 0 || n > m.size() {
			require.ErrorIs(w.t, err, memory.ErrBufferTooSmall)
			return
		}
		require.NoError(w.t, err)
		for n > 0 {
			k := min(n, m.parts[0].n)
			m.parts[0].off += k
			m.parts[0].n -= k
			if n -= k; m.parts[0].n == 0 {
				m.parts = m.parts[1:]
			}
		}
	case 9, 10, 11:
		w.fill++
		// Distinct bytes, so that the order in which parts of one object are written shows.
		off, src := int(a)%(m.size()+2)-1, make([]byte, 1+int(b)%(m.size()+2))
		for i := range src {
			src[i] = w.fill + byte(i)
		}
		err := m.list.CopyIn(off, src)
		if off < 0 || off+len(src) > m.size() {
			require.ErrorIs(w.t, err, memory.ErrInvalidBufferSize)
			return
		}
		require.NoError(w.t, err)
		w.write(m, off, src)
	case 12, 13:
		off, dst := int(a)%(m.size()+2)-1, make([]byte, 1+int(b)%(m.size()+2))
		err := m.list.CopyOut(off, dst)
		if off < 0 || off+len(dst) > m.size() {
			require.ErrorIs(w.t, err, memory.ErrBufferTooSmall)
			return
		}
		require.NoError(w.t, err)
		require.Equal(w.t, w.bytes(m)[off:off+len(dst)], dst)
	case 14:
		var out bytes.Buffer
		n, err := m.list.WriteTo(&out)
		require.NoError(w.t, err)
		require.EqualValues(w.t, m.size(), n)
		require.Equal(w.t, string(w.bytes(m)), out.String())
	default:
		m.list.Release()
		require.ErrorIs(w.t, m.list.Advance(0), object.ErrDeleted)
		w.lists = append(w.lists[:at], w.lists[at+1:]...)
	}
}

// check compares everything that can be seen, references counted.
func (w *world) check(program []byte) {
	refs := [worldObjects]int{1, 1, 1, 1}
	for _, m := range w.lists {
		require.Equal(w.t, m.size(), m.list.Len(), "program %v", program)
		require.Equal(w.t, len(m.parts), m.list.Segments(), "program %v", program)
		i := 0
		for got := range m.list.All() {
			p := m.parts[i]
			require.Same(w.t, &w.objects[p.object].Bytes()[p.off], &got[0], "program %v", program)
			require.Equal(w.t, w.flat[p.object][p.off:p.off+p.n], got, "program %v", program)
			refs[p.object]++
			i++
		}
	}
	for i, m := range w.objects {
		require.Equal(w.t, refs[i], m.Refs(), "object %d of program %v", i, program)
		require.Equal(w.t, w.flat[i], m.Bytes(), "object %d of program %v", i, program)
	}
}

func (w *world) run(program []byte) {
	for i := 0; i+3 < len(program); i += 4 {
		w.step(program[i], program[i+1], program[i+2], program[i+3])
		w.check(program[:i+4])
	}
	for _, m := range w.lists {
		m.list.Release()
	}
	w.lists = nil
	w.check(program)
	for _, m := range w.objects {
		require.NoError(w.t, m.Delete())
	}
}

func TestRandomPrograms(t *testing.T) {
	programs := 200
	if testing.Short() || race.Enabled {
		programs = 40
	}
	for seed := range uint64(programs) {
		rng := rand.New(rand.NewPCG(seed, 2))
		program := make([]byte, 4*(1+rng.IntN(80)))
		for i := range program {
			program[i] = byte(rng.Uint32())
		}
		t.Logf("seed %d", seed)
		newWorld(t).run(program)
	}
}

func FuzzPrograms(f *testing.F) {
	f.Add([]byte{0, 3, 0, 0, 1, 16, 2, 3, 9, 0, 1, 9, 6, 0, 4, 0, 15, 0, 0, 0})
	f.Add([]byte{0, 1, 0, 0, 1, 24, 9, 9, 1, 8, 1, 9, 12, 0, 2, 20, 14, 0, 0, 0})
	f.Fuzz(func(t *testing.T, program []byte) {
		newWorld(t).run(program[:min(len(program), 400)])
	})
}
