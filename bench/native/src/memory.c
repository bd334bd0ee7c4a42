#include "harness.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void run_latency(void) {
	int64_t n = number("n");
	uint32_t slots = (uint32_t)number("slots"), low = (uint32_t)number("min"), high = (uint32_t)number("max");
	generator g = new_generator(number("seed"), 0);
	void **blocks = own(sizeof *blocks * slots);
	histogram *h = new_histogram(), *clock = new_histogram();
	tally t = {0};
	clock_start();
	uint64_t before = nanoseconds();
	for (int64_t k = 0; k < n; k++) {
		uint32_t i = below(&g, slots);
		if (blocks[i]) {
			free(blocks[i]);
			blocks[i] = NULL;
			t.frees++;
		} else {
			uint32_t size = between(&g, low, high);
			void *p = get(size);
			touch(p);
			blocks[i] = p;
			t.allocs++;
			t.bytes += size;
		}
		uint64_t now = nanoseconds();
		histogram_add(h, now - before);
		before = now;
	}
	clock_stop();
	for (int k = 0; k < 100000; k++) {
		uint64_t now = nanoseconds();
		histogram_add(clock, now - before);
		before = now;
	}
	for (uint32_t i = 0; i < slots; i++) {
		if (blocks[i]) {
			free(blocks[i]);
			t.frees++;
		}
	}
	count(t);
	out.ops = n;
	out.clock = (int64_t)histogram_median(clock);
	histogram_result(h);
}

void run_grow(void) {
	uint32_t low = (uint32_t)number("min"), high = (uint32_t)number("max");
	generator g = new_generator(number("seed"), 0);
	uint32_t n = (uint32_t)(number("n") / ((low + high) / 2));
	void **blocks = own(sizeof *blocks * n);
	uint32_t *order = permutation(&g, n);
	tally t = {0};
	measure(2 * (int64_t)n);
	clock_start();
	for (uint32_t i = 0; i < n; i++) {
		uint32_t size = between(&g, low, high);
		void *p = get(size);
		wipe(p, size);
		blocks[i] = p;
		t.bytes += size;
		step(1);
	}
	out.live = t.bytes;
	clock_stop();
	sample();
	clock_start();
	for (uint32_t i = 0; i < n; i++) {
		free(blocks[order[i]]);
		blocks[order[i]] = NULL;
		step(1);
	}
	clock_stop();
	out.residual = sample();
	int64_t few = at_most(n, 1000);
	for (int64_t k = number("after") / few; k > 0; k--) {
		for (int64_t i = 0; i < few; i++) blocks[i] = get(low);
		for (int64_t i = 0; i < few; i++) free(blocks[i]);
		t.allocs += few;
		t.bytes += low * few;
	}
	out.settled = sample();
	trim();
	out.trimmed = sample();
	t.allocs += n;
	t.frees = t.allocs;
	count(t);
	out.ops = n;
}

static const uint32_t shift_sizes[10] = {24, 40, 72, 136, 264, 520, 1032, 2056, 4104, 48};

void run_shift(void) {
	int64_t goal = number("n"), room = goal / shift_sizes[0] + 1, have = 0, live = 0;
	generator g = new_generator(number("seed"), 0);
	void **blocks = own(sizeof *blocks * (size_t)room);
	uint32_t *sizes = own(sizeof *sizes * (size_t)room);
	tally t = {0};
	measure(10);
	clock_start();
	for (int phase = 0; phase < 10; phase++) {
		uint32_t size = shift_sizes[phase];
		for (int64_t k = have / 10 * 9; k > 0; k--) {
			uint32_t i = below(&g, (uint32_t)have);
			free(blocks[i]);
			live -= sizes[i];
			have--;
			blocks[i] = blocks[have];
			sizes[i] = sizes[have];
			blocks[have] = NULL;
			t.frees++;
		}
		for (; live + size <= goal && have < room; have++) {
			void *p = get(size);
			wipe(p, size);
			blocks[have] = p;
			sizes[have] = size;
			live += size;
			t.allocs++;
			t.bytes += size;
		}
		out.live = live > out.live ? live : out.live;
		step(1);
	}
	clock_stop();
	for (int64_t i = 0; i < have; i++) {
		free(blocks[i]);
		t.frees++;
	}
	out.residual = sample();
	trim();
	out.trimmed = sample();
	count(t);
	out.ops = t.allocs;
}

/* Traces; see events.go for the form. */
enum { ALLOC, ZEROED, ALIGNED, FREE, REALLOC, SAMPLE };

static void ends_of(void *p, size_t n) {
	if (n > 0) ends(p, n);
}

static inline void *made(void *p) {
	if (__builtin_expect(p == NULL, 0)) die("no memory");
	return p;
}

static inline void event(uint64_t e, void **blocks) {
	uint64_t slot = e >> 8 & 0xFFFFFF, size = e >> 32;
	void *p = NULL;
	switch (e & 7) {
	case ALLOC:
		p = made(malloc(size));
		break;
	case ZEROED:
		p = made(calloc(1, size));
		break;
	case ALIGNED: {
		size_t to = (size_t)1 << (e >> 3 & 31);
		if (posix_memalign(&p, to < sizeof(void *) ? sizeof(void *) : to, size) != 0) die("no memory");
		break;
	}
	case FREE:
		free(blocks[slot]);
		blocks[slot] = NULL;
		return;
	case REALLOC:
		p = made(realloc(blocks[slot], size));
		break;
	default:
		return;
	}
	blocks[slot] = p;
	ends_of(p, size);
}

static void replay(const uint64_t *events, uint64_t n, void **blocks) {
	for (uint64_t i = 0; i < n; i++) event(events[i], blocks);
}

static void replay_memory(const uint64_t *events, uint64_t n, void **blocks, uint32_t *sizes) {
	uint64_t done = 0;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t e = events[i], slot = e >> 8 & 0xFFFFFF, size = e >> 32;
		if ((e & 7) == SAMPLE) {
			advance((int64_t)(i - done));
			done = i;
			sample();
			continue;
		}
		uint64_t old = (e & 7) == REALLOC ? sizes[slot] : 0;
		event(e, blocks);
		if ((e & 7) != FREE && size > old) wipe((char *)blocks[slot] + old, size - old);
		sizes[slot] = (e & 7) == FREE ? 0 : (uint32_t)size;
	}
}

void run_trace(void) {
	int fd = trace_file ? open(trace_file, O_RDONLY | O_CLOEXEC) : -1;
	struct stat s;
	if (fd < 0 || fstat(fd, &s) != 0) die("the file of events cannot be opened");
	uint64_t *head = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (head == MAP_FAILED || head[0] != 0x31564B4C) die("the file of events does not begin like one");
	void **blocks = own(sizeof *blocks * head[1]);
	tally t = {(int64_t)head[4], (int64_t)head[4], (int64_t)head[5]};
	int64_t passes = number("memory") ? 1 : number("n");
	if (number("memory")) {
		uint32_t *sizes = own(sizeof *sizes * head[1]);
		measure((int64_t)head[6]);
		out.live = (int64_t)head[3];
		replay_memory(head + 8, head[6], blocks, sizes);
	}
	for (int64_t k = 0; k < passes; k++) {
		if (!number("memory")) {
			clock_start();
			replay(head + 8, head[6], blocks);
			clock_stop();
		}
		for (uint64_t i = 0; i < head[1]; i++) {
			free(blocks[i]);
			blocks[i] = NULL;
		}
		count(t);
		out.ops += (int64_t)head[2];
	}
	munmap(head, (size_t)s.st_size);
	close(fd);
}
