package arena

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWatch counts the calls of an arena that grows and shrinks.
func TestWatch(t *testing.T) {
	a := open(t, Config{})
	var seen []int64
	stop, err := a.Watch(1<<20, func() { seen = append(seen, a.Committed()) })
	require.NoError(t, err)
	page := int64(a.PageSize())
	var runs []Run
	for range 3 << 20 / page {
		runs = append(runs, acquire(t, a, 1))
	}
	require.Equal(t, []int64{1 << 20, 2 << 20, 3 << 20}, seen)
	grown, ok := a.Extend(runs[len(runs)-1], int(1+1<<20/page))
	require.True(t, ok)
	require.Len(t, seen, 4)
	a.Release(grown)
	for _, r := range runs[:len(runs)-1] {
		a.Release(r)
	}
	require.Len(t, seen, 4, "free pages stay committed until they are given back")
	a.Purge(0)
	require.Equal(t, int64(0), seen[len(seen)-1])
	require.Len(t, seen, 5)
	stop()
	stop()
	a.Release(acquire(t, a, int(2<<20/page)))
	require.Len(t, seen, 5)
}

// TestWatchersMayCome and go while others work.
func TestWatchersMayCome(t *testing.T) {
	a := open(t, Config{})
	var one, two atomic.Int64
	stop, err := a.Watch(1, func() { one.Add(1); _ = a.Committed() })
	require.NoError(t, err)
	_, err = a.Watch(1, func() { two.Add(1) })
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 500 {
			r, err := a.AcquireUninitialized(3)
			if err != nil {
				t.Error(err)
				return
			}
			a.Release(r)
			a.Purge(0)
		}
	}()
	stop()
	<-done
	require.GreaterOrEqual(t, two.Load(), int64(1000))
	require.LessOrEqual(t, one.Load(), two.Load())
}

func TestWatchIsRefused(t *testing.T) {
	a, err := Open(Config{})
	require.NoError(t, err)
	_, err = a.Watch(0, func() {})
	require.ErrorIs(t, err, ErrInvalid)
	_, err = a.Watch(1, nil)
	require.ErrorIs(t, err, ErrInvalid)
	_, err = a.Watch(1, func() {})
	require.NoError(t, err)
	require.NoError(t, a.Close())
	require.Zero(t, a.Committed())
	_, err = a.Watch(1, func() {})
	require.ErrorIs(t, err, ErrClosed)
}
