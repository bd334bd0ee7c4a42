package mdl_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

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
