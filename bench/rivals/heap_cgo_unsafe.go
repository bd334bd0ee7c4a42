//go:build rival_mimalloc || rival_jemalloc

package main

// The compiler cannot check here that the bytes behind an address from C are as
// many as the slice says, nor that they are still allocated.
//
// It holds because the slice is as long as what was asked for, and a workload
// does not use a block after it freed it.
//
// A C allocator that hands out less than it was asked for would break it.

/*
#cgo rival_mimalloc LDFLAGS: -lmimalloc
#cgo rival_jemalloc LDFLAGS: -ljemalloc
#include <stdlib.h>
#include <string.h>

extern int mi_version(void) __attribute__((weak));
extern int mallctl(const char *, void *, size_t *, void *, size_t) __attribute__((weak));

static void *rival_alloc(size_t n) { return malloc(n); }
static void rival_free(void *p) { free(p); }

extern void mi_collect(int) __attribute__((weak));

static void rival_trim(void) {
	if (mi_collect) mi_collect(1);
	if (mallctl) {
		mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
		mallctl("arena.4096.purge", NULL, NULL, NULL, 0); // all arenas
	}
}

#cgo noescape rival_alloc
#cgo nocallback rival_alloc
#cgo noescape rival_free
#cgo nocallback rival_free

static int rival_mimalloc_version(void) { return mi_version ? mi_version() : 0; }

static const char *rival_jemalloc_version(void) {
	const char *v = "";
	size_t n = sizeof v;
	if (mallctl) mallctl("version", &v, &n, NULL, 0);
	return v;
}
*/
import "C"

import (
	"fmt"
	"unsafe"
)

const rivalModule = ""

// rivalHeap is the malloc that the program is linked with.
type rivalHeap struct{}

func openRival() *rivalHeap { return new(rivalHeap) }

func (*rivalHeap) Alloc(n int) (rivalBlock, error) {
	p := C.rival_alloc(C.size_t(n))
	if p == nil {
		panic("malloc found no memory")
	}
	return unsafe.Slice((*byte)(p), n), nil
}

func (*rivalHeap) Free(b rivalBlock) { C.rival_free(unsafe.Pointer(unsafe.SliceData(b))) }

func (*rivalHeap) trim() { C.rival_trim() }

func (*rivalHeap) close() error { return nil }

func rivalVersion() string {
	if v := C.rival_mimalloc_version(); v > 0 {
		return fmt.Sprintf("mimalloc %d.%d.%d", v/100, v/10%10, v%10)
	}
	if v := C.GoString(C.rival_jemalloc_version()); v != "" {
		return "jemalloc " + v
	}
	return "the C library's own malloc"
}
