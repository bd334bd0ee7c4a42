package work

// Rand is the generator of all workloads: xorshift with a multiplication at the
// end. bench/native/src/harness.h has the same.
type Rand struct{ state uint64 }

// NewRand returns the generator of thread id.
func NewRand(seed, id int) Rand {
	return Rand{(uint64(seed)+1)*0x9E3779B97F4A7C15 + uint64(id)*0xD1B54A32D192ED03 | 1}
}

// Next returns the next 32 bits.
func (r *Rand) Next() uint32 {
	x := r.state
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	r.state = x
	return uint32(x * 0x2545F4914F6CDD1D >> 32)
}

// Below returns a number from 0 to n-1; n is from 1 to 1<<31.
func (r *Rand) Below(n int) int { return int(r.Next() % uint32(n)) }

// Between returns a number from low to high, both included.
func (r *Rand) Between(low, high int) int { return low + r.Below(high-low+1) }

// Permutation returns 0 … n-1 in random order.
func (r *Rand) Permutation(n int) []int32 {
	p := make([]int32, n)
	for i := range p {
		p[i] = int32(i)
	}
	for i := n - 1; i > 0; i-- {
		j := r.Below(i + 1)
		p[i], p[j] = p[j], p[i]
	}
	return p
}
