package replay

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/bench/contender"
)

// broken does one thing wrong and everything else as the Go heap does.
type broken struct {
	contender.Contender
	alloc   func(n int) ([]byte, error)
	zeroed  func(n int) ([]byte, error)
	aligned func(n, to int) ([]byte, error)
	realloc func(b []byte, n int) ([]byte, error)
	free    func(b []byte)
	closing func() error
	measure func() (int64, error)
}

func (b *broken) Alloc(n int) ([]byte, error) {
	if b.alloc != nil {
		return b.alloc(n)
	}
	return b.Contender.Alloc(n)
}

func (b *broken) AllocZeroed(n int) ([]byte, error) {
	if b.zeroed != nil {
		return b.zeroed(n)
	}
	return b.Contender.AllocZeroed(n)
}

func (b *broken) AllocAligned(n, to int) ([]byte, error) {
	if b.aligned != nil {
		return b.aligned(n, to)
	}
	return b.Contender.AllocAligned(n, to)
}

func (b *broken) Realloc(x []byte, n int) ([]byte, error) {
	if b.realloc != nil {
		return b.realloc(x, n)
	}
	return b.Contender.Realloc(x, n)
}

func (b *broken) Free(x []byte) {
	if b.free != nil {
		b.free(x)
		return
	}
	b.Contender.Free(x)
}

func (b *broken) Close() error {
	if b.closing != nil {
		return b.closing()
	}
	return b.Contender.Close()
}

func (b *broken) Resident() (int64, error) {
	if b.measure != nil {
		return b.measure()
	}
	return b.Contender.Resident()
}

var errRefused = errors.New("refused")

// crimes are what a contender can do wrong, and how it is told.
var crimes = []struct {
	name, lines string
	commit      func(*broken)
	want        string
}{
	{
		"overlapping blocks", "a 100\na 100\nf 1\nf 0\n",
		func(b *broken) {
			all := make([]byte, 1000)
			next := 0
			b.alloc = func(n int) ([]byte, error) {
				x := all[next : next+n : next+n]
				next += max(n-8, 0)
				return x, nil
			}
		},
		"block 0 of 100 bytes: byte 92 was changed by somebody else",
	},
	{
		"the same block twice", "a 100\na 100\n",
		func(b *broken) {
			all := make([]byte, 1000)
			b.alloc = func(n int) ([]byte, error) { return all[:n:n], nil }
		},
		"block 0 of 100 bytes: byte 0 was changed by somebody else",
	},
	{
		"not zeroed", "z 64\n",
		func(b *broken) {
			b.zeroed = func(n int) ([]byte, error) { x := make([]byte, n); x[63] = 5; return x, nil }
		},
		"block 0 of 64 bytes must read zero: byte 63 is 0x05",
	},
	{
		"misaligned", "m 64 4096\n",
		func(b *broken) {
			b.aligned = func(n, to int) ([]byte, error) {
				x, err := b.Contender.AllocAligned(n+8, to)
				return x[8:], err
			}
		},
		"block 0 of 64 bytes must be at a multiple of 4096: it is at 0x",
	},
	{
		"bytes lost in realloc", "a 100\nr 0 300\n",
		func(b *broken) {
			b.realloc = func(x []byte, n int) ([]byte, error) { y := make([]byte, n); copy(y, x[:50]); return y, nil }
		},
		"block 0: byte 50 was lost in a realloc from 100 to 300 bytes",
	},
	{
		"bytes lost in a shrinking realloc", "a 100\nr 0 60\n",
		func(b *broken) {
			b.realloc = func(x []byte, n int) ([]byte, error) { return x[1 : n+1], nil }
		},
		"block 0: byte 0 was lost in a realloc from 100 to 60 bytes",
	},
	{
		"too short", "a 100\n",
		func(b *broken) { b.alloc = func(n int) ([]byte, error) { return make([]byte, n-1), nil } },
		"block 0: 100 bytes asked for, 99 given",
	},
	{
		"too short after realloc", "a 100\nr 0 200\n",
		func(b *broken) {
			b.realloc = func(x []byte, n int) ([]byte, error) { return x, nil }
		},
		"block 0: reallocated to 200 bytes, 100 given",
	},
	{
		"refuses", "a 100\n",
		func(b *broken) { b.alloc = func(int) ([]byte, error) { return nil, errRefused } },
		"verify pass: alloc of block 0, 100 bytes: refused",
	},
	{
		"refuses to grow", "a 100\nr 0 200\n",
		func(b *broken) { b.realloc = func([]byte, int) ([]byte, error) { return nil, errRefused } },
		"verify pass: realloc of block 0 from 100 to 200 bytes: refused",
	},
	{
		"panics at free", "a 100\nf 0\n",
		func(b *broken) { b.free = func([]byte) { panic("what is this?") } },
		"verify pass: f of block 0: panic: what is this?",
	},
	{
		"panics at the end", "a 100\n",
		func(b *broken) { b.free = func([]byte) { panic(errRefused) } },
		"verify pass: free of block 0 at the end: panic: refused",
	},
	{
		"faults", "a 1\na 100\n",
		func(b *broken) { b.alloc = func(n int) ([]byte, error) { var p *[1 << 20]byte; return p[n:], nil } },
		"verify pass: a of block 0: panic: runtime error: invalid memory address or nil pointer dereference",
	},
	{
		"does not close", "a 100\n",
		func(b *broken) { b.closing = func() error { return errRefused } },
		"verify pass: close: refused",
	},
	{
		"cannot be measured", "a 100\n",
		func(b *broken) { b.measure = func() (int64, error) { return 0, errRefused } },
		"memory pass: refused",
	},
}

// specOf is a contender that commits crime i.
func specOf(i int) contender.Spec {
	return contender.Spec{Name: "broken", Open: func() (contender.Contender, error) {
		c, err := contender.OpenGoHeap()
		b := &broken{Contender: c}
		crimes[i].commit(b)
		return b, err
	}}
}

func TestEveryCrimeIsFound(t *testing.T) {
	for i, c := range crimes {
		t.Run(c.name, func(t *testing.T) {
			specs := []contender.Spec{specOf(i), contender.All()[1]}
			r := replayed(t, parse(t, c.lines), Options{Contenders: specs, Runs: 2, Verify: true})
			require.True(t, r.Failed())
			bad := r.Results[0]
			require.NotEmpty(t, bad.Failures)
			require.Contains(t, bad.Failures[0], c.want)
			require.Empty(t, bad.Runs, "an allocator that is wrong is not timed")
			require.Empty(t, r.Results[1].Failures, "others are not concerned")
			require.Len(t, r.Results[1].Runs, 2)
		})
	}
}

// The same with threads, in order and freely: what is wrong is found there as
// well, and nobody waits forever for a thread that has given up.
func TestCrimesOnThreads(t *testing.T) {
	lines := "a 100\nT 1\na 200\nz 64\nm 64 4096\nT 0\nr 3 300\nr 2 150\nr 2 60\nT 1\nf 3\nf 2\nT 0\nf 1\nf 0\na 1\nT 1\nf 0\n"
	for i, c := range crimes {
		for _, free := range []bool{false, true} {
			if free && i < 2 {
				continue // blocks that overlap are a data race, and may be freed before it shows
			}
			specs := []contender.Spec{specOf(i)}
			r := replayed(t, parse(t, lines), Options{Contenders: specs, Runs: 1, Verify: true, FreeRunning: free})
			require.True(t, r.Failed(), "%s, free running %v", c.name, free)
		}
	}
}

// Without verification only what ends a pass is a failure.
func TestTimedFailures(t *testing.T) {
	n := 0
	spec := contender.Spec{Name: "late", Open: func() (contender.Contender, error) {
		n++
		c, err := contender.OpenGoHeap()
		b := &broken{Contender: c}
		if n == 3 {
			b.alloc = func(int) ([]byte, error) { return nil, errRefused }
		}
		return b, err
	}}
	for _, free := range []bool{false, true} {
		n = 0
		r := replayed(t, parse(t, "a 5\nf 0\na 6\n"), Options{Contenders: []contender.Spec{spec}, Runs: 4, FreeRunning: free})
		require.Len(t, r.Results[0].Runs, 1)
		require.False(t, r.Results[0].Verified)
		require.Len(t, r.Results[0].Failures, 1)
		require.Contains(t, r.Results[0].Failures[0], "time pass: a")
		require.Contains(t, r.Results[0].Failures[0], "refused")
	}
}

// Many failures are told in part.
func TestFailuresAreBounded(t *testing.T) {
	lines := ""
	for range 50 {
		lines += "z 8\n"
	}
	spec := contender.Spec{Name: "dirty", Open: func() (contender.Contender, error) {
		c, err := contender.OpenGoHeap()
		return &broken{Contender: c, zeroed: func(n int) ([]byte, error) { x := make([]byte, n); x[0] = 1; return x, nil }}, err
	}}
	r := replayed(t, parse(t, lines), Options{Contenders: []contender.Spec{spec}, Runs: 1, Verify: true})
	require.Len(t, r.Results[0].Failures, maxFailures)
}
