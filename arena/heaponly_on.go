//go:build race

package arena

// heapOnly says that pages must come from the Go heap: the race detector does not see mapped memory.
const heapOnly = true
