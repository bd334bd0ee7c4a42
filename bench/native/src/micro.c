#include "harness.h"

static void pair(int id, void *arg) {
	(void)arg;
	int64_t mine = share(number("n"), number("t"), id);
	size_t size = (size_t)number("size");
	for (int64_t i = 0; i < mine; i++) {
		void *p = get(size);
		touch(p);
		free(p);
	}
	count((tally){mine, mine, mine * (int64_t)size});
}

void run_pair(void) {
	parallel((int)number("t"), pair, NULL);
	out.ops = number("n");
}

static void typed(int id, void *arg) {
	(void)arg;
	int64_t mine = share(number("n"), number("t"), id);
	for (int64_t i = 0; i < mine; i++) {
		void *p = calloc(1, 64);
		if (!p) die("calloc found no memory");
		touch(p);
		free(p);
	}
	count((tally){mine, mine, mine * 64});
}

void run_typed(void) {
	parallel((int)number("t"), typed, NULL);
	out.ops = number("n");
}

struct batch {
	uint32_t *sizes, *order;
	int64_t count, rounds, asked;
};

static void batch(int id, void *arg) {
	struct batch *b = arg;
	int64_t mine = share(b->rounds, number("t"), id), n = b->count;
	void **blocks = own(sizeof *blocks * (size_t)n);
	for (int64_t r = 0; r < mine; r++) {
		for (int64_t i = 0; i < n; i++) {
			void *p = get(b->sizes[i]);
			touch(p);
			blocks[i] = p;
		}
		for (int64_t i = 0; i < n; i++) free(blocks[b->order[i]]);
	}
	count((tally){mine * n, mine * n, mine * b->asked});
}

void run_batch(void) {
	struct batch b = {.count = number("count")};
	generator g = new_generator(number("seed"), 0);
	b.sizes = uniform_sizes(&g, (uint32_t)b.count, (uint32_t)number("min"), (uint32_t)number("max"));
	b.order = permutation(&g, (uint32_t)b.count);
	for (int64_t i = 0; i < b.count; i++) {
		if (number("order") == 0) b.order[i] = (uint32_t)i;
		if (number("order") == 1) b.order[i] = (uint32_t)(b.count - 1 - i);
		b.asked += b.sizes[i];
	}
	b.rounds = at_least(number("n") / b.count, 1);
	parallel((int)number("t"), batch, &b);
	out.ops = b.rounds * b.count;
}

static void blocks(int id, void *arg) {
	int64_t mine = share(*(int64_t *)arg, number("t"), id), n = number("count");
	size_t size = (size_t)number("size");
	void **blocks = own(sizeof *blocks * (size_t)n);
	for (int64_t r = 0; r < mine; r++) {
		for (int64_t i = 0; i < n; i++) blocks[i] = get(size);
		for (int64_t i = 0; i < n; i++) touch(blocks[i]);
		for (int64_t i = 0; i < n; i++) free(blocks[i]);
	}
	count((tally){mine * n, mine * n, mine * n * (int64_t)size});
}

void run_blocks(void) {
	int64_t rounds = at_least(number("n") / number("count"), 1);
	parallel((int)number("t"), blocks, &rounds);
	out.ops = rounds * number("count");
}

/* A queue from one thread to one other. */
#define RING_STEP 16

struct ring {
	_Alignas(128) _Atomic uint64_t head;
	_Alignas(128) _Atomic uint64_t tail;
	_Alignas(128) void **places;
	uint64_t room;
};

static void produce(struct ring *q, uint64_t n, size_t size) {
	uint64_t mask = q->room - 1, at = 0, head = 0;
	while (at < n) {
		for (int tries = 0; at + RING_STEP > head + q->room; tries = spin(tries))
			head = atomic_load_explicit(&q->head, memory_order_acquire);
		for (int i = 0; i < RING_STEP; i++) {
			void *p = get(size);
			touch(p);
			q->places[at & mask] = p;
			at++;
		}
		atomic_store_explicit(&q->tail, at, memory_order_release);
	}
}

static uint64_t consume(struct ring *q, uint64_t n) {
	uint64_t mask = q->room - 1, at = 0, tail = 0, sum = 0;
	while (at < n) {
		for (int tries = 0; at == tail; tries = spin(tries))
			tail = atomic_load_explicit(&q->tail, memory_order_acquire);
		for (; at < tail; at++) {
			char *p = q->places[at & mask];
			sum += (uint64_t)p[0];
			free(p);
			if (at % RING_STEP == RING_STEP - 1) atomic_store_explicit(&q->head, at + 1, memory_order_release);
		}
	}
	return sum;
}

struct prodcons {
	struct ring *rings;
	int64_t mine;
};

static void prodcons(int id, void *arg) {
	struct prodcons *w = arg;
	struct ring *q = &w->rings[id / 2];
	if (id % 2 == 0) {
		produce(q, (uint64_t)w->mine, (size_t)number("size"));
		count((tally){w->mine, 0, w->mine * number("size")});
		return;
	}
	if (consume(q, (uint64_t)w->mine) != (uint64_t)w->mine) die("a block came through the ring with other contents");
	count((tally){0, w->mine, 0});
}

void run_prodcons(void) {
	int64_t t = number("t");
	struct prodcons w = {.mine = at_least(number("n") / t, 1) / RING_STEP * RING_STEP};
	w.rings = own(sizeof *w.rings * (size_t)t);
	for (int64_t i = 0; i < t; i++) {
		w.rings[i].room = (uint64_t)number("ring");
		w.rings[i].places = own(sizeof(void *) * (size_t)number("ring"));
	}
	parallel((int)(2 * t), prodcons, &w);
	out.ops = w.mine * t;
}
