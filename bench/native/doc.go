// Package native runs the workloads of bench/work in C: over glibc's malloc, and
// over mimalloc, jemalloc and tcmalloc, which take its place by LD_PRELOAD.
//
// The sources are in src and embedded here. Build compiles them with the system's
// compiler into a folder, once for each state of the sources. Each C function is
// the twin of the Go algorithm of the same name: the same sizes from the same
// generator, the same bytes written, the same order and the same threads. A
// test compares the numbers of blocks and bytes that both asked for, workload by
// workload.
//
// malloc is called as programs call it, through the PLT. The compiler is told
// not to know what malloc and free are, and blocks are written through volatile,
// so that nothing is optimized away.
package native
