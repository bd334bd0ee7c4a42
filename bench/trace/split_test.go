package trace

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// reader walks over one part.
type partReader struct {
	part    Part
	seg, i  int
	waiting bool
	shared  int
	turn    uint64
}

// next returns the next operation, with shared -1 for an own block.
func (p *partReader) next() (op Op, v uint64, shared int, turn uint64, ok bool) {
	for p.seg < len(p.part.Segments) && p.i >= len(p.part.Segments[p.seg])-pad {
		p.seg, p.i = p.seg+1, 0
	}
	if p.seg >= len(p.part.Segments) {
		return 0, 0, 0, 0, false
	}
	seg := p.part.Segments[p.seg]
	op, v, p.i = Wide(seg, p.i)
	shared = -1
	if op == Shared {
		shared = int(v)
		_, turn, p.i = Wide(seg, p.i)
		op, v, p.i = Wide(seg, p.i)
	}
	if op == Aligned || op == Realloc {
		_, _, p.i = Wide(seg, p.i)
	}
	return op, v, shared, turn, true
}

// In whatever order the threads come, each may do its next operation at some
// time, nothing is done twice, and the whole is done.
func TestSplitNeverBlocksForGood(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	for range 30 {
		tr, err := parse(t, random(r, 3000, 1+r.IntN(5)), Options{})
		require.NoError(t, err)
		s, err := tr.Split()
		require.NoError(t, err)
		require.Len(t, s.Parts, len(tr.Threads))
		turns := make([]uint64, s.Shared)
		var ops, sum int64
		active := make([]*partReader, 0, len(s.Parts))
		for _, p := range s.Parts {
			sum += p.Ops
			active = append(active, &partReader{part: p})
		}
		require.Equal(t, tr.Totals.Ops(), sum)
		for idle := 0; len(active) > 0; {
			require.Less(t, idle, 10_000, "all wait")
			i := r.IntN(len(active))
			p := active[i]
			if !p.waiting {
				_, _, shared, turn, ok := p.next()
				if !ok {
					active = append(active[:i], active[i+1:]...)
					continue
				}
				p.shared, p.turn = shared, turn
			}
			p.waiting = p.shared >= 0 && turns[p.shared] != p.turn
			if p.waiting {
				require.Less(t, turns[p.shared], p.turn)
				idle++
				continue
			}
			idle = 0
			if p.shared >= 0 {
				turns[p.shared]++
			}
			ops++
		}
		require.Equal(t, tr.Totals.Ops(), ops)
		require.NoError(t, s.Close())
	}
}

func TestSplitOfOneThreadSharesNothing(t *testing.T) {
	tr, err := parse(t, random(rand.New(rand.NewPCG(4, 4)), 500, 1), Options{})
	require.NoError(t, err)
	s, err := tr.Split()
	require.NoError(t, err)
	require.Zero(t, s.Shared)
	require.Equal(t, tr.Slots, s.Parts[0].Slots)
	require.NoError(t, s.Close())
}
