package arena

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/sys"
)

func TestAcquirePart(t *testing.T) {
	a := open(t, Config{Reserve: 1 << 20})
	page := a.PageSize()
	all := int(1<<20) / page
	var runs []Run
	for range all {
		runs = append(runs, acquire(t, a, 1))
	}
	_, err := a.AcquirePart(4, true)
	require.ErrorIs(t, err, ErrExhausted)
	// Free runs of 3, 1 and 2 pages.
	for _, i := range []int{10, 11, 12, 20, 30, 31} {
		fill(runs[i], 0xee)
		a.Release(runs[i])
	}
	var got []int
	for range 3 {
		r, err := a.AcquirePart(4, true)
		require.NoError(t, err)
		require.True(t, isFilled(r.Bytes(), 0))
		got = append(got, r.Pages())
	}
	require.Equal(t, []int{3, 2, 1}, got, "the longest first")
	_, err = a.AcquirePart(1, true)
	require.ErrorIs(t, err, ErrExhausted)
	_, err = a.AcquirePart(0, true)
	require.ErrorIs(t, err, ErrInvalid)
}

// A run that is long enough is taken as it is, and fewer pages where the limit has no room for more.
func TestAcquirePartWithinBounds(t *testing.T) {
	a := open(t, Config{Reserve: 1 << 20, Limit: int64(10 * pageBytes)})
	r, err := a.AcquirePart(7, false)
	require.NoError(t, err)
	require.Equal(t, 7, r.Pages())
	r, err = a.AcquirePart(1000, false)
	require.NoError(t, err)
	require.Equal(t, 3, r.Pages())
	_, err = a.AcquirePart(1, false)
	require.ErrorIs(t, err, ErrLimit)
	b := open(t, Config{Reserve: 1 << 20})
	r, err = b.AcquirePart(1<<30, true)
	require.NoError(t, err)
	require.Equal(t, 1<<20/pageBytes, r.Pages())
	require.NoError(t, b.Close())
	_, err = b.AcquirePart(1, true)
	require.ErrorIs(t, err, ErrClosed)
	_, bound := b.Node()
	require.False(t, bound)
}

func TestAcquirePartWithGuards(t *testing.T) {
	a := open(t, Config{Reserve: int64(9 * pageBytes), Guard: true})
	r, err := a.AcquirePart(100, true)
	require.NoError(t, err)
	require.Equal(t, 8, r.Pages())
	_, err = a.AcquirePart(100, true)
	require.ErrorIs(t, err, ErrExhausted)
	a.Release(r)
	held := acquire(t, a, 4)
	r, err = a.AcquirePart(100, true)
	require.NoError(t, err)
	require.Equal(t, 3, r.Pages(), "a run and the guard page behind it")
	require.True(t, held.Valid())
}

func TestTakeBack(t *testing.T) {
	a := open(t, Config{Reserve: 1 << 20})
	r := acquire(t, a, 3)
	b := r.Bytes()
	for name, wrong := range map[string][]byte{"nothing": nil, "foreign": make([]byte, 9), "inside": b[a.PageSize():]} {
		e := new(MisuseError)
		func() {
			defer func() { e = recover().(*MisuseError) }()
			a.TakeBack(wrong)
		}()
		require.Equal(t, NotInUse, e.Kind, name)
		require.Equal(t, "take back", e.Op, name)
	}
	a.TakeBack(b)
	require.Zero(t, a.Stats().InUse)
	require.Panics(t, func() { a.TakeBack(b) })
	require.NoError(t, a.Close())
	require.NotPanics(t, func() { a.TakeBack(b) })
}

// pageBytes is the size of a page.
var pageBytes = sys.PageSize()
