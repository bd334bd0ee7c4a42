package loops_test

import (
	"fmt"

	"offheap.example/lookaside/bench/work"
	"offheap.example/lookaside/bench/work/loops"
)

func ExampleRun() {
	spec, err := work.ParseSpec("pair n=1000 t=2 size=64")
	if err != nil {
		panic(err)
	}
	for _, name := range loops.Names() {
		o, err := loops.Run(name, spec)
		if err != nil {
			panic(err)
		}
		fmt.Println(name, o.Ops, o.Allocs-o.Frees)
	}
	// Output:
	// lookaside 1000 0
	// goheap 1000 0
	// syncpool 1000 0
}
