#include "harness.h"

#define COOKIE 0x2C1F8A3D5E6B7091u

struct stresser {
	generator g;
	tally t;
	pthread_t thread;
	int64_t allocs;
};

static _Atomic(uint64_t *) *transfer;
static uint32_t places;

/* create allocates some words, now and then very many, and fills them. */
static uint64_t *create(struct stresser *s, uint64_t words) {
	if (below(&s->g, 100) == 0) {
		words *= 100;
		if (below(&s->g, 10) == 0) {
			words *= 10;
			if (below(&s->g, 10) == 0) words *= 10;
		}
	}
	uint64_t *p = get(words * 8);
	for (uint64_t i = 0; i < words; i++) p[i] = (words - i) ^ COOKIE;
	s->t.allocs++;
	s->t.bytes += (int64_t)words * 8;
	return p;
}

/* drop verifies and frees. */
static void drop(struct stresser *s, uint64_t *p) {
	if (!p) return;
	uint64_t n = p[0] ^ COOKIE;
	for (uint64_t i = 0; i < n; i++)
		if ((p[i] ^ COOKIE) != n - i) die("a block was written by somebody else");
	free(p);
	s->t.frees++;
}

static void *live(void *arg) {
	struct stresser *s = arg;
	int64_t allocs = s->allocs, retain = allocs / 2;
	size_t room = sizeof(uint64_t *) * (size_t)(allocs + retain);
	uint64_t **data = own(room), **retained = data + allocs;
	int64_t have = 0, kept = 0;
	while (allocs > 0 || retain > 0) {
		if (retain == 0 || (below(&s->g, 100) < 50 && allocs > 0)) {
			allocs--;
			data[have++] = create(s, 1u << below(&s->g, 5));
		} else {
			retain--;
			retained[kept++] = create(s, 1u << below(&s->g, 7));
		}
		if (below(&s->g, 100) < 66 && have > 0) {
			uint32_t i = below(&s->g, (uint32_t)have);
			drop(s, data[i]);
			data[i] = NULL;
		}
		if (below(&s->g, 100) < 25 && have > 0) {
			uint32_t i = below(&s->g, (uint32_t)have);
			data[i] = atomic_exchange(&transfer[below(&s->g, places)], data[i]);
		}
	}
	for (int64_t i = 0; i < kept; i++) drop(s, retained[i]);
	for (int64_t i = 0; i < have; i++) drop(s, data[i]);
	count(s->t);
	return NULL;
}

void run_mstress(void) {
	int64_t t = number("t"), scale = number("scale");
	places = (uint32_t)number("places");
	transfer = own(sizeof *transfer * places);
	struct stresser *all = own(sizeof *all * (size_t)t), self = {.g = new_generator(number("seed"), -1)};
	clock_start();
	for (int64_t turn = 0; turn < number("n"); turn++) {
		for (int64_t id = 0; id < t; id++) {
			all[id] = (struct stresser){.g = new_generator(number("seed") + turn, id), .allocs = 100 * scale * (id % 8 + 1)};
			out.ops += all[id].allocs + all[id].allocs / 2;
			if (pthread_create(&all[id].thread, NULL, live, &all[id]) != 0) die("no thread");
		}
		for (int64_t id = 0; id < t; id++) pthread_join(all[id].thread, NULL);
		for (uint32_t i = 0; i < places; i++)
			if (below(&self.g, 2) == 0) drop(&self, atomic_exchange(&transfer[i], NULL));
	}
	clock_stop();
	for (uint32_t i = 0; i < places; i++) drop(&self, atomic_exchange(&transfer[i], NULL));
	count(self.t);
}
