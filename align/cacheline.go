package align

import (
	"runtime"

	"github.com/klauspost/cpuid/v2"
)

// Written once, before main; read freely.
var cacheLine = saneCacheLine(cpuid.CPU.CacheLine, runtime.GOOS, runtime.GOARCH)

// CacheLine returns the bytes in one line of the first-level data cache, as the
// processor reports it: a power of two. Where the processor does not say, it is
// 128 on Apple's arm64 and 64 elsewhere. For the layout of a struct, which has
// to be known when it is compiled, use [FalseSharing].
func CacheLine() int { return cacheLine }

// saneCacheLine returns reported when it can be true, and the platform's usual
// line otherwise: hypervisors hide the leaf, and cpuid then has 0 or -1.
func saneCacheLine(reported int, goos, goarch string) int {
	if IsPow2(reported) && reported >= 16 && reported <= 1024 {
		return reported
	}
	if goarch == "arm64" && (goos == "darwin" || goos == "ios") {
		return 128
	}
	return 64
}
