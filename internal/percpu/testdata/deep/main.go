// Command deep has an unpreemptible section at the end of a chain of functions none of which asks for stack, for a
// test that links it.
package main

import "offheap.example/lookaside/internal/percpu/testdata/section"

//go:nosplit
//go:noinline
func first(a [4]int) int { return second(a) + a[0] }

//go:nosplit
//go:noinline
func second(a [4]int) int { return third(a) + a[1] }

//go:nosplit
//go:noinline
func third(a [4]int) int { return fourth(a) + a[2] }

//go:nosplit
//go:noinline
func fourth(a [4]int) int {
	if section.Bump() {
		return a[3]
	}
	return 0
}

func main() { println(first([4]int{})) }
