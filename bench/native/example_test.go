package native_test

import (
	"fmt"

	"offheap.example/lookaside/bench/native"
)

func ExampleAllocators() {
	for _, a := range native.Allocators() {
		if a.Package != "" { // the C library's own is always there
			fmt.Println(a.Name, a.Package)
		}
	}
	// Output:
	// c-mimalloc libmimalloc-dev
	// c-jemalloc libjemalloc-dev
	// c-tcmalloc libgoogle-perftools-dev
}
