package record_test

import (
	"fmt"

	"offheap.example/lookaside/bench/record"
)

func ExampleDivide() {
	lookaside := []float64{6.0, 6.6, 5.9}
	rival := []float64{12.0, 12.1, 11.9}
	r, _ := record.Divide(lookaside, rival)
	fmt.Println(r.Text())
	// Output: 0.50 (0.50–0.55)
}
