package model

// Shrink makes a failing program smaller as long as it still fails, by dropping operations and by making numbers
// smaller. It calls fails at most a given number of times, and returns the smallest program that failed.
func Shrink(p Program, tries int, fails func(Program) bool) Program {
	s := shrinker{best: p, tries: tries, fails: fails}
	for smaller := true; smaller && s.tries > 0; {
		smaller = s.dropRuns()
		smaller = s.simplify() || smaller
	}
	return s.best
}

type shrinker struct {
	best  Program
	tries int
	fails func(Program) bool
}

// try keeps p if it fails too.
func (s *shrinker) try(p Program) bool {
	if s.tries--; s.tries < 0 || !s.fails(p) {
		return false
	}
	s.best = p
	return true
}

// without is the best program less n operations from i on.
func (s *shrinker) without(i, n int) Program {
	p := s.best
	p.Ops = append(append([]Op(nil), p.Ops[:i]...), p.Ops[i+n:]...)
	return p
}

// dropRuns drops ever shorter runs of operations, from the end to the beginning.
func (s *shrinker) dropRuns() (smaller bool) {
	for n := len(s.best.Ops); n > 0; n /= 2 {
		for i := len(s.best.Ops) - n; i >= 0; i -= n {
			if i+n <= len(s.best.Ops) && s.try(s.without(i, n)) {
				smaller = true
			}
		}
	}
	return smaller
}

// simplify makes the numbers of each operation, and then the setup, as plain as they can be.
func (s *shrinker) simplify() (smaller bool) {
	for i := range s.best.Ops {
		for _, plain := range []func(*Op){
			func(o *Op) { o.N = 0 }, func(o *Op) { o.N = 8 }, func(o *Op) { o.N /= 2 }, func(o *Op) { o.N-- },
			func(o *Op) { o.Who = 0 }, func(o *Op) { o.K = 0 }, func(o *Op) { o.K /= 2 },
		} {
			p := s.without(i, 0)
			plain(&p.Ops[i])
			if p.Ops[i].N >= 0 && p.Ops[i].N <= s.best.Ops[i].N && p.Ops[i] != s.best.Ops[i] && s.try(p) {
				smaller = true
			}
		}
	}
	for _, plain := range []func(*Setup){
		func(x *Setup) { x.Guard = false }, func(x *Setup) { x.Shared = false }, func(x *Setup) { x.Limit = 4 << 20 },
		func(x *Setup) { x.Tags = 1 }, func(x *Setup) { x.ParkedPerP = 0 }, func(x *Setup) { x.End = FreeAll },
		func(x *Setup) { x.Lists[0].Debug = 0 }, func(x *Setup) { x.Lists[1].Debug = 0 },
	} {
		p := s.best
		plain(&p.Setup)
		if p.Setup != s.best.Setup && s.try(p) {
			smaller = true
		}
	}
	return smaller
}

// shrinkTries is how often Check runs a failing program to make it smaller.
const shrinkTries = 1500

// Check is Run, and a program that fails is shrunk before it is returned.
func Check(p Program, open Opener) *Failure {
	first := Run(p, open)
	if first == nil {
		return nil
	}
	last := first
	Shrink(p, shrinkTries, func(p Program) bool {
		f := Run(p, open)
		if f != nil {
			last = f
		}
		return f != nil
	})
	return last
}
