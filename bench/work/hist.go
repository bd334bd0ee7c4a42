package work

import "math/bits"

// Buckets of a Histogram: exact below 64, then 32 for every doubling, so that a
// bucket is never wider than 1/32 of its value.
const (
	subBits = 5
	buckets = (65 - subBits) << subBits
)

// Histogram counts durations in nanoseconds.
type Histogram struct{ counts [buckets]uint64 }

// Add counts one duration.
func (h *Histogram) Add(ns uint64) { h.counts[bucket(ns)]++ }

// bucket is where a duration is counted.
func bucket(ns uint64) int {
	if ns < 2<<subBits {
		return int(ns)
	}
	e := bits.Len64(ns) - subBits - 1
	return e<<subBits + int(ns>>e)
}

// floor is the smallest duration of a bucket.
func floor(bucket int) uint64 {
	if bucket < 2<<subBits {
		return uint64(bucket)
	}
	e := bucket>>subBits - 1
	return uint64(bucket-e<<subBits) << e
}

// Bin is one bucket that is not empty.
type Bin struct {
	From  uint64 `json:"from_ns"` // smallest duration counted
	Count uint64 `json:"count"`
}

// Bins returns the buckets that are not empty, the shortest durations first.
func (h *Histogram) Bins() []Bin {
	var out []Bin
	for i, n := range h.counts {
		if n > 0 {
			out = append(out, Bin{floor(i), n})
		}
	}
	return out
}

// Quantile returns the duration below or at which the share q of all lie, 0 of
// none.
func Quantile(bins []Bin, q float64) float64 {
	var all uint64
	for _, b := range bins {
		all += b.Count
	}
	rank, seen := q*float64(all), uint64(0)
	for _, b := range bins {
		seen += b.Count
		if float64(seen) >= rank {
			return float64(b.From)
		}
	}
	return 0
}
