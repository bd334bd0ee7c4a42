package model_test

import (
	"errors"
	"fmt"
	"go/parser"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/invariant"
	"offheap.example/lookaside/internal/model"
	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/slab"
)

// programs is how many random programs a test runs where n is the full number: builds with checks are many times
// slower.
func programs(n int) uint64 {
	if testing.Short() || invariant.Enabled {
		n = (n + 7) / 8
	}
	return uint64(n)
}

// random is the i-th random program of a seed: short ones are watched closely, long ones go far.
func random(seed, i uint64) model.Program {
	lengths := [...]int{12, 40, 150, 600}
	ops := lengths[i%uint64(len(lengths))]
	return model.Decode(testkit.Bytes(testkit.Rand(seed, i), 6+6*ops))
}

// Programs of random operations on the real thing agree with the reference.
func TestPrograms(t *testing.T) {
	seed := testkit.Seed(t)
	for i := range programs(200) {
		if f := model.Check(random(seed, i), model.Open); f != nil {
			t.Fatalf("program %d: %v", i, f)
		}
	}
}

// The same dealt to several goroutines, while GOMAXPROCS changes.
func TestProgramsTogether(t *testing.T) {
	seed := testkit.Seed(t)
	defer testkit.FlapProcs(5)()
	for i := range programs(40) {
		p := model.Decode(testkit.Bytes(testkit.Rand(seed, i), 6+6*2000))
		if f := model.RunTogether(p, 2+int(i%4), model.Open); f != nil {
			t.Fatalf("program %d: operation %d: %v", i, f.At, f.Reason)
		}
	}
}

// Every system that is broken on purpose is found, by the same programs that find nothing wrong with the real one.
func TestCanaries(t *testing.T) {
	const seed, most = 1, 200
	for _, c := range model.Canaries() {
		t.Run(c.Name, func(t *testing.T) {
			for i := range uint64(most) {
				if f := model.Run(random(seed, i), c.Open); f != nil {
					t.Logf("found by program %d: %v", i, f.Reason)
					return
				}
			}
			t.Fatalf("%d programs found nothing", most)
		})
	}
}

// canary is the one of that name.
func canary(t *testing.T, name string) model.Canary {
	t.Helper()
	for _, c := range model.Canaries() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no canary %q", name)
	return model.Canary{}
}

// A failing program is shrunk to a few operations, still fails, and is printed as Go.
func TestCheckShrinks(t *testing.T) {
	c := canary(t, "hands out less room than it says") // whatever the scheduler does
	var f *model.Failure
	for i := uint64(3); f == nil; i += 4 { // long ones
		require.Less(t, i, uint64(400))
		f = model.Check(random(1, i), c.Open)
	}
	require.Len(t, f.Program.Ops, 1, "%v", f)
	require.Error(t, model.Run(f.Program, c.Open))
	require.Nil(t, model.Run(f.Program, model.Open))
	require.ErrorContains(t, f, "ought to hold")
	require.ErrorContains(t, f, "{Do: model.Alloc, ")
	_, err := parser.ParseExpr("[]model.Program{" + f.Program.GoString() + "}")
	require.NoError(t, err, "%#v", f.Program)
}

// Shrink keeps what matters and nothing else.
func TestShrink(t *testing.T) {
	p := random(7, 3)
	require.Greater(t, len(p.Ops), 100)
	p.Ops[50] = model.Op{Do: model.Alloc, Slot: 9, Who: 3, N: 5000, K: 77}
	p.Ops[90] = model.Op{Do: model.Trim, Slot: 1, Who: 2, N: 3, K: 4}
	tries := 0
	small := model.Shrink(p, 1000, func(p model.Program) bool {
		tries++
		alloc := -1
		for i, o := range p.Ops {
			switch {
			case o.Do == model.Alloc && o.Slot == 9 && o.N >= 100:
				alloc = i
			case o.Do == model.Trim && alloc >= 0:
				return true
			}
		}
		return false
	})
	require.LessOrEqual(t, tries, 1000)
	require.Equal(t, []model.Op{{Do: model.Alloc, Slot: 9, N: 100}, {Do: model.Trim, Slot: small.Ops[1].Slot}}, small.Ops)
	require.Equal(t, p, model.Shrink(p, 500, func(model.Program) bool { return false }), "what cannot be made smaller stays")
	require.Equal(t, p, model.Shrink(p, 0, func(model.Program) bool { return true }), "no tries, no change")
}

// Any bytes are a program, every operation can be had, and Encode is the way back.
func TestDecodeAndEncode(t *testing.T) {
	require.Empty(t, model.Decode(nil).Ops)
	require.Empty(t, model.Decode([]byte{1, 2, 3}).Ops)
	seen := map[model.Do]bool{}
	for i := range uint64(200) {
		p := random(3, i)
		for _, o := range p.Ops {
			seen[o.Do] = true
		}
		q := model.Decode(model.Encode(p))
		require.Equal(t, p.Setup, q.Setup)
		require.Equal(t, len(p.Ops), len(q.Ops))
		for j := range p.Ops {
			want, got := p.Ops[j], q.Ops[j]
			require.GreaterOrEqual(t, got.N, want.N)
			require.LessOrEqual(t, got.N, want.N+want.N/64+1)
			want.N = got.N
			require.Equal(t, want, got)
		}
		require.Equal(t, q, model.Decode(model.Encode(q)), "what has a code comes back as it is")
	}
	for d := model.Stand; d <= model.FreeNothing; d++ {
		require.True(t, seen[d], "%v never occurs", d)
		require.NotContains(t, d.String(), "Do(")
	}
	require.Equal(t, "Do(200)", model.Do(200).String())
	require.Equal(t, "End(9)", model.End(9).String())
}

// The text of a failure names the operation and the program.
func TestFailure(t *testing.T) {
	cause := errors.New("cause")
	p := random(1, 0)
	f := &model.Failure{Program: p, At: 2, Reason: cause}
	require.ErrorIs(t, f, cause)
	require.ErrorContains(t, f, fmt.Sprintf("model: operation 2, %#v: cause\n", p.Ops[2]))
	f.At = len(p.Ops)
	require.ErrorContains(t, f, "model: at the end: cause\n")
	f = model.Run(p, func(model.Setup) (*model.System, error) { return nil, cause })
	require.ErrorIs(t, f, cause)
	f = model.RunTogether(p, 2, func(model.Setup) (*model.System, error) { return nil, cause })
	require.ErrorIs(t, f, cause)
	p.Setup.Lists[1] = slab.Config{Size: -1}
	require.ErrorIs(t, model.Run(p, model.Open), slab.ErrInvalid)
}
