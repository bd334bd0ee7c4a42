package work_test

import (
	"fmt"

	"offheap.example/lookaside/bench/work"
)

func ExampleSpec_Line() {
	s := work.Suite(2, work.Full)[0]
	fmt.Println(s.Name)
	fmt.Println(s.Line())
	// Output:
	// pair-64
	// pair n=20000000 t=1 size=64 warm=8
}
