package trace

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWordsRoundTrip(t *testing.T) {
	values := []uint64{0, 1, maxOperand, maxOperand - 1}
	for i := range 2 * wordBits {
		values = append(values, 1<<i-1, 1<<i, 1<<i+1)
	}
	for op := Alloc; op <= Time; op++ {
		for _, v := range values {
			b := append(appendWord(nil, op, v), 0xff, 0xff, 0xff, 0xff)
			gotOp, got, next := Wide(b, 0)
			require.Equal(t, op, gotOp)
			require.Equal(t, v, got)
			require.Equal(t, len(b)-pad, next)
		}
	}
}

func TestWordLengths(t *testing.T) {
	for _, c := range []struct {
		v    uint64
		want int
	}{{0, 1}, {7, 1}, {8, 2}, {2047, 2}, {2048, 3}, {1<<19 - 1, 3}, {1 << 19, 4}, {1<<27 - 1, 4}, {1 << 27, 2}, {1 << 53, 5}} {
		require.Len(t, appendWord(nil, Free, c.v), c.want, "value %d", c.v)
	}
}

// Slots hands out no slot twice and never more than are out at a time.
func TestSlots(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := NewSlots(8)
	var out []uint32
	most := 0
	taken := map[uint32]bool{}
	for range 10_000 {
		if len(out) > 0 && r.IntN(2) == 0 {
			i := r.IntN(len(out))
			s.Give(out[i])
			delete(taken, out[i])
			out[i] = out[len(out)-1]
			out = out[:len(out)-1]
			continue
		}
		v := s.Take()
		require.False(t, taken[v], "slot %d is out already", v)
		taken[v] = true
		out = append(out, v)
		most = max(most, len(out))
	}
	require.Equal(t, most, s.Len())
}

// The page table of numbers agrees with a map.
func TestNumbers(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var n numbers
	model := map[uint32]uint32{}
	var live []uint32
	next := uint32(0)
	for range 50_000 {
		if len(live) > 0 && r.IntN(100) < 49 {
			i := len(live) - 1 - r.IntN(min(len(live), 10))
			n.clear(live[i])
			delete(model, live[i])
			live = append(live[:i], live[i+1:]...)
			continue
		}
		n.set(next, r.Uint32()%1000)
		slot, ok := n.get(next)
		require.True(t, ok)
		model[next] = slot
		live = append(live, next)
		next++
	}
	for number := range next {
		slot, ok := n.get(number)
		want, live := model[number]
		require.Equal(t, live, ok, "number %d", number)
		if ok {
			require.Equal(t, want, slot)
		}
	}
}
