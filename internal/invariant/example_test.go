package invariant_test

import (
	"fmt"

	"offheap.example/lookaside/internal/invariant"
)

type stack struct {
	pushed invariant.Only[int] // how many there should be
	values []int
}

func (s *stack) push(v int) {
	s.values = append(s.values, v)
	if invariant.Enabled {
		s.pushed.Set(s.pushed.Get() + 1)
		invariant.Check(s.pushed.Get() == len(s.values), "stack: every value pushed is there")
	}
}

// A field and a check that exist only in builds with checks.
func Example() {
	var s stack
	s.push(1)
	s.push(2)
	fmt.Println(len(s.values))
	// Output: 2
}
