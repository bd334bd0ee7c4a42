package work

import "fmt"

// Scale chooses how long the workloads are.
type Scale int

// The scales.
const (
	Full  Scale = iota // about half a second a shot
	Quick              // a few hundredths
	Tiny               // for tests: everything happens, nothing can be measured
)

// pick returns the length for the scale.
func (s Scale) pick(full, quick, tiny int64) int64 {
	switch s {
	case Full:
		return full
	case Quick:
		return quick
	}
	return tiny
}

// suite collects workloads.
type suite struct {
	scale Scale
	procs int64
	specs []Spec
}

// add appends a workload. The numbers are key, value, key, value …
func (s *suite) add(group, name, kind, unit, title string, numbers ...any) *Spec {
	spec := Spec{Name: name, Group: group, Title: title, Kind: kind, Unit: unit}
	for i := 0; i < len(numbers); i += 2 {
		key, _ := numbers[i].(string)
		spec.Params = append(spec.Params, Param{key, number(numbers[i+1])})
	}
	s.specs = append(s.specs, spec)
	return &s.specs[len(s.specs)-1]
}

func number(v any) int64 {
	switch n := v.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	}
	panic(fmt.Sprintf("suite: %v is no number", v))
}

// Suite returns all workloads for a machine with procs processors, the traces
// apart. The numbers are those of the originals; where the original runs for
// some seconds, or for very long, n is what bounds it here.
func Suite(procs int, scale Scale) []Spec {
	s := &suite{scale: scale, procs: int64(procs)}
	s.micro()
	s.parallel()
	s.stress()
	s.glibc()
	s.latency()
	s.memory()
	s.collector()
	return s.specs
}

const seed = 4141

func (s *suite) micro() {
	n := s.scale.pick(20_000_000, 1_000_000, 2000)
	s.add("micro", "pair-64", "pair", "pair", "allocate 64 bytes, write one, free", "n", n, "t", 1, "size", 64, "warm", 8)
	s.add("micro", "pair-4096", "pair", "pair", "allocate 4 KiB, write one byte, free", "n", n/4, "t", 1, "size", 4096, "warm", 8)
	for _, sizes := range []struct {
		name, text string
		min, max   int
	}{{"64", "64 bytes", 64, 64}, {"mixed", "16 to 1,024 bytes", 16, 1024}} {
		for order, name := range []string{"fifo", "lifo", "shuffled"} {
			s.add("micro", "batch-"+sizes.name+"-"+name, "batch", "block",
				fmt.Sprintf("1,000 blocks of %s, freed %s", sizes.text, [...]string{"in order", "in reverse", "in random order"}[order]),
				"n", n/4, "t", 1, "count", 1000, "min", sizes.min, "max", sizes.max, "order", order, "seed", seed, "warm", 8)
		}
	}
	s.add("micro", "blocks-32", "blocks", "block", "32 blocks of 64 bytes by one call, and back by one call", "n", n, "t", 1, "count", 32, "size", 64, "warm", 8)
	s.add("micro", "local", "local", "pair", "pairs of 64 bytes from a cache that one goroutine owns", "n", n, "t", 1, "size", 64, "warm", 8)
	s.add("micro", "typed", "typed", "pair", "pairs of a zeroed value of 64 bytes", "n", n, "t", 1, "warm", 8)
}

func (s *suite) parallel() {
	n := s.scale.pick(20_000_000, 1_000_000, 20_000)
	for t := int64(2); t < s.procs; t *= 2 {
		s.add("parallel", fmt.Sprintf("pair-64-p%d", t), "pair", "pair", fmt.Sprintf("pairs of 64 bytes on %d threads", t), "n", n, "t", t, "size", 64, "warm", 8)
	}
	if s.procs > 1 {
		s.add("parallel", fmt.Sprintf("pair-64-p%d", s.procs), "pair", "pair", "pairs of 64 bytes, a thread for every processor", "n", n, "t", s.procs, "size", 64, "warm", 8)
	}
	s.add("parallel", "pair-64-many", "pair", "pair", "pairs of 64 bytes, 64 threads for every processor", "n", n, "t", 64*s.procs, "size", 64, "warm", 8)
	s.add("parallel", "batch-mixed-many", "batch", "block", "1,000 blocks of 16 to 1,024 bytes, freed in random order, 64 threads for every processor",
		"n", n/4, "t", 64*s.procs, "count", s.scale.pick(1000, 1000, 50), "min", 16, "max", 1024, "order", 2, "seed", seed, "warm", 8)
	s.add("parallel", "prodcons-64", "prodcons", "block", "one thread allocates 64 bytes, another frees them", "n", n/2, "t", 1, "size", 64, "ring", 1024, "warm", 8)
}

func (s *suite) stress() {
	t := max(s.procs, 2)
	s.add("stress", "larson", "larson", "pair", "threads replace random blocks and leave them to a successor",
		"n", s.scale.pick(20, 8, 2), "t", t, "min", 8, "max", 1000, "slots", s.scale.pick(5000, 5000, 50), "rounds", s.scale.pick(100, 10, 4), "seed", seed)
	s.add("stress", "xmalloc-test", "xmalloc", "block", "producers fill batches of 4,096, consumers free them",
		"n", s.scale.pick(4000, 250, 8), "t", t, "count", s.scale.pick(4096, 4096, 64), "size", 64, "limit", 100, "warm", 8)
	for i, name := range []string{"cache-thrash", "cache-scratch"} {
		title := "each thread writes to a tiny block of its own"
		if i == 1 {
			title += ", after freeing one that lay beside the others'"
		}
		s.add("stress", name, "cache", "write", title,
			"n", s.scale.pick(1000, 40, 4), "t", t, "size", 1, "reps", s.scale.pick(400_000, 400_000, 1000), "foreign", i, "warm", 10)
	}
	s.add("stress", "sh6bench", "sh6", "block", "small sizes, a moving fifth is kept",
		"n", s.scale.pick(1200, 60, 2*2*t), "t", 2*t, "slots", s.scale.pick(10_000, 10_000, 400)/(2*t), "warm", 8)
	s.add("stress", "sh8bench", "sh8", "block", "small sizes and some large, and one more thread whose blocks the others free",
		"n", s.scale.pick(35_000, 1400, 4*t), "t", 2*t, "slots", s.scale.pick(1_000_000, 200_000, 4000), "extra", s.scale.pick(500_000, 20_000, 400), "warm", 10)
	s.add("stress", "mstress", "mstress", "block", "threads are born, allocate, exchange and die",
		"n", s.scale.pick(25, 5, 2), "t", t, "scale", s.scale.pick(50, 10, 2), "places", 1000, "seed", seed)
	s.add("stress", "rptest", "rptest", "block", "slots are refilled with sizes up to 16,000, every other loop blocks go to another thread",
		"n", s.scale.pick(500, 50, 6), "t", t, "slots", 1000, "min", 8, "max", 16_000, "cross", 2, "seed", seed, "warm", 8)
	for _, threads := range []int64{1, t} {
		s.add("stress", fmt.Sprintf("alloc-test-%d", threads), "alloctest", "visit", fmt.Sprintf("places of a table by a Pareto distribution, %d threads", threads),
			"n", s.scale.pick(8_000_000, 400_000, 3000)/threads, "t", threads, "slots", s.scale.pick(1<<18, 1<<18, 1<<10), "seed", seed, "warm", 8)
	}
}

func (s *suite) glibc() {
	t := max(s.procs, 2)
	s.add("stress", "glibc-simple", "glibc-simple", "block", "16 bytes, half freed in order and half in reverse; alone, on another thread, beside an idle one",
		"n", s.scale.pick(2_000_000, 80_000, 1600), "size", 16, "warm", 8)
	s.add("stress", "glibc-thread", "glibc-thread", "block", "working sets of 1,024 blocks, sizes that fall with the square",
		"n", s.scale.pick(8_000_000, 400_000, 3000)/t, "t", t, "set", s.scale.pick(1024, 1024, 64), "min", 4, "max", 32_768, "seed", seed, "warm", 8)
}

func (s *suite) latency() {
	s.add("latency", "latency", "latency", "operation", "single operations on 10,000 places, 16 to 1,024 bytes, each timed by itself",
		"n", s.scale.pick(10_000_000, 500_000, 5000), "slots", s.scale.pick(10_000, 10_000, 100), "min", 16, "max", 1024, "seed", seed, "warm", 8)
}

func (s *suite) memory() {
	s.add("memory", "grow-shrink", "grow", "block", "grow to many bytes live, free all in random order, go on a little, trim",
		"n", s.scale.pick(1<<30, 32<<20, 1<<20), "min", 16, "max", 1024, "after", s.scale.pick(1_000_000, 1_000_000, 2000), "seed", seed)
	s.add("memory", "shifting-sizes", "shift", "block", "as many bytes stay live while their blocks change size",
		"n", s.scale.pick(256<<20, 8<<20, 256<<10), "seed", seed)
}

func (s *suite) collector() {
	n, turns := s.scale.pick(600, 100, 4), s.scale.pick(3, 1, 2) // a collection takes a quarter of a millisecond
	million := s.scale.pick(1_000_000, 1_000_000, 100)
	for _, w := range []struct {
		name, title string
		live, refs  int64
	}{
		{"gc-0", "a garbage collection with nothing live", 0, 0},
		{"gc-1m", "a garbage collection with 1 million live blocks of 64 bytes", million, 0},
		{"gc-10m", "a garbage collection with 10 million live blocks of 64 bytes", 10 * million, 0},
		{"gc-10m-refs", "the same, with the references to them on the Go heap", 10 * million, 1},
	} {
		s.add("collector", w.name, "gc", "collection", w.title, "n", n, "turns", turns, "live", w.live, "size", 64, "refs", w.refs).GoOnly = true
	}
}

// TraceSpecs are the two workloads of a trace, against the clock and for memory,
// whose events lie in file.
func TraceSpecs(name, file string, scale Scale) []Spec {
	s := &suite{scale: scale}
	s.add("trace", "trace-"+name, "trace", "operation", "the trace of "+name+" on one thread, against the clock", "n", scale.pick(3, 1, 1), "memory", 0, "warm", 3)
	s.add("trace", "trace-"+name+"-memory", "trace", "operation", "the trace of "+name+" on one thread, every byte written: resident memory", "n", 1, "memory", 1)
	for i := range s.specs {
		s.specs[i].File = file
	}
	return s.specs
}
