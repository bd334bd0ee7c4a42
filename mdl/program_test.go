package mdl_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

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

// verdict is what a write of n bytes at off comes to.
func (m *model) verdict(off, n int) error {
	if found, _ := m.readOnly(off, n); found {
		return memory.ErrReadOnly
	}
	if off < 0 || off+n > m.size() {
		return memory.ErrInvalidBufferSize
	}
	return nil
}

// copyIn writes fresh bytes, or, which is harder, some of the list's own.
func (w *world) copyIn(m *model, x operands) {
	off, src := around(x.a, m.size()), w.fresh(1+x.b%(m.size()+2))
	if of := w.things[x.arg%len(w.things)]; x.b%3 == 0 && of.m.Valid() {
		src = of.real[:min(len(src), len(of.real))]
	}
	was := bytes.Clone(src)
	want := m.verdict(off, len(src))
	require.ErrorIs(w.t, m.list.CopyIn(off, src), want)
	if want == nil {
		m.write(off, was)
	}
}

func (w *world) copyOut(m *model, x operands) {
	off, dst := around(x.a, m.size()), make([]byte, 1+x.b%(m.size()+2))
	of := w.things[x.arg%len(w.things)]
	inside := x.b%3 == 0 && of.m.Valid() && !of.readOnly
	if inside {
		dst = of.real[:min(len(dst), len(of.real))]
	}
	before := m.bytes()
	err := m.list.CopyOut(off, dst)
	if off < 0 || off+len(dst) > m.size() {
		require.ErrorIs(w.t, err, memory.ErrBufferTooSmall)
		return
	}
	require.NoError(w.t, err)
	require.Equal(w.t, before[off:off+len(dst)], dst)
	if inside {
		copy(of.flat, dst)
	}
}

func (w *world) copyBetween(m *model, x operands) {
	from := w.lists[x.a%len(w.lists)]
	src := from.bytes()
	_, n := m.readOnly(0, min(m.size(), len(src)))
	require.Equal(w.t, n, mdl.Copy(m.list, from.list))
	m.write(0, src[:n])
}

func (w *world) compare(m *model, x operands) {
	other := w.lists[x.a%len(w.lists)]
	want := bytes.Compare(m.bytes(), other.bytes())
	got := mdl.Compare(m.list, other.list)
	require.Equal(w.t, want, max(-1, min(1, got)))
	require.Equal(w.t, want == 0, mdl.Equal(m.list, other.list))
}

func (w *world) fillIn(m *model, x operands) {
	off, n := around(x.a, m.size()), around(x.b, m.size())
	w.fill++
	err := m.list.Fill(off, n, w.fill)
	if n <= 0 {
		require.ErrorIs(w.t, err, mdl.ErrInvalid)
		return
	}
	want := m.verdict(off, n)
	require.ErrorIs(w.t, err, want)
	if want == nil {
		m.write(off, bytes.Repeat([]byte{w.fill}, n))
	}
}

// internet is the checksum of RFC 1071, word by word.
func internet(p []byte) uint16 {
	var sum uint32
	for ; len(p) > 1; p = p[2:] {
		sum += uint32(binary.BigEndian.Uint16(p))
	}
	if len(p) == 1 {
		sum += uint32(p[0]) << 8
	}
	for sum > 0xFFFF {
		sum = sum>>16 + sum&0xFFFF
	}
	return ^uint16(sum)
}

func (w *world) sums(m *model, x operands) {
	off, n := around(x.a, m.size()), around(x.b, m.size())
	sum, err := m.list.Checksum(off, n)
	crc, err2 := m.list.CRC32C(off, n)
	if off < 0 || n < 0 || off+n > m.size() {
		require.ErrorIs(w.t, err, memory.ErrBufferTooSmall)
		require.ErrorIs(w.t, err2, memory.ErrBufferTooSmall)
		return
	}
	require.NoError(w.t, err)
	require.NoError(w.t, err2)
	p := m.bytes()[off:]
	if n > 0 {
		p = p[:n]
	}
	require.Equal(w.t, internet(p), sum)
	require.Equal(w.t, crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli)), crc)
}

func (w *world) writeTo(m *model, x operands) {
	var out bytes.Buffer
	n, err := m.list.WriteTo(&out)
	require.NoError(w.t, err)
	require.EqualValues(w.t, m.size(), n)
	require.Equal(w.t, string(m.bytes()), out.String())

	r := m.list.Reader()
	at := x.a % (m.size() + 2)
	_, err = r.Seek(int64(at), io.SeekStart)
	require.NoError(w.t, err)
	rest, err := io.ReadAll(io.LimitReader(r, int64(x.b)))
	require.NoError(w.t, err)
	at = min(at, m.size())
	require.Equal(w.t, string(m.bytes()[at:min(at+x.b, m.size())]), string(rest))
}

func (w *world) readFrom(m *model, x operands) {
	src := w.fresh(x.a % (m.size() + 5))
	var r io.Reader = bytes.NewReader(src)
	if x.b%2 == 0 {
		r = iotest.DataErrReader(iotest.HalfReader(r))
	}
	n, err := m.list.ReadFrom(r)
	if found, _ := m.readOnly(0, m.size()); found {
		require.ErrorIs(w.t, err, memory.ErrReadOnly)
		return
	}
	require.NoError(w.t, err)
	require.EqualValues(w.t, min(len(src), m.size()), n)
	m.write(0, src[:n])
}

// ends looks at the parts through everything that gives them away.
func (w *world) ends(m *model, _ operands) {
	require.Equal(w.t, string(m.bytes()), string(bytes.Join(m.list.Buffers(), nil)))
	v := m.list.Iovecs(nil)
	require.Len(w.t, v, len(m.parts))
	for i, p := range m.parts {
		require.Same(w.t, &p.of.real[p.off], v[i].Base)
		require.EqualValues(w.t, p.n, v[i].Len)
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
