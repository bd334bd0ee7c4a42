package slab

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/arena"
)

func isClosed(err error) bool { return errors.Is(err, ErrClosed) }

// freeOrClosed frees b and reports whether the allocator was closed.
func freeOrClosed(t *testing.T, a *Allocator, b []byte) (closed bool) {
	defer func() {
		if e, ok := recover().(*MisuseError); ok {
			closed = e.Kind == UseAfterClose
			if !closed {
				t.Error(e)
			}
		}
	}()
	a.Free(b)
	return false
}

func TestConfigIsChecked(t *testing.T) {
	src := openArena(t, arena.Config{})
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "Size 0"},
		{Config{Size: -1}, "Size -1"},
		{Config{Size: MaxSize + 1}, "Size"},
		{Config{Size: 8, Align: 3}, "Align 3"},
		{Config{Size: 8, Align: -8}, "Align -8"},
		{Config{Size: 8, Align: 8192}, "Align 8192"},
		{Config{Size: 8, Depth: Depth{Min: -1}}, "Depth.Min -1"},
		{Config{Size: 8, Depth: Depth{Max: -1}}, "Depth.Max -1"},
		{Config{Size: 8, Depth: Depth{Max: MaxDepth + 1}}, "Depth.Max"},
		{Config{Size: 8, Depth: Depth{Min: 9, Max: 8}}, "Depth.Min 9"},
		{Config{Size: 8, Tag: Tag{1}}, "Tag"},
		{Config{Size: 8, Tag: Tag{'a', 0, 'b'}}, "Tag"},
	} {
		l, err := New(src, c.cfg)
		require.ErrorIs(t, err, ErrInvalid, "%+v", c.cfg)
		require.ErrorContains(t, err, c.want)
		require.Nil(t, l)
	}
	_, err := New(nil, Config{Size: 8})
	require.ErrorIs(t, err, ErrInvalid)
	_, err = NewAllocator(nil, AllocatorConfig{})
	require.ErrorIs(t, err, ErrInvalid)
	_, err = NewAllocator(src, AllocatorConfig{ParkedPerP: -1})
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "ParkedPerP -1")
	require.Zero(t, src.Stats().InUse, "a failed New left pages behind")
}

func TestTags(t *testing.T) {
	for _, s := range []string{"a", "Rx 1", "~~~~", " "} {
		tag, err := ParseTag(s)
		require.NoError(t, err)
		require.Equal(t, s, tag.String())
	}
	for _, s := range []string{"", "abcde", "a\x00b", "\x7f", "é"} {
		_, err := ParseTag(s)
		require.ErrorIs(t, err, ErrInvalid, "%q", s)
	}
}

func TestAlignment(t *testing.T) {
	a := newAllocator(t)
	for c := range classTable {
		n := int(classTable[c].size)
		for range 40 {
			b := mustAlloc(t, a, n)
			require.Equal(t, n, cap(b))
			require.Zero(t, addr(b)%min(arena.Granule, n&-n), "block of %d bytes", n)
		}
	}
	for to := 1; to <= 1<<21; to *= 2 {
		for _, n := range []int{1, 63, 100, 4097, 40000, 1 << 20} {
			b, err := a.AllocAligned(n, to)
			require.NoError(t, err)
			require.Len(t, b, n)
			require.Zero(t, addr(b)%to, "%d bytes at a multiple of %d", n, to)
			fillBlock(b, 1)
			a.Free(b)
		}
	}
	for _, to := range []int{0, -1, 3, 12, math.MinInt} {
		_, err := a.AllocAligned(8, to)
		require.ErrorIs(t, err, ErrInvalid)
	}
	for _, c := range []struct{ size, align, want int }{
		{1, 0, 16}, {24, 0, 16}, {4096, 0, 4096}, {5000, 0, 4096}, {100, 8, 8}, {100, 64, 64}, {10, 4096, 4096},
	} {
		l := newLookaside(t, Config{Size: c.size, Align: c.align})
		for range 100 {
			b, err := l.Get()
			require.NoError(t, err)
			require.Zero(t, addr(b)%c.want, "%+v", c)
			fillBlock(b, 3)
		}
	}
}

func addr(b []byte) int { return int(uintptr(addrOf(b))) }

func TestZero(t *testing.T) {
	a := newAllocator(t)
	l := newLookaside(t, Config{Size: 40, Zero: true})
	for range 3 {
		for n := 0; n < 70_000; n += 1 + n/3 {
			b, err := a.AllocZeroed(n)
			require.NoError(t, err)
			require.Equal(t, make([]byte, n), append([]byte{}, b...))
			fillBlock(b, 99)
			a.Free(b)
		}
		batch := make([][]byte, 70)
		_, err := l.GetBatch(batch)
		require.NoError(t, err)
		for _, b := range batch {
			require.Equal(t, make([]byte, 40), append([]byte{}, b...))
			fillBlock(b, 1)
		}
		l.PutBatch(batch)
	}
}

func TestEmptyAndNegative(t *testing.T) {
	a := newAllocator(t)
	b, err := a.Alloc(0)
	require.NoError(t, err)
	require.NotNil(t, b)
	require.Zero(t, cap(b))
	a.Free(b)
	a.Free(nil)
	block := mustAlloc(t, a, 10)
	a.Free(block[:0:0]) // no capacity: nothing
	require.Equal(t, int64(1), a.Stats().Live)
	a.Free(block[:0])
	a.FreeBatch([][]byte{nil, {}, b})
	for _, n := range []int{-1, math.MinInt} {
		_, err = a.Alloc(n)
		require.ErrorIs(t, err, ErrInvalid)
		_, err = a.AllocZeroed(n)
		require.ErrorIs(t, err, ErrInvalid)
		_, err = a.Realloc(nil, n)
		require.ErrorIs(t, err, ErrInvalid)
	}
	_, err = a.Alloc(math.MaxInt)
	require.ErrorIs(t, err, ErrNoMemory)
	require.Zero(t, a.Stats().Live)
	n, err := a.AllocBatch(nil, 10)
	require.NoError(t, err)
	require.Zero(t, n)
}

// At the limit every kind of allocation fails cleanly, what is out stays as
// it is, and after frees it works again.
func TestLimit(t *testing.T) {
	src := openArena(t, arena.Config{Limit: 4 << 20})
	a, err := NewAllocator(src, AllocatorConfig{})
	require.NoError(t, err)
	for _, n := range []int{64, 5000, 100_000} {
		var out []parcel
		for {
			b, err := a.Alloc(n)
			if err != nil {
				require.ErrorIs(t, err, ErrNoMemory)
				require.ErrorIs(t, err, arena.ErrLimit)
				break
			}
			key := uint64(len(out))
			fillBlock(b, key)
			out = append(out, parcel{b, key})
			require.Less(t, len(out)*n, 5<<20)
		}
		require.Greater(t, len(out)*n, 3<<20)
		_, err := a.Realloc(out[0].b, 200_000)
		require.ErrorIs(t, err, ErrNoMemory)
		batch := make([][]byte, 8)
		got, err := a.AllocBatch(batch, n)
		require.ErrorIs(t, err, ErrNoMemory)
		a.FreeBatch(batch[:got])
		require.Positive(t, a.Stats().Failures)
		require.NoError(t, a.Audit())
		for i, p := range out {
			require.True(t, checkBlock(p.b, p.key), "block %d", i)
			if i%2 == 0 {
				a.Free(p.b)
			}
		}
		b := mustAlloc(t, a, n)
		a.Free(b)
		for i, p := range out {
			if i%2 == 1 {
				a.Free(p.b)
			}
		}
		require.Zero(t, a.Stats().Live)
		a.Trim()
		require.Zero(t, a.Stats().HeldBytes)
		require.Zero(t, src.Stats().InUse)
	}
}

func TestCloseReportsLeaks(t *testing.T) {
	src := openArena(t, arena.Config{})
	a, err := NewAllocator(src, AllocatorConfig{Name: "app"})
	require.NoError(t, err)
	for range 3 {
		mustAlloc(t, a, 60)
	}
	tag := Tag{'n', 'e', 't'}
	for range 2 {
		mustAlloc(t, a.Tagged(tag), 60)
	}
	kept := mustAlloc(t, a, 100_000)
	var leak *LeakError
	require.ErrorAs(t, a.Close(), &leak)
	require.Equal(t, int64(6), leak.Blocks)
	page := int64(src.PageSize())
	require.ElementsMatch(t, []Leak{
		{"app/64", Tag{}, 3, 192}, {"app/64", tag, 2, 128}, {"app/large", Tag{}, 1, (100_000 + page - 1) / page * page},
	}, leak.Leaks)
	require.Contains(t, leak.Error(), `app/64 tag "net" 2 (128 bytes)`)
	require.NoError(t, a.Close(), "a second Close is harmless")
	kept[0], kept[99_999] = 1, 1 // what is out keeps its memory
	require.Equal(t, int64(6), a.Stats().Live)

	_, err = a.Alloc(1)
	require.ErrorIs(t, err, ErrClosed)
	_, err = a.Alloc(0)
	require.ErrorIs(t, err, ErrClosed)
	_, err = a.Alloc(1 << 20)
	require.ErrorIs(t, err, ErrClosed)
	_, err = a.Realloc(kept, 10)
	require.ErrorIs(t, err, ErrClosed)
	_, err = a.AllocBatch(make([][]byte, 2), 8)
	require.ErrorIs(t, err, ErrClosed)
	_, err = a.NewLocal().Alloc(8)
	require.ErrorIs(t, err, ErrClosed)
	_, err = a.Tagged(Tag{'x'}).Alloc(8)
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, a.Audit(), ErrClosed)
	require.Equal(t, UseAfterClose, misuse(t, func() { a.Free(kept) }).Kind)
	require.Equal(t, UseAfterClose, misuse(t, func() { a.FreeBatch([][]byte{kept}) }).Kind)
	require.Zero(t, a.Trim())
	a.Tune(time.Now())
}

func TestLookasideClose(t *testing.T) {
	src := openArena(t, arena.Config{})
	tag := Tag{'r', 'x'}
	l, err := New(src, Config{Name: "rx", Size: 100, Tag: tag})
	require.NoError(t, err)
	b, err := l.Get()
	require.NoError(t, err)
	var leak *LeakError
	require.ErrorAs(t, l.Close(), &leak)
	require.Equal(t, []Leak{{"rx", tag, 1, 100}}, leak.Leaks)
	require.NoError(t, l.Close())
	_, err = l.Get()
	require.ErrorIs(t, err, ErrClosed)
	_, err = l.GetBatch(make([][]byte, 3))
	require.ErrorIs(t, err, ErrClosed)
	require.Equal(t, UseAfterClose, misuse(t, func() { l.Put(b) }).Kind)
	require.Equal(t, int64(1), l.Stats().Live)
}

// Opening and closing lists over and over holds on to nothing.
func TestOpenCloseHoldsNothing(t *testing.T) {
	src := openArena(t, arena.Config{})
	var meta int64
	for i := range 200 {
		l, err := New(src, Config{Size: 64})
		require.NoError(t, err)
		batch := make([][]byte, 1000)
		_, err = l.GetBatch(batch)
		require.NoError(t, err)
		l.PutBatch(batch)
		require.NoError(t, l.Close())
		require.Zero(t, src.Stats().InUse)
		if i == 0 {
			meta = src.Stats().Metadata
		}
	}
	require.LessOrEqual(t, src.Stats().Metadata, 3*meta, "metadata is used again")
	for range 50 {
		a, err := NewAllocator(src, AllocatorConfig{})
		require.NoError(t, err)
		c := a.NewLocal()
		b := mustAlloc(t, c, 10)
		d := mustAlloc(t, a.Tagged(Tag{'t'}), 10)
		a.Tagged(Tag{'t'}).Free(d)
		c.Free(b)
		require.NoError(t, a.Close())
		require.NoError(t, c.Close())
	}
}

func TestArenaClosesFirst(t *testing.T) {
	src := openArena(t, arena.Config{})
	a, err := NewAllocator(src, AllocatorConfig{})
	require.NoError(t, err)
	l, err := New(src, Config{Size: 64})
	require.NoError(t, err)
	c := a.NewLocal()
	b, d := mustAlloc(t, a, 10), mustAlloc(t, c, 1000)
	tagged := a.Tagged(Tag{'t'})
	e := mustAlloc(t, tagged, 10)
	require.NoError(t, src.Close())
	for _, f := range []func(){
		func() { a.Free(b) }, func() { c.Free(d) }, func() { tagged.Free(e) }, func() { l.Put(b) },
		func() { a.FreeBatch([][]byte{b, d}) }, func() { l.PutBatch([][]byte{b}) },
	} {
		require.Equal(t, UseAfterClose, misuse(t, f).Kind)
	}
	for _, f := range []func() error{
		func() error { _, err := a.Alloc(10); return err }, func() error { _, err := c.Alloc(10); return err },
		func() error { _, err := l.Get(); return err }, func() error { _, err := tagged.Alloc(10); return err },
		func() error { _, err := a.Realloc(b, 20); return err }, func() error { _, err := a.Alloc(1 << 20); return err },
		func() error { _, err := NewAllocator(src, AllocatorConfig{}); return err },
		func() error { _, err := New(src, Config{Size: 8}); return err },
	} {
		require.ErrorIs(t, f(), ErrClosed)
	}
	require.Equal(t, int64(3), a.Stats().Live)
	require.NoError(t, a.Close())
	require.NoError(t, l.Close())
	require.NoError(t, c.Close())
	a.Trim()
	l.Trim()
}

func TestTrimReachesEveryP(t *testing.T) {
	src := openArena(t, arena.Config{})
	a, err := NewAllocator(src, AllocatorConfig{})
	require.NoError(t, err)
	done := make(chan struct{})
	for range 16 { // park something on every P
		go func() {
			defer func() { done <- struct{}{} }()
			var out [][]byte
			for i := range 2000 {
				b, err := a.Alloc(1 + i%3000)
				if err != nil {
					t.Error(err)
					return
				}
				out = append(out, b)
			}
			for _, b := range out {
				a.Free(b)
			}
		}()
	}
	for range 16 {
		<-done
	}
	require.Positive(t, a.Stats().Parked)
	a.Trim()
	s := a.Stats()
	require.Zero(t, s.Parked)
	require.Zero(t, s.Slabs)
	require.Zero(t, s.HeldBytes)
	require.Zero(t, src.Stats().InUse)
	require.NoError(t, a.Audit())
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	a := newAllocator(t)
	l := newLookaside(t, Config{Size: 64})
	typed, err := NewTyped[[4]uint64](openArena(t, arena.Config{}), Config{})
	require.NoError(t, err)
	c := a.NewLocal()
	tagged := a.Tagged(Tag{'t'})
	batch := make([][]byte, 64)
	for name, f := range map[string]func(){
		"Alloc":    func() { b, _ := a.Alloc(100); a.Free(b) },
		"Zeroed":   func() { b, _ := a.AllocZeroed(100); a.Free(b) },
		"Aligned":  func() { b, _ := a.AllocAligned(100, 64); a.Free(b) },
		"Realloc":  func() { b, _ := a.Alloc(100); b, _ = a.Realloc(b, 500); a.Free(b) },
		"Batch":    func() { _, _ = a.AllocBatch(batch, 50); a.FreeBatch(batch) },
		"Tagged":   func() { b, _ := tagged.Alloc(100); tagged.Free(b) },
		"Local":    func() { b, _ := c.Alloc(100); c.Free(b) },
		"Get":      func() { b, _ := l.Get(); l.Put(b) },
		"GetBatch": func() { _, _ = l.GetBatch(batch); l.PutBatch(batch) },
		"Typed":    func() { p, _ := typed.New(); typed.Free(p) },
		"Slow": func() {
			for i := range batch {
				batch[i], _ = a.Alloc(8000)
			}
			for _, b := range batch {
				a.Free(b)
			}
		},
	} {
		for range 100 {
			f()
		}
		require.Zero(t, testing.AllocsPerRun(1000, f), name)
	}
}

func TestManyTags(t *testing.T) {
	a := newAllocator(t)
	var blocks [][]byte
	for i := range 200 {
		x := a.Tagged(Tag([]byte(fmt.Sprintf("%04d", i))))
		require.Same(t, x, a.Tagged(x.Tag()))
		b := mustAlloc(t, x, 10+i)
		blocks = append(blocks, b, mustAlloc(t, x, 50_000))
	}
	for i := range 200 {
		x := a.Tagged(Tag([]byte(fmt.Sprintf("%04d", i))))
		other := a.Tagged(Tag([]byte(fmt.Sprintf("%04d", (i+1)%200))))
		for _, b := range blocks[2*i : 2*i+2] {
			e := misuse(t, func() { other.Free(b) })
			require.Equal(t, WrongTag, e.Kind)
			require.Equal(t, x.Tag(), e.Tag)
			require.Equal(t, WrongTag, misuse(t, func() { a.Free(b) }).Kind)
			b, err := x.Realloc(b, cap(b))
			require.NoError(t, err)
			b, err = x.Realloc(b, 2*cap(b))
			require.NoError(t, err)
			x.Free(b)
			require.Equal(t, DoubleFree, misuse(t, func() { x.Free(b) }).Kind)
		}
	}
	for _, s := range a.Stats().Tags {
		require.Zero(t, s.Live, "%v", s)
		require.Zero(t, s.LiveBytes, "%v", s)
	}
	require.NoError(t, a.Audit())
}

func TestRealloc(t *testing.T) {
	a := newAllocator(t)
	for _, from := range []int{1, 8, 100, 4000, maxSmall, maxSmall + 1, 300_000} {
		for _, to := range []int{1, 7, 99, 101, 5000, maxSmall, 70_000, 500_000} {
			b := mustAlloc(t, a, from)
			for i := range b {
				b[i] = byte(i * 7)
			}
			b, err := a.Realloc(b, to)
			require.NoError(t, err)
			require.Len(t, b, to)
			for i := range min(from, to) {
				if b[i] != byte(i*7) {
					t.Fatalf("realloc %d to %d: byte %d lost", from, to, i)
				}
			}
			a.Free(b)
		}
	}
	b, err := a.Realloc(nil, 10)
	require.NoError(t, err)
	b, err = a.Realloc(b, 0)
	require.NoError(t, err)
	require.Zero(t, cap(b))
	require.Zero(t, a.Stats().Live)
	require.NoError(t, a.Audit())
}

func TestTyped(t *testing.T) {
	src := openArena(t, arena.Config{})
	type point struct {
		X, Y float64
		Tag  [3]uint16
	}
	p, err := NewTyped[point](src, Config{})
	require.NoError(t, err)
	for range 300 {
		v, err := p.New()
		require.NoError(t, err)
		require.Equal(t, point{}, *v)
		*v = point{1, 2, [3]uint16{3, 4, 5}}
		w, err := p.New()
		require.NoError(t, err)
		p.Free(v)
		require.Equal(t, DoubleFree, misuse(t, func() { p.Free(v) }).Kind)
		p.Free(w)
	}
	require.Equal(t, Foreign, misuse(t, func() { p.Free(new(point)) }).Kind)
	require.NoError(t, p.Close())
	bad := func(_ any, err error) {
		t.Helper()
		require.ErrorIs(t, err, ErrInvalid)
	}
	bad(NewTyped[*int](src, Config{}))
	bad(NewTyped[string](src, Config{}))
	bad(NewTyped[struct{ M map[int]int }](src, Config{}))
	bad(NewTyped[[2]func()](src, Config{}))
	bad(NewTyped[struct{}](src, Config{}))
	bad(NewTyped[any](src, Config{}))
	_, err = NewTyped[struct{ A [2]struct{ B []byte } }](src, Config{})
	require.ErrorContains(t, err, ".A[0].B")
	_, err = NewTyped[[0]*int](src, Config{})
	require.ErrorIs(t, err, ErrInvalid)
}

func TestLocals(t *testing.T) {
	a := newAllocator(t)
	var locals []*Local
	for range 300 {
		locals = append(locals, a.NewLocal())
	}
	var out [][]byte
	for i, c := range locals {
		out = append(out, mustAlloc(t, c, 1+i), mustAlloc(t, c, 40_000))
	}
	require.Equal(t, int64(600), a.Stats().Live)
	require.NoError(t, a.Audit())
	for i, b := range out {
		locals[(i+7)%len(locals)].Free(b)
	}
	require.Zero(t, a.Stats().Live)
	require.NoError(t, a.Audit())
	require.Equal(t, DoubleFree, misuse(t, func() { locals[0].Free(out[0]) }).Kind)
	require.Equal(t, Foreign, misuse(t, func() { locals[0].Free(make([]byte, 8)) }).Kind)
	b := mustAlloc(t, a, 10)
	for _, c := range locals {
		require.NoError(t, c.Close())
		require.NoError(t, c.Close())
	}
	locals[0].Free(b)
	_, err := locals[0].Alloc(10)
	require.ErrorIs(t, err, ErrClosed)
	s := a.Stats()
	require.Equal(t, uint64(601), s.Gets)
	require.Equal(t, uint64(601), s.Puts)
	require.NoError(t, a.Audit())
	a.Trim()
	require.Zero(t, a.Stats().HeldBytes)
}

// A block that outlives its list goes back to the arena on its own.
func TestReclaim(t *testing.T) {
	src := openArena(t, arena.Config{})
	l, err := New(src, Config{Size: 3000})
	require.NoError(t, err)
	a, err := NewAllocator(src, AllocatorConfig{})
	require.NoError(t, err)
	var out [][]byte
	for range 20 {
		b, err := l.Get()
		require.NoError(t, err)
		out = append(out, b)
	}
	tagged := a.Tagged(Tag{'t'})
	b, big, own := mustAlloc(t, a, 100), mustAlloc(t, a, 100_000), mustAlloc(t, tagged, 100)
	l.Reclaim(out[0])
	require.Equal(t, int64(19), l.Stats().Live)
	require.Error(t, l.Close())
	require.Error(t, a.Close())
	a.Reclaim(own) // another tag's: nothing happens
	for range 2 {
		for _, b := range out[1:] {
			l.Reclaim(b)
		}
		a.Reclaim(b)
		a.Reclaim(big)
		tagged.Reclaim(own)
		require.Zero(t, src.Stats().InUse)
	}
	require.NoError(t, src.Close())
	l.Reclaim(out[3])
	a.Reclaim(b)
}

// Making tags while Close counts tagged leaks: both take the same two locks.
func TestTaggedWhileClosing(t *testing.T) {
	for i := range 300 {
		src, err := arena.Open(arena.Config{Reserve: 1 << 26})
		require.NoError(t, err)
		a, err := NewAllocator(src, AllocatorConfig{})
		require.NoError(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for k := range 20 {
				if b, err := a.Tagged(Tag{byte('a' + k)}).Alloc(100); err == nil {
					b[0] = 1
				}
			}
		}()
		for range i % 50 {
			mustAlloc(t, a, 10)
		}
		_ = a.Close()
		<-done
		require.NoError(t, src.Close())
	}
}

// Lists and arena closed in good order: what comes back late is refused, not
// looked for in memory that is gone.
func TestPutAfterBothAreClosed(t *testing.T) {
	src := openArena(t, arena.Config{})
	l, err := New(src, Config{Size: 64})
	require.NoError(t, err)
	a, err := NewAllocator(src, AllocatorConfig{})
	require.NoError(t, err)
	c := a.NewLocal()
	b, err := l.Get()
	require.NoError(t, err)
	d, e := mustAlloc(t, a, 100), mustAlloc(t, c, 50)
	l.Put(b)
	a.Free(d)
	c.Free(e)
	require.NoError(t, l.Close())
	require.NoError(t, a.Close())
	require.NoError(t, src.Close())
	for _, f := range []func(){
		func() { l.Put(b) }, func() { a.Free(d) }, func() { c.Free(e) },
		func() { l.PutBatch([][]byte{b}) }, func() { a.FreeBatch([][]byte{d}) },
	} {
		require.Equal(t, UseAfterClose, misuse(t, f).Kind)
	}
}

// Lists made while their arena closes: whole or refused.
func TestNewWhileTheArenaCloses(t *testing.T) {
	for i := range 300 {
		src, err := arena.Open(arena.Config{Reserve: 1 << 26})
		require.NoError(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if l, err := New(src, Config{Size: 64}); err == nil {
				_, _ = l.Get()
				_ = l.Close()
			}
			if a, err := NewAllocator(src, AllocatorConfig{}); err == nil {
				_, _ = a.Alloc(100)
				_ = a.Stats()
			}
		}()
		time.Sleep(time.Duration(i%60) * time.Microsecond)
		require.NoError(t, src.Close())
		<-done
	}
}

// Locals that their goroutines close while the allocator is being closed.
func TestLocalsCloseWhileClosing(t *testing.T) {
	for range 100 {
		src := openArena(t, arena.Config{Reserve: 1 << 26})
		a, err := NewAllocator(src, AllocatorConfig{})
		require.NoError(t, err)
		var locals []*Local
		for range 8 {
			c := a.NewLocal()
			c.Free(mustAlloc(t, c, 100))
			locals = append(locals, c)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, c := range locals {
				_ = c.Close()
				_ = a.NewLocal()
			}
		}()
		require.NoError(t, a.Close())
		<-done
		require.Zero(t, src.Stats().InUse)
		require.NoError(t, src.Close())
	}
}

// AllocZeroed clears what was asked for, whatever the length, and writes to
// nothing outside the block.
func TestZeroedClearsExactly(t *testing.T) {
	a := newAllocator(t)
	dirty := func(b []byte) []byte {
		b = b[:cap(b)]
		for i := range b {
			b[i] = 0xAA
		}
		return b
	}
	for n := 1; n <= 2100; n++ {
		around := [2][]byte{}
		before, b, after := mustAlloc(t, a, n), mustAlloc(t, a, n), mustAlloc(t, a, n)
		around[0], around[1] = dirty(before), dirty(after)
		at := addrOf(dirty(b))
		a.Free(b)
		for try := 0; ; try++ {
			z, err := a.AllocZeroed(n)
			require.NoError(t, err)
			require.Len(t, z, n)
			if !allBytes(z, 0) {
				t.Fatalf("%d bytes are not all zero", n)
			}
			same := addrOf(z) == at
			if rest := z[n:cap(z)]; same && !allBytes(rest, 0xAA) {
				t.Fatalf("%d bytes were cleared, and some behind", n)
			}
			a.Free(z)
			if same || try == 3 {
				break
			}
		}
		for _, x := range around {
			if !allBytes(x, 0xAA) {
				t.Fatalf("clearing %d bytes wrote to another block", n)
			}
			a.Free(x)
		}
	}
	require.NoError(t, a.Audit())
}
