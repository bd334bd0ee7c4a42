package loops

import "offheap.example/lookaside/bench/work"

// lookasideAlgorithms are the algorithms by the name of their kind.
var lookasideAlgorithms = map[string]func(*lookasideHeap, *work.Run){
	"pair":         lookasidePair,
	"batch":        lookasideBatch,
	"blocks":       lookasideBlocks,
	"local":        lookasideLocal,
	"typed":        lookasideTyped,
	"prodcons":     lookasideProdCons,
	"larson":       lookasideLarson,
	"xmalloc":      lookasideXmalloc,
	"cache":        lookasideCache,
	"sh6":          lookasideSh6,
	"sh8":          lookasideSh8,
	"alloctest":    lookasideAllocTest,
	"mstress":      lookasideMstress,
	"rptest":       lookasideRptest,
	"glibc-simple": lookasideSimple,
	"glibc-thread": lookasideThread,
	"latency":      lookasideLatency,
	"grow":         lookasideGrow,
	"shift":        lookasideShift,
	"gc":           lookasideGC,
	"trace":        lookasideTrace,
}
