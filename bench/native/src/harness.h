/*
 * What all workloads share: the numbers of the workload, the generator, the
 * clock, threads that start together, and tallies. It is the twin of package
 * bench/work; a workload must do here what it does there, in the same order.
 *
 * Everything that the harness needs for itself comes from own(), which maps
 * pages: the allocator under test serves the workload alone. The compiler is
 * told not to know malloc and free (-fno-builtin-malloc and its kin), and blocks
 * are written through volatile or shown to an empty asm, so that no pair is
 * ever taken for nothing.
 */
#ifndef HARNESS_H
#define HARNESS_H

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	int64_t ops, ns, allocs, frees, bytes;
	int64_t base, peak, live, residual, settled, trimmed, clock;
} outcome;

typedef struct {
	int64_t allocs, frees, bytes;
} tally;

typedef struct {
	uint64_t state;
} generator;

extern outcome out;
extern const char *trace_file;

int64_t number(const char *key);
_Noreturn void die(const char *what);
void *own(size_t bytes);
void clock_start(void);
void clock_stop(void);
uint64_t nanoseconds(void);
void count(tally t);
void parallel(int t, void (*f)(int id, void *arg), void *arg);

/* Sampling of resident memory, as in resident.go. */
void measure(int64_t total);
void step(int64_t n);
void advance(int64_t n);
int64_t sample(void);

/* Durations, as in hist.go. */
typedef struct histogram histogram;
histogram *new_histogram(void);
void histogram_add(histogram *h, uint64_t ns);
uint64_t histogram_median(histogram *h);
void histogram_result(histogram *h);

void trim(void);

/* The generator of rand.go. */
static inline generator new_generator(int64_t seed, int64_t id) {
	generator g = {(((uint64_t)seed + 1) * 0x9E3779B97F4A7C15u + (uint64_t)id * 0xD1B54A32D192ED03u) | 1};
	return g;
}

static inline uint32_t next(generator *g) {
	uint64_t x = g->state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	g->state = x;
	return (uint32_t)(x * 0x2545F4914F6CDD1Du >> 32);
}

static inline uint32_t below(generator *g, uint32_t n) { return next(g) % n; }

static inline uint32_t between(generator *g, uint32_t low, uint32_t high) { return low + below(g, high - low + 1); }

uint32_t *permutation(generator *g, uint32_t n);
uint32_t *uniform_sizes(generator *g, uint32_t n, uint32_t low, uint32_t high);
uint32_t *inverse_square(generator *g, uint32_t n, uint32_t low, uint32_t high);
uint32_t *linear_fall(generator *g, uint32_t n, uint32_t low, uint32_t high);

static inline int64_t share(int64_t n, int64_t t, int64_t id) { return n / t + (id < n % t); }
static inline int64_t at_least(int64_t n, int64_t least) { return n > least ? n : least; }
static inline int64_t at_most(int64_t n, int64_t most) { return n < most ? n : most; }

/* get is malloc that may not fail. */
static inline void *get(size_t n) {
	void *p = malloc(n);
	if (__builtin_expect(p == NULL, 0)) die("malloc found no memory");
	return p;
}

/* touch writes one byte that the compiler cannot leave out. */
static inline void touch(void *p) { *(volatile char *)p = 1; }

static inline void ends(void *p, size_t n) {
	((volatile char *)p)[0] = 1;
	((volatile char *)p)[n - 1] = 1;
}

/* wipe is memset to zero that the compiler cannot leave out. */
static inline void wipe(void *p, size_t n) {
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}

static inline int spin(int tries) {
	if (++tries >= 64) {
		sched_yield();
		return 0;
	}
	return tries;
}

/* Workloads. */
void run_pair(void);
void run_batch(void);
void run_blocks(void);
void run_typed(void);
void run_prodcons(void);
void run_larson(void);
void run_xmalloc(void);
void run_cache(void);
void run_simple(void);
void run_thread(void);
void run_sh6(void);
void run_sh8(void);
void run_alloctest(void);
void run_mstress(void);
void run_rptest(void);
void run_latency(void);
void run_grow(void);
void run_shift(void);
void run_trace(void);

#endif
