package mdl_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// cutting makes a list of the bytes, cut where cuts has a bit, over one object.
func cutting(t testing.TB, m memory.Object, cuts int) *mdl.List {
	t.Helper()
	l := mdl.New()
	begin := 0
	for i := 1; i <= m.Len(); i++ {
		if i == m.Len() || cuts>>(i-1)&1 == 1 {
			require.NoError(t, l.Append(m, begin, i-begin))
			begin = i
		}
	}
	return l
}

// Every way to cut both sides, every length.
func TestCopyBetweenLists(t *testing.T) {
	for from := range 1 << 4 {
		for to := range 1 << 3 {
			src, dst := wrap(t, "abcde"), wrap(t, "1234")
			s, d := cutting(t, src, from), cutting(t, dst, to)
			require.Equal(t, 4, mdl.Copy(d, s))
			require.Equal(t, "abcd", string(dst.Bytes()))
			require.NoError(t, d.Advance(3))
			require.NoError(t, s.Advance(1))
			require.Equal(t, 1, mdl.Copy(d, s))
			require.Equal(t, "abcb", string(dst.Bytes()))
			require.Equal(t, 1, mdl.Copy(s, d))
			require.Equal(t, "abcde", string(src.Bytes()))
			require.NoError(t, d.Advance(1))
			require.Zero(t, mdl.Copy(d, s))
			require.Zero(t, mdl.Copy(s, d))
			s.Release()
			d.Release()
			deleteAll(t, []memory.Object{src, dst})
		}
	}
}

// Two lists over one object, shifted against each other in both directions:
// what is written is what was there before.
func TestCopyOverlapping(t *testing.T) {
	const all = "abcdefgh"
	for from := range 1 << 4 {
		for to := range 1 << 4 {
			for shift := 0; shift <= 3; shift++ {
				for _, up := range []bool{false, true} {
					m := wrap(t, all)
					s, d := cutting(t, m, from<<2), cutting(t, m, to<<1)
					moved, want := d, all[:0]
					if up {
						require.NoError(t, d.Advance(shift))
						want = all[:shift] + all[:len(all)-shift]
					} else {
						require.NoError(t, s.Advance(shift))
						want = all[shift:] + all[len(all)-shift:]
					}
					require.Equal(t, len(all)-shift, mdl.Copy(moved, s))
					require.Equal(t, want, string(m.Bytes()), "from %b to %b by %d", from, to, shift)
					s.Release()
					d.Release()
					deleteAll(t, []memory.Object{m})
				}
			}
		}
	}
	m := wrap(t, all)
	l := cutting(t, m, 0b10101)
	require.Equal(t, len(all), mdl.Copy(l, l))
	require.Equal(t, all, string(m.Bytes()))
	l.Release()
	deleteAll(t, []memory.Object{m})
}

// A list that has bytes twice, and in the middle of others of its own.
func TestCopyOverlappingTwice(t *testing.T) {
	m := wrap(t, "abcdefgh")
	src, dst := mdl.New(), mdl.New()
	for _, p := range [][2]int{{0, 4}, {1, 1}} {
		require.NoError(t, src.Append(m, p[0], p[1]))
	}
	for _, p := range [][2]int{{2, 2}, {5, 3}} {
		require.NoError(t, dst.Append(m, p[0], p[1]))
	}
	require.Equal(t, 5, mdl.Copy(dst, src))
	require.Equal(t, "ababecdb", string(m.Bytes()))
	src.Release()

	src = made(mdl.Describe([]byte("12345")))
	require.NoError(t, dst.Append(m, 2, 1))
	require.NoError(t, dst.Advance(1))
	require.Equal(t, 5, mdl.Copy(dst, src))
	require.Equal(t, "ab51e234", string(m.Bytes()), "the later place wins")
	src.Release()
	dst.Release()
	deleteAll(t, []memory.Object{m})
}

// Byte slices that are part of the list's memory.
func TestCopyInAndOutOverlapping(t *testing.T) {
	const all = "abcdef"
	m := wrap(t, all)
	l := mdl.New() // defabc
	require.NoError(t, l.Append(m, 3, 3))
	require.NoError(t, l.Append(m, 0, 3))
	require.NoError(t, l.CopyIn(0, m.Bytes()))
	require.Equal(t, "defabc", string(m.Bytes()))
	require.NoError(t, l.CopyOut(0, m.Bytes()))
	require.Equal(t, "abcdef", string(m.Bytes()))
	require.NoError(t, l.CopyIn(1, m.Bytes()[:5]))
	require.Equal(t, "cdedab", string(m.Bytes()))
	l.Release()
	deleteAll(t, []memory.Object{m})
}

// Copy ends before what must not be written, and says how far it came.
func TestCopyEndsAtReadOnly(t *testing.T) {
	a, ro := wrap(t, "aaa"), wrap(t, "rrr", memory.ReadOnly())
	src := made(mdl.Describe([]byte("123456789")))
	l := mdl.New()
	require.NoError(t, l.Append(a, 0, 3))
	require.NoError(t, l.Append(ro, 0, 3))
	require.NoError(t, l.Append(a, 0, 1))
	require.Equal(t, 3, mdl.Copy(l, src))
	require.Equal(t, "123rrr1", text(l))
	require.NoError(t, l.Advance(3))
	require.Zero(t, mdl.Copy(l, src))
	require.Equal(t, 4, mdl.Copy(src, l), "reading is allowed")
	require.Equal(t, "rrr156789", text(src))
	l.Release()
	src.Release()
	deleteAll(t, []memory.Object{a, ro})
}

func TestCompare(t *testing.T) {
	words := []string{"", "a", "ab", "abc", "abd", "b", "abcdef", "abcdeg"}
	for _, x := range words {
		for _, y := range words {
			for cuts := range 8 {
				a, b := mdl.New(), mdl.New()
				if x != "" {
					a = cutting(t, wrap(t, x), cuts)
				}
				if y != "" {
					b = cutting(t, wrap(t, y), cuts>>1)
				}
				want := bytes.Compare([]byte(x), []byte(y))
				got := mdl.Compare(a, b)
				require.Equal(t, want, max(-1, min(1, got)), "%q and %q", x, y)
				require.Equal(t, x == y, mdl.Equal(a, b))
				a.Release()
				b.Release()
			}
		}
	}
}

func TestFill(t *testing.T) {
	for _, n := range []int{1, 63, 64, 65, 127, 128, 129, 1000} {
		for _, v := range []byte{0, 0xA5} {
			m, err := memory.Wrap(bytes.Repeat([]byte{1}, n+2))
			require.NoError(t, err)
			l := mdl.New()
			require.NoError(t, l.Append(m, 0, 1))
			require.NoError(t, l.Append(m, 1, n/2+1))
			require.NoError(t, l.Append(m, n/2+2, n-n/2))
			require.NoError(t, l.Fill(1, n, v))
			want := append(append([]byte{1}, bytes.Repeat([]byte{v}, n)...), 1)
			require.Equal(t, want, m.Bytes())
			for _, bad := range [][2]int{{0, 0}, {0, -1}, {5, -n}} {
				require.ErrorIs(t, l.Fill(bad[0], bad[1], 9), mdl.ErrInvalid)
			}
			for _, bad := range [][2]int{{0, n + 3}, {-1, 1}, {n + 2, 1}, {1, math.MaxInt}} {
				require.ErrorIs(t, l.Fill(bad[0], bad[1], 9), memory.ErrInvalidBufferSize)
			}
			require.Equal(t, want, m.Bytes())
			l.Release()
			deleteAll(t, []memory.Object{m})
		}
	}
	ro := wrap(t, "constant", memory.ReadOnly())
	l := made(mdl.Of(ro))
	require.ErrorIs(t, l.Fill(0, 1, 9), memory.ErrReadOnly)
	l.Release()
	deleteAll(t, []memory.Object{ro})
}
