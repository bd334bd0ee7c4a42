package loops

//go:generate go run ./gen

import (
	"errors"
	"fmt"
	"slices"

	"offheap.example/lookaside/bench/work"
)

// Names are the allocators that the package can run workloads on.
func Names() []string { return []string{"lookaside", "goheap", "syncpool"} }

// Kinds are the kinds of workloads, in alphabetical order.
func Kinds() []string {
	var out []string
	for k := range lookasideAlgorithms {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Run makes one shot of a workload on a fresh allocator. Blocks that are out at
// the end are an error where the allocator can tell.
func Run(name string, s work.Spec) (work.Outcome, error) {
	switch name {
	case "lookaside":
		h, err := openLookaside()
		if err != nil {
			return work.Outcome{}, err
		}
		return run(h, h.close, lookasideAlgorithms, s)
	case "goheap":
		h := new(goheapHeap)
		return run(h, h.close, goheapAlgorithms, s)
	case "syncpool":
		h := new(syncpoolHeap)
		return run(h, h.close, syncpoolAlgorithms, s)
	}
	return work.Outcome{}, fmt.Errorf("no allocator %q: there are %v", name, Names())
}

func run[H any](h H, closeHeap func() error, kinds map[string]func(H, *work.Run), s work.Spec) (work.Outcome, error) {
	f, ok := kinds[s.Kind]
	if !ok {
		return work.Outcome{}, errors.Join(fmt.Errorf("no kind of workload %q", s.Kind), closeHeap())
	}
	o, err := work.Perform(s, func(r *work.Run) { f(h, r) })
	if err != nil {
		return o, err // what is out is out
	}
	return o, closeHeap()
}
