package lookaside

import (
	"math"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/slab"
)

// limitNow is the limit that the runtime has.
func limitNow() int64 { return debug.SetMemoryLimit(-1) }

// withLimit sets the limit for a test.
func withLimit(t *testing.T, n int64) {
	t.Helper()
	before := debug.SetMemoryLimit(n)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
}

func openLimited(t *testing.T) *Domain {
	t.Helper()
	d, err := Open(Config{Name: "limited", MemLimit: LowerGoLimit})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

const gib = int64(1 << 30)

// TestMemLimitFollows: what is committed is subtracted, and given back.
func TestMemLimitFollows(t *testing.T) {
	withLimit(t, 4*gib)
	plain, err := Open(Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, plain.Close()) }()
	_, err = plain.Alloc(32 << 20)
	require.NoError(t, err)
	require.Equal(t, 4*gib, limitNow(), "who does not ask for it leaves the limit alone")

	d := openLimited(t)
	b, err := d.Alloc(100 << 20)
	require.NoError(t, err)
	require.InDelta(t, 4*gib-100<<20, limitNow(), limitStep)
	d.Tick(time.Time{})
	require.Equal(t, 4*gib-d.Arena().Committed(), limitNow(), "Tick makes it exact")
	d.Free(b)
	d.Allocator().Trim()
	d.Tick(time.Time{})
	require.Equal(t, 4*gib-d.Arena().Committed(), limitNow())
	require.InDelta(t, 4*gib, limitNow(), limitStep)
	_, err = d.Alloc(64 << 20)
	require.NoError(t, err)
	var leak *LeakError
	require.ErrorAs(t, d.Close(), &leak)
	require.Equal(t, 4*gib, limitNow(), "Close gives it back, also where blocks are out")
	d.Tick(time.Time{})
	require.Equal(t, 4*gib, limitNow())
	plain.Allocator().Trim()
	require.ErrorAs(t, plain.Close(), &leak)
}

// TestMemLimitOfSeveral: shares add up, whatever the order in which they go.
func TestMemLimitOfSeveral(t *testing.T) {
	withLimit(t, 4*gib)
	one, two := openLimited(t), openLimited(t)
	sum := func(ds ...*Domain) (n int64) {
		for _, d := range ds {
			d.Tick(time.Time{})
			n += d.Arena().Committed()
		}
		return n
	}
	a, err := one.Alloc(64 << 20)
	require.NoError(t, err)
	b, err := two.Alloc(32 << 20)
	require.NoError(t, err)
	require.Equal(t, 4*gib-sum(one, two), limitNow())
	one.Free(a)
	require.NoError(t, one.Close())
	require.Equal(t, 4*gib-sum(two), limitNow())
	three := openLimited(t)
	two.Free(b)
	require.NoError(t, two.Close())
	c, err := three.Alloc(16 << 20)
	require.NoError(t, err)
	require.Equal(t, 4*gib-sum(three), limitNow())
	three.Free(c)
	require.NoError(t, three.Close())
	require.Equal(t, 4*gib, limitNow())
}

// TestMemLimitOfTheUser: a limit that the user sets meanwhile is his.
func TestMemLimitOfTheUser(t *testing.T) {
	withLimit(t, 4*gib)
	d := openLimited(t)
	b, err := d.Alloc(64 << 20)
	require.NoError(t, err)
	debug.SetMemoryLimit(2 * gib)
	d.Tick(time.Time{})
	require.Equal(t, 2*gib-d.Arena().Committed(), limitNow())
	debug.SetMemoryLimit(math.MaxInt64)
	d.Tick(time.Time{})
	require.Equal(t, int64(math.MaxInt64), limitNow(), "without a limit there is nothing to lower")
	debug.SetMemoryLimit(100 << 20)
	d.Tick(time.Time{})
	require.Equal(t, max(100<<20-d.Arena().Committed(), 100<<20/limitPart), limitNow())
	debug.SetMemoryLimit(64 << 20)
	d.Tick(time.Time{})
	require.Equal(t, int64(64<<20/limitPart), limitNow(), "never below an eighth")
	debug.SetMemoryLimit(3 * gib) // and without a Tick before the end
	d.Free(b)
	require.NoError(t, d.Close())
	require.Equal(t, 3*gib, limitNow())
}

// TestMemLimitIsSetByTwo: the user changes the limit between the look at it
// and the change of it. A fake runtime does that, once for each of several
// calls.
func TestMemLimitIsSetByTwo(t *testing.T) {
	d, err := Open(Config{})
	require.NoError(t, err)
	for at := 1; at <= 6; at++ {
		limit, calls, users := 4*gib, 0, 4*gib
		g := limiter{set: func(n int64) int64 {
			if calls++; calls == at {
				users = 3 * gib
				limit = users
			}
			before := limit
			if n >= 0 {
				limit = n
			}
			return before
		}}
		s, err := g.join(d.Arena())
		require.NoError(t, err)
		s.update()
		b, err := d.Alloc(128 << 20)
		require.NoError(t, err)
		s.update()
		require.Equal(t, users-d.Arena().Committed(), limit, "at call %d", at)
		d.Free(b)
		s.leave()
		s.leave()
		s.update()
		require.Equal(t, users, limit, "at call %d", at)
		d.Allocator().Trim()
	}
	require.NoError(t, d.Close())
}

// TestMemLimitWhileOthersWork: many goroutines, two domains, one that opens
// and closes.
func TestMemLimitWhileOthersWork(t *testing.T) {
	withLimit(t, 4*gib)
	d := openLimited(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				b, err := d.Alloc(9 << 20)
				if err != nil {
					t.Error(err)
					return
				}
				d.Free(b)
				d.Allocator().Trim()
			}
		})
	}
	all.Go(func() {
		for range 10 {
			e, err := Open(Config{MemLimit: LowerGoLimit})
			if err != nil {
				t.Error(err)
				return
			}
			_ = e.Close()
		}
	})
	all.Wait()
	require.NoError(t, d.Close())
	require.Equal(t, 4*gib, limitNow())
}

func TestMemLimitIsChecked(t *testing.T) {
	_, err := Open(Config{MemLimit: 7})
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "MemLimit MemLimit(7): must be LeaveGoLimit or LowerGoLimit")
	require.Equal(t, "LeaveGoLimit LowerGoLimit", LeaveGoLimit.String()+" "+LowerGoLimit.String())
	_, err = Open(Config{MaxParked: 5})
	require.ErrorIs(t, err, slab.ErrInvalid)
}
