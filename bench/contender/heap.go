package contender

import "runtime/metrics"

// heap measures the Go heap against what it held at first.
type heap struct {
	base    int64
	samples []metrics.Sample
}

func newHeap() heap {
	h := heap{samples: []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}}
	h.base = h.read()
	return h
}

func (h *heap) read() int64 {
	metrics.Read(h.samples)
	var n int64
	for _, s := range h.samples {
		if s.Value.Kind() == metrics.KindUint64 {
			n += int64(s.Value.Uint64())
		}
	}
	return n
}

// Resident is the growth of the heap's resident classes: objects (live, or
// dead and not yet swept), unused parts of spans, and free spans not yet
// given back.
func (h *heap) Resident() (int64, error) { return max(h.read()-h.base, 0), nil }
