//go:build !race

package arena

// heapOnly says that pages must come from the Go heap.
const heapOnly = false
