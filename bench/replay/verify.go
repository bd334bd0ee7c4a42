package replay

import (
	"errors"
	"fmt"
	"reflect"

	"offheap.example/lookaside/bench/contender"
	"offheap.example/lookaside/bench/trace"
)

// maxFailures is how many failures of one pass are told; the pass ends there.
const maxFailures = 5

// verify prepares the verify pass.
func (s *session) verify(title string) prepared {
	if s.split != nil {
		checkers := make([]checker, len(s.split.Parts)+1)
		f := s.newFree(func(i int) visitor { return &checkers[i] })
		return func(c contender.Contender, r *Result) error {
			_, err := f.play(c)
			return judge(r, err, checkers)
		}
	}
	k := make([]checker, 1)
	w := s.newWalk(&k[0], title, "verify")
	return func(c contender.Contender, r *Result) error { return judge(r, w.run(c), k) }
}

// judge enters what the checkers found. The error is one of the contender's
// that ended the pass.
func judge(r *Result, err error, checkers []checker) error {
	var found []string
	for _, k := range checkers {
		found = append(found, k.found...)
	}
	r.Failures = append(r.Failures, found[:min(len(found), maxFailures)]...)
	r.Verified = err == nil && len(found) == 0
	if errors.Is(err, errEnough) || errors.Is(err, errInterrupted) {
		return nil
	}
	return err
}

// checker is the visitor that compares what a contender hands out with what it
// must be. Each goroutine has its own.
type checker struct{ found []string }

func (k *checker) failf(format string, args ...any) {
	if len(k.found) < maxFailures {
		k.found = append(k.found, fmt.Sprintf(format, args...))
	}
}

func (k *checker) enough() bool { return len(k.found) >= maxFailures }

func (k *checker) fresh(b []byte, id uint64, n int, op trace.Op, to int) {
	if len(b) != n {
		k.failf("block %s: %d bytes asked for, %d given", name(id), n, len(b))
	}
	if op == trace.Zeroed {
		for i, c := range b {
			if c != 0 {
				k.failf("block %s of %d bytes must read zero: byte %d is %#02x", name(id), n, i, c)
				break
			}
		}
	}
	if to > 0 && n > 0 {
		if at := reflect.ValueOf(b).Pointer(); at%uintptr(to) != 0 {
			k.failf("block %s of %d bytes must be at a multiple of %d: it is at %#x", name(id), n, to, at)
		}
	}
	fill(b, id, 0)
}

func (k *checker) moved(b []byte, id uint64, old, n int) {
	if len(b) != n {
		k.failf("block %s: reallocated to %d bytes, %d given", name(id), n, len(b))
	}
	kept := min(old, len(b))
	if i, ok := intact(b[:kept], id); !ok {
		k.failf("block %s: byte %d was lost in a realloc from %d to %d bytes", name(id), i, old, n)
		kept = 0
	}
	fill(b, id, kept)
}

func (k *checker) gone(b []byte, id uint64) {
	if i, ok := intact(b, id); !ok {
		k.failf("block %s of %d bytes: byte %d was changed by somebody else", name(id), len(b), i)
	}
}
