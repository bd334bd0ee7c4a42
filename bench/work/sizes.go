package work

// Sizes returns count sizes from low to high, both included, all equally
// likely.
func Sizes(r *Rand, count, low, high int) []int32 {
	out := make([]int32, count)
	for i := range out {
		out[i] = int32(r.Between(low, high))
	}
	return out
}

// InverseSquare returns count sizes from low to high whose density falls with
// the square of the size, as glibc's own thread benchmark has them.
func InverseSquare(r *Rand, count, low, high int) []int32 {
	out := make([]int32, count)
	left, right := 1/float64(low), 1/float64(high)
	for i := range out {
		u := float64(r.Next()) / 4294967296
		out[i] = int32(1 / float64(left-float64(u*float64(left-right))))
	}
	return out
}

// LinearFall returns count sizes from low to high whose density falls linearly
// to nothing.
func LinearFall(r *Rand, count, low, high int) []int32 {
	out := make([]int32, count)
	for i := range out {
		w := int(r.Next()>>16) + int(r.Next()>>16) - 65535
		out[i] = int32(low + (high-low)*max(w, -w)>>16)
	}
	return out
}

// Pareto draws places of a table so that a fifth of a range gets four fifths of
// the draws, six levels deep.
type Pareto struct {
	bounds  [7]uint64 // of 1<<32
	offsets [8]int
}

// paretoShare is the probability of each level, in millionths: the binomial
// distribution of 6 draws at 0.8.
var paretoShare = [7]int{262144, 393216, 245760, 81920, 15360, 1536, 64}

// NewPareto returns the distribution over n places.
func NewPareto(n int) *Pareto {
	p := new(Pareto)
	sum := 0
	for i, share := range paretoShare {
		sum += share
		p.bounds[i] = uint64(sum) << 32 / 1e6
		p.offsets[i+1] = p.offsets[i] + n*paretoShare[6-i]/1e6
	}
	p.offsets[7] = n
	return p
}

// Draw returns a place.
func (p *Pareto) Draw(r *Rand) int {
	level, x := 0, uint64(r.Next())
	for x >= p.bounds[level] {
		level++
	}
	from := p.offsets[level]
	return min(from+r.Below(max(p.offsets[level+1]-from, 1)), p.offsets[7]-1)
}
