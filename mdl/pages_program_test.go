package mdl_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/slab"
)

// pageRun is what AllocatePages gave as one, as it should be.
type pageRun struct {
	m    memory.Object
	flat []byte
}

// pagePart is part of a run.
type pagePart struct {
	r      *pageRun
	off, n int
}

func sizeOf(parts []pagePart) (n int) {
	for _, p := range parts {
		n += p.n
	}
	return n
}

// slice is n bytes of parts from off on.
func slice(parts []pagePart, off, n int) (got []pagePart) {
	for _, p := range parts {
		if k := min(off, p.n); k > 0 {
			p.off, p.n, off = p.off+k, p.n-k, off-k
		}
		if p.n = min(p.n, n); p.n > 0 {
			got = append(got, p)
			n -= p.n
		}
	}
	return got
}

func bytesOf(parts []pagePart) (all []byte) {
	for _, p := range parts {
		all = append(all, p.r.flat[p.off:p.off+p.n]...)
	}
	return all
}

func writeTo(parts []pagePart, off int, src []byte) {
	for _, p := range slice(parts, off, len(src)) {
		src = src[copy(p.r.flat[p.off:p.off+p.n], src):]
	}
}

// sameBytes reports whether two lists of parts are the same memory.
func sameBytes(a, b []pagePart) bool {
	for len(a) > 0 && len(b) > 0 {
		if a[0].r != b[0].r || a[0].off != b[0].off {
			return false
		}
		n := min(a[0].n, b[0].n)
		a, b = slice(a, n, sizeOf(a)-n), slice(b, n, sizeOf(b)-n)
	}
	return len(a) == len(b)
}

// mappable reports whether parts can be one mapping.
func mappable(parts []pagePart) bool {
	for i := 1; i < len(parts); i++ {
		last, p := parts[i-1], parts[i]
		end := last.off + last.n
		if (end%page != 0 || p.off%page != 0) && (last.r != p.r || end != p.off) {
			return false
		}
	}
	return true
}

// pageList is a list as it should be.
type pageList struct {
	l      *mdl.List
	parts  []pagePart
	locked []pagePart // nil: not locked
	isLock bool
	mapped []pagePart // nil: not mapped
	view   []byte
	prot   mdl.Prot
}

// pageWorld runs a program of everything that lists ask the kernel for.
type pageWorld struct {
	t     testing.TB
	a     *arena.Arena
	s     *mdl.Sender
	r     *mdl.Receiver
	lists []*pageList
	views int
	mark  byte
}

func sendAndReceive(t testing.TB, s *mdl.Sender, r *mdl.Receiver, l *mdl.List, p mdl.Prot) *mdl.List {
	t.Helper()
	require.NoError(t, s.Send(l, p))
	got, err := r.Receive()
	require.NoError(t, err)
	return got
}

func reaped(t testing.TB, s *mdl.Sender, want int) {
	t.Helper()
	out, err := s.Reap()
	require.NoError(t, err)
	require.Equal(t, want, out)
}

func newPageWorld(t testing.TB) *pageWorld {
	w := &pageWorld{t: t, views: mdl.Mappings().Views}
	if canSend {
		w.a, w.s, w.r = peersOf(t)
	} else {
		w.a = sharedArena(t)
	}
	return w
}

func (w *pageWorld) step(op, arg, x, y byte) {
	t := w.t
	if len(w.lists) == 0 || op%16 == 0 && len(w.lists) < 6 {
		w.allocate(int(arg)%4+1, mdl.Flags(x)&(mdl.NoZero|mdl.FullyRequired|mdl.PreferContiguous|mdl.RequireContiguous))
		return
	}
	at := int(arg) % len(w.lists)
	m := w.lists[at]
	size := sizeOf(m.parts)
	// Half of the numbers are near the boundaries of pages, where things happen.
	number := func(below int) int {
		if n := int(x)<<8 | int(y); op < 128 {
			return n % below
		}
		return min(int(x)%(below/page+1)*page+int(y)%3, below-1)
	}
	switch op % 16 {
	case 1, 2:
		if size == 0 || len(w.lists) >= 6 {
			return
		}
		off := number(size)
		n := 1 + int(x)*97%(size-off)
		l, err := m.l.Partial(off, n)
		require.NoError(t, err)
		w.lists = append(w.lists, &pageList{l: l, parts: slice(m.parts, off, n)})
	case 3:
		if len(w.lists) >= 6 {
			return
		}
		off := number(size + 1)
		l, err := m.l.Split(off)
		require.NoError(t, err)
		w.lists = append(w.lists, &pageList{l: l, parts: slice(m.parts, off, size)})
		m.parts = slice(m.parts, 0, off)
	case 4:
		n := number(size + 1)
		require.NoError(t, m.l.Advance(n))
		m.parts = slice(m.parts, n, size)
		m.locked = slice(m.locked, n, sizeOf(m.locked))
	case 5, 6:
		if size > 0 {
			w.write(m, number(size))
		}
	case 7:
		err := m.l.Lock()
		if m.isLock {
			unbalanced(t, "lock", err)
			return
		}
		require.NoError(t, err)
		m.isLock, m.locked = true, slice(m.parts, 0, size)
	case 8:
		err := m.l.Unlock()
		if !m.isLock {
			unbalanced(t, "unlock", err)
			return
		}
		require.NoError(t, err)
		m.isLock, m.locked = false, nil
	case 9, 10:
		w.doMap(m)
	case 11:
		err := m.l.Unmap()
		if m.mapped == nil {
			unbalanced(t, "unmap", err)
			return
		}
		require.NoError(t, err)
		m.mapped, m.view = nil, nil
	case 12:
		p := mdl.Prot(x % 3)
		err := m.l.Protect(p)
		if m.mapped == nil {
			require.ErrorIs(t, err, mdl.ErrNotMapped)
			return
		}
		require.NoError(t, err)
		m.prot = p
	case 13:
		from := w.lists[int(x)%len(w.lists)]
		if len(from.parts) == 0 || size > 40*page {
			return
		}
		p := from.parts[int(y)%len(from.parts)]
		require.NoError(t, m.l.Append(p.r.m, p.off, p.n))
		m.parts = append(slice(m.parts, 0, size), p)
	case 14:
		w.handOver(m, mdl.Prot(1+x%2))
	case 15:
		if m.isLock {
			require.Equal(t, slab.Unbalanced, misuse(t, m.l.Release).Kind)
			return
		}
		m.l.Release()
		w.lists = append(w.lists[:at], w.lists[at+1:]...)
	}
}

func (w *pageWorld) allocate(pages int, flags mdl.Flags) {
	l, err := mdl.AllocatePages(w.a, int64(pages*page), flags)
	require.NoError(w.t, err)
	m := &pageList{l: l}
	for o, b := range l.Parts() {
		if flags&mdl.NoZero != 0 {
			clear(b)
		}
		m.parts = append(m.parts, pagePart{&pageRun{o, make([]byte, len(b))}, 0, len(b)})
	}
	require.Equal(w.t, pages*page, sizeOf(m.parts))
	w.lists = append(w.lists, m)
}

// write writes a few bytes, through the mapping where there is one that allows
// it, and else through the list.
func (w *pageWorld) write(m *pageList, off int) {
	w.mark++
	if m.mapped != nil && m.prot == mdl.ReadWrite {
		off %= len(m.view)
		src := bytes.Repeat([]byte{w.mark}, min(5, len(m.view)-off))
		copy(m.view[off:], src)
		writeTo(m.mapped, off, src)
		return
	}
	src := bytes.Repeat([]byte{w.mark}, min(5, sizeOf(m.parts)-off))
	require.NoError(w.t, m.l.CopyIn(off, src))
	writeTo(m.parts, off, src)
}

func (w *pageWorld) doMap(m *pageList) {
	t, size := w.t, sizeOf(m.parts)
	v, err := m.l.Map()
	switch all := sizeOf(m.mapped); {
	case m.mapped != nil && size > 0 && size <= all && sameBytes(m.parts, slice(m.mapped, all-size, size)):
		require.NoError(t, err)
		require.Same(t, &m.view[all-size], &v[0])
	case m.mapped != nil && size > 0 && size <= all && sameBytes(m.parts, slice(m.mapped, 0, size)):
		require.NoError(t, err)
		require.Same(t, &m.view[0], &v[0])
	case m.mapped != nil:
		require.ErrorIs(t, err, mdl.ErrMapped)
	case size == 0:
		require.ErrorIs(t, err, mdl.ErrInvalid)
	case !mappable(m.parts):
		var e *mdl.MapError
		require.ErrorAs(t, err, &e)
		require.Equal(t, mdl.Unaligned, e.Reason)
	default:
		require.NoError(t, err)
		require.Len(t, v, size)
		m.mapped, m.view, m.prot = slice(m.parts, 0, size), v, mdl.ReadWrite
	}
}

// handOver sends a list, and writes on the other side.
func (w *pageWorld) handOver(m *pageList, p mdl.Prot) {
	if w.s == nil || len(m.parts) == 0 {
		return
	}
	got := sendAndReceive(w.t, w.s, w.r, m.l, p)
	require.True(w.t, bytes.Equal(bytesOf(m.parts), flat(w.t, got)))
	if p == mdl.ReadWrite {
		w.mark++
		require.NoError(w.t, got.CopyIn(0, []byte{w.mark}))
		writeTo(m.parts, 0, []byte{w.mark})
	}
	got.Release()
	reaped(w.t, w.s, 0)
}

// check compares everything that can be seen.
func (w *pageWorld) check() {
	t := w.t
	runs, locks := map[*pageRun]bool{}, map[[2]int]bool{}
	numbers := map[*pageRun]int{}
	views := w.views
	for _, m := range w.lists {
		require.Equal(t, sizeOf(m.parts), m.l.Len())
		require.True(t, bytes.Equal(bytesOf(m.parts), flat(t, m.l)))
		require.Equal(t, m.isLock, m.l.IsLocked())
		require.Equal(t, m.mapped != nil, m.l.IsMapped())
		if m.mapped != nil {
			views++
			if m.prot != mdl.NoAccess {
				require.True(t, bytes.Equal(bytesOf(m.mapped), m.view))
			}
		}
		for _, parts := range [][]pagePart{m.parts, m.locked, m.mapped} {
			for _, p := range parts {
				runs[p.r] = true
			}
		}
		for _, p := range m.locked {
			if _, ok := numbers[p.r]; !ok {
				numbers[p.r] = len(numbers)
			}
			for at := p.off / page; at <= (p.off+p.n-1)/page; at++ {
				locks[[2]int{numbers[p.r], at}] = true
			}
		}
	}
	inUse := 0
	for r := range runs {
		inUse += len(r.flat)
	}
	require.EqualValues(t, inUse, w.a.Stats().InUse)
	require.EqualValues(t, len(locks)*page, mdl.LockedBytes())
	require.Equal(t, views, mdl.Mappings().Views)
}

func (w *pageWorld) run(program []byte) {
	for i := 0; i+3 < len(program); i += 4 {
		w.step(program[i], program[i+1], program[i+2], program[i+3])
		w.check()
	}
	for _, m := range w.lists {
		if m.isLock {
			require.NoError(w.t, m.l.Unlock())
		}
		m.l.Release()
	}
	w.lists = nil
	w.check()
}

func TestRandomPagePrograms(t *testing.T) {
	programs := 150
	if testing.Short() {
		programs = 30
	}
	w := newPageWorld(t)
	for seed := range uint64(programs) {
		rng := rand.New(rand.NewPCG(seed, 3))
		program := make([]byte, 4*(1+rng.IntN(60)))
		for i := range program {
			program[i] = byte(rng.Uint32())
		}
		t.Logf("seed %d", seed)
		w.run(program)
	}
}

// FuzzPages runs programs of allocating, cutting, locking, mapping, protecting,
// handing over and releasing lists of pages against a model.
func FuzzPages(f *testing.F) {
	f.Add([]byte{0, 2, 0, 0, 9, 0, 0, 0, 5, 0, 0, 9, 7, 0, 0, 0, 4, 0, 4, 0, 9, 0, 0, 0, 14, 0, 1, 0, 15, 0, 0, 0})
	f.Add([]byte{0, 3, 0, 0, 129, 0, 1, 0, 13, 1, 0, 0, 9, 1, 0, 0, 12, 1, 1, 0, 11, 1, 0, 0, 3, 0, 1, 0, 8, 0, 0, 0})
	f.Fuzz(func(t *testing.T, program []byte) {
		newPageWorld(t).run(program[:min(len(program), 240)])
	})
}
