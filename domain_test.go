package lookaside

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
	"offheap.example/lookaside/slab"
)

func TestDomain(t *testing.T) {
	d, err := Open(Config{Name: "test"})
	require.NoError(t, err)
	b, err := d.Alloc(100)
	require.NoError(t, err)
	l, err := d.NewLookaside("rx", 2048, WithTag(slab.Tag{'r', 'x'}), WithAlign(64), WithDepth(2, 8), WithDebug(slab.Poison), Zeroed())
	require.NoError(t, err)
	block, err := l.Get()
	require.NoError(t, err)
	m, err := d.NewMemory(64)
	require.NoError(t, err)
	require.NoError(t, m.CopyIn(0, []byte("kept")))
	parent, ok := m.Parent()
	require.True(t, ok)
	require.Equal(t, d.Root(), parent)
	require.Equal(t, int64(2), d.Allocator().Stats().Live)
	require.Positive(t, d.Arena().Stats().InUse)
	d.Free(b)
	l.Put(block)
	require.NoError(t, d.Close())
	require.ErrorIs(t, m.CopyIn(0, []byte{1}), object.ErrDeleted)
	require.NoError(t, d.Close())
	_, err = d.Alloc(1)
	require.ErrorIs(t, err, ErrClosed)
	_, err = d.NewLookaside("late", 8)
	require.ErrorIs(t, err, ErrClosed)
	_, err = d.NewMemory(8)
	require.Error(t, err)
}

func TestDomainReportsLeaks(t *testing.T) {
	d, err := Open(Config{Name: "leaky"})
	require.NoError(t, err)
	_, err = d.Alloc(100)
	require.NoError(t, err)
	tag := slab.Tag{'n', 'e', 't'}
	l, err := d.NewLookaside("rx", 64, WithTag(tag))
	require.NoError(t, err)
	_, err = l.Get()
	require.NoError(t, err)
	held, err := d.NewMemory(32, memory.WithTag(tag))
	require.NoError(t, err)
	require.NoError(t, held.Ref())
	err = d.Close()
	var leak *LeakError
	require.ErrorAs(t, err, &leak)
	require.Equal(t, int64(3), leak.Blocks)
	require.ElementsMatch(t, []slab.Leak{
		{List: "rx", Tag: tag, Blocks: 1, Bytes: 64},
		{List: "leaky/104", Blocks: 1, Bytes: 104},
		{List: "leaky/32", Tag: tag, Blocks: 1, Bytes: 32},
	}, leak.Leaks)
	require.Positive(t, d.Arena().Stats().InUse, "who holds a reference meets no fault")
	held.Bytes()[31] = 1
	held.Unref()
	require.NoError(t, d.Close())
	require.NoError(t, d.Arena().Close())
}

func TestDomainConfigIsChecked(t *testing.T) {
	for _, cfg := range []Config{{Reserve: -1}, {Limit: -1}, {Reserve: 1 << 20, Limit: 2 << 20}, {Huge: 99}} {
		_, err := Open(cfg)
		require.ErrorIs(t, err, arena.ErrInvalid, "%+v", cfg)
	}
}

func TestSnapshot(t *testing.T) {
	d, err := Open(Config{Name: "seen"})
	require.NoError(t, err)
	tag := slab.Tag{'n', 'e', 't'}
	l, err := d.NewLookaside("rx", 64, WithTag(tag))
	require.NoError(t, err)
	b, err := l.Get()
	require.NoError(t, err)
	small, err := d.Alloc(100)
	require.NoError(t, err)
	big, err := d.Alloc(1 << 20)
	require.NoError(t, err)
	tagged, err := d.Allocator().Tagged(tag).Alloc(100)
	require.NoError(t, err)
	before := d.Snapshot()
	want := map[string]int64{"allocator seen": 3, "class seen/104": 2, "large seen/large": 1, "tag seen": 1, "lookaside rx": 1}
	have := map[string]int64{}
	for _, l := range before.Lists {
		have[string(l.Kind)+" "+l.Name] = l.Live
	}
	require.Equal(t, want, have)
	require.GreaterOrEqual(t, before.Arena.Committed, int64(1<<20))
	l.Put(b)
	d.Free(small)
	d.Free(big)
	d.Allocator().Tagged(tag).Free(tagged)
	for _, l := range d.Snapshot().Lists {
		require.Zero(t, l.Live, l.Name)
	}
	require.NoError(t, d.Close())
	require.Equal(t, uint64(3), d.Snapshot().Lists[0].Puts, "the account outlives the domain")
}

// A callback that uses the domain while it closes is told so, and does not
// wait for it.
func TestCallbackDuringClose(t *testing.T) {
	d, err := Open(Config{})
	require.NoError(t, err)
	called := 0
	_, err = d.NewMemory(8, memory.WithCleanup(func(object.Object) {
		called++
		_, err := d.NewLookaside("late", 8)
		require.ErrorIs(t, err, ErrClosed)
		require.NoError(t, d.Close())
		_ = d.Snapshot()
	}))
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.Equal(t, 1, called)
}
