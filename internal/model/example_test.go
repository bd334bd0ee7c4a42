package model_test

import (
	"fmt"

	"offheap.example/lookaside/internal/model"
)

// A program written by hand runs on the real thing; a system that is broken is found by it.
func ExampleRun() {
	p := model.Decode(nil) // no operations, and the smallest system
	p.Setup.End = model.Leak
	p.Ops = []model.Op{
		{Do: model.Alloc, Slot: 1, N: 100},
		{Do: model.FreeInside, Slot: 1, N: 8},
		{Do: model.Realloc, Slot: 1, N: 1000},
	}
	fmt.Println(model.Run(p, model.Open) == nil)

	for _, c := range model.Canaries() {
		if c.Name == "reports no leak" {
			f := model.Run(p, c.Open)
			fmt.Println(f.At == len(p.Ops), f.Reason)
		}
	}
	// Output:
	// true
	// true close with 1 leaks: <nil>
}
