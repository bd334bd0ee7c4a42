#include "harness.h"

/* The buffer of the SmartHeap benchmarks; see lookaside_stress.go. */
struct window {
	void **blocks;
	int64_t size, at, from, to, frees;
};

static void drop(struct window *w, int64_t i) {
	if (w->blocks[i]) {
		free(w->blocks[i]);
		w->blocks[i] = NULL;
		w->frees++;
	}
}

static __attribute__((noinline)) void wrap(struct window *w) {
	w->from = w->to;
	if (w->from >= w->size) w->from = 0;
	w->to = at_most(w->from + at_least(w->size / 5, 1), w->size);
	for (int64_t i = 0; i < w->from; i++) drop(w, i);
	for (int64_t i = w->size - 1; i >= w->to; i--) drop(w, i);
	w->at = w->from == 0 ? w->to : 0;
}

static inline void add(struct window *w, void *p) {
	w->blocks[w->at] = p;
	if (++w->at == w->from) w->at = w->to;
	if (w->at >= w->size) wrap(w);
}

static struct window *new_windows(int64_t t, int64_t size) {
	struct window *w = own(sizeof *w * (size_t)t);
	for (int64_t i = 0; i < t; i++)
		w[i] = (struct window){.blocks = own(sizeof(void *) * (size_t)size), .size = size, .from = size, .to = size};
	return w;
}

static void empty(struct window *w) {
	for (int64_t i = 0; i < w->size; i++) drop(w, i);
}

/* sh6bench */
struct sh6 {
	struct window *windows;
	_Atomic int64_t total;
};

static void sh6(int id, void *arg) {
	struct sh6 *x = arg;
	struct window w = x->windows[id];
	tally t = {0};
	for (int64_t n = share(number("n"), number("t"), id); n > 0; n--) {
		for (int base = 1; base < 1000; base = base * 3 / 2 + 1) {
			for (int size = base; size > 0; size /= 2) {
				int times = size < 100 ? 250 : 50;
				for (int i = 0; i < times; i++) {
					void *p = get((size_t)size);
					ends(p, (size_t)size);
					add(&w, p);
				}
				t.allocs += times;
				t.bytes += (int64_t)times * size;
			}
		}
	}
	empty(&w);
	t.frees = w.frees;
	count(t);
	atomic_fetch_add(&x->total, t.allocs);
}

void run_sh6(void) {
	struct sh6 x = {.windows = new_windows(number("t"), number("slots"))};
	parallel((int)number("t"), sh6, &x);
	out.ops = x.total;
}

/* sh8bench */
static const struct {
	int size, count;
} sh8_sizes[12] = {
	{8, 1000}, {16, 5000}, {48, 1000}, {72, 100}, {148, 100}, {200, 100},
	{520, 10}, {1056, 5}, {4096, 3}, {9162, 1}, {34562, 1}, {168524, 1},
};

struct sh8 {
	void **extra;
	int64_t extras;
	struct window *windows;
	int64_t *freed;
	_Atomic int64_t there, total;
};

static void sh8_extra(struct sh8 *x) {
	for (int64_t i = 0; i < x->extras; i++) {
		x->extra[i] = get(8);
		if ((i + 1) % 64 == 0) atomic_store_explicit(&x->there, i + 1, memory_order_release);
	}
	atomic_store_explicit(&x->there, x->extras, memory_order_release);
	count((tally){x->extras, 0, 8 * x->extras});
}

static void sh8(int id, void *arg) {
	struct sh8 *x = arg;
	int64_t t = number("t");
	if (id == t) {
		sh8_extra(x);
		return;
	}
	struct window w = x->windows[id];
	tally sum = {0};
	int64_t mine = share(number("n"), t, id), most = x->extras / t / at_least(mine, 1) + 1, next = 0;
	for (int64_t i = 0; i < mine; i++) {
		int k = (int)((i + 1) % 12);
		for (int c = 0; c < sh8_sizes[k].count; c++) {
			void *p = get((size_t)sh8_sizes[k].size);
			ends(p, (size_t)sh8_sizes[k].size);
			add(&w, p);
		}
		sum.allocs += sh8_sizes[k].count;
		sum.bytes += (int64_t)sh8_sizes[k].count * sh8_sizes[k].size;
		int64_t have = atomic_load_explicit(&x->there, memory_order_acquire);
		for (int64_t m = 0; m < most; m++) {
			int64_t at = next * t + id;
			if (at >= have) break;
			free(x->extra[at]);
			next++;
		}
	}
	x->windows[id] = w;
	x->freed[id] = next;
	sum.frees = next;
	count(sum);
	atomic_fetch_add(&x->total, sum.allocs);
}

void run_sh8(void) {
	int64_t t = number("t");
	struct sh8 x = {.extras = number("extra") / (t * t) * t * t};
	x.extra = own(sizeof *x.extra * (size_t)x.extras);
	x.windows = new_windows(t, number("slots") / t);
	x.freed = own(sizeof *x.freed * (size_t)t);
	parallel((int)t + 1, sh8, &x);
	out.ops = x.total + x.extras;
	tally sum = {0};
	for (int64_t id = 0; id < t; id++) {
		empty(&x.windows[id]);
		sum.frees += x.windows[id].frees;
		for (int64_t at = x.freed[id] * t + id; at < x.extras; at += t) {
			free(x.extra[at]);
			sum.frees++;
		}
	}
	count(sum);
}

/* alloc-test */
static const int pareto_share[7] = {262144, 393216, 245760, 81920, 15360, 1536, 64};

struct pareto {
	uint64_t bounds[7];
	int64_t offsets[8];
};

static struct pareto new_pareto(int64_t n) {
	struct pareto p = {.offsets = {0}};
	uint64_t sum = 0;
	for (int i = 0; i < 7; i++) {
		sum += (uint64_t)pareto_share[i];
		p.bounds[i] = (sum << 32) / 1000000;
		p.offsets[i + 1] = p.offsets[i] + n * pareto_share[6 - i] / 1000000;
	}
	p.offsets[7] = n;
	return p;
}

static inline int64_t draw(const struct pareto *p, generator *g) {
	int level = 0;
	uint64_t x = next(g);
	while (x >= p->bounds[level]) level++;
	int64_t from = p->offsets[level];
	return at_most(from + below(g, (uint32_t)at_least(p->offsets[level + 1] - from, 1)), p->offsets[7] - 1);
}

struct table {
	generator g;
	uint64_t **blocks;
	uint32_t *sizes;
	tally t;
	uint64_t sum;
};

static void fill(struct table *x, int64_t at) {
	uint32_t low = 4u << __builtin_ctz((next(&x->g) & 127) + 1);
	uint32_t size = (next(&x->g) & (low - 1)) + 1 + low;
	void *p = get(size);
	wipe(p, size);
	x->blocks[at] = p;
	x->sizes[at] = size;
	x->t.allocs++;
	x->t.bytes += size;
}

static void clear(struct table *x, int64_t at) {
	volatile uint64_t *p = x->blocks[at];
	for (uint32_t i = 0; i < x->sizes[at] / 8; i++) x->sum += p[i];
	free((void *)p);
	x->blocks[at] = NULL;
	x->t.frees++;
}

struct alloctest {
	int64_t slots;
	struct table *tables;
};

static void alloctest(int id, void *arg) {
	struct alloctest *all = arg;
	int64_t slots = all->slots;
	struct pareto p = new_pareto(slots);
	struct table x = all->tables[id];
	for (int64_t i = 0; i < slots / 2; i++) fill(&x, i);
	for (int64_t n = number("n"); n > 0; n--) {
		int64_t i = draw(&p, &x.g);
		if (!x.blocks[i]) {
			fill(&x, i);
		} else {
			clear(&x, i);
		}
	}
	for (int64_t i = 0; i < slots; i++)
		if (x.blocks[i]) clear(&x, i);
	if (x.sum != 0) die("a block was written by somebody else");
	count(x.t);
}

void run_alloctest(void) {
	int64_t slots = at_least(number("slots") / number("t"), 1);
	int64_t t = number("t");
	struct alloctest all = {.slots = slots, .tables = own(sizeof *all.tables * (size_t)t)};
	for (int64_t id = 0; id < t; id++) {
		struct table *x = &all.tables[id];
		x->g = new_generator(number("seed"), (int)id);
		x->blocks = own(sizeof *x->blocks * (size_t)slots);
		x->sizes = own(sizeof *x->sizes * (size_t)slots);
	}
	parallel((int)t, alloctest, &all);
	out.ops = number("n") * number("t");
}
