#include "harness.h"

/* larson */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	int64_t alive;
	int64_t slots, each;
	uint32_t low, span;
} larson = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

struct life {
	void **part;
	generator g;
	int64_t left;
};

static void start_life(struct life *l);

static void *live(void *arg) {
	struct life *l = arg;
	void **part = l->part;
	generator g = l->g;
	int64_t asked = 0;
	uint32_t slots = (uint32_t)larson.slots, low = larson.low, span = larson.span;
	for (int64_t n = larson.each; n > 0; n--) {
		uint32_t i = below(&g, slots);
		free(part[i]);
		uint32_t size = low + below(&g, span);
		volatile char *p = get(size);
		p[0] = 'a';
		p[1] = 'b';
		part[i] = (void *)p;
		asked += size;
	}
	count((tally){larson.each, larson.each, asked});
	l->g = g;
	if (--l->left > 0) {
		start_life(l);
		return NULL;
	}
	pthread_mutex_lock(&larson.lock);
	if (--larson.alive == 0) pthread_cond_signal(&larson.ended);
	pthread_mutex_unlock(&larson.lock);
	return NULL;
}

static void start_life(struct life *l) {
	pthread_t thread;
	if (pthread_create(&thread, NULL, live, l) != 0) die("no thread");
	pthread_detach(thread);
}

void run_larson(void) {
	int64_t t = number("t");
	larson.slots = number("slots");
	larson.each = number("rounds") * larson.slots;
	larson.low = (uint32_t)number("min");
	larson.span = (uint32_t)number("max") - larson.low;
	generator g = new_generator(number("seed"), 0);
	tally sum = {0};
	uint32_t all = (uint32_t)(t * larson.slots);
	void **blocks = own(sizeof *blocks * all);
	for (uint32_t i = 0; i < all; i++) {
		uint32_t n = larson.low + below(&g, larson.span);
		blocks[i] = get(n);
		sum.bytes += n;
	}
	for (uint32_t i = all - 1; i > 0; i--) {
		uint32_t j = below(&g, i + 1);
		void *p = blocks[i];
		blocks[i] = blocks[j];
		blocks[j] = p;
	}
	for (uint32_t k = 0; k < 4 * all; k++) {
		uint32_t i = below(&g, all);
		free(blocks[i]);
		uint32_t n = larson.low + below(&g, larson.span);
		blocks[i] = get(n);
		sum.bytes += n;
	}
	sum.allocs = 5 * (int64_t)all;
	sum.frees = 5 * (int64_t)all;
	struct life *lives = own(sizeof *lives * (size_t)t);
	larson.alive = t;
	clock_start();
	for (int64_t id = 0; id < t; id++) {
		lives[id] = (struct life){blocks + id * larson.slots, new_generator(number("seed"), id + 1), number("n")};
		start_life(&lives[id]);
	}
	pthread_mutex_lock(&larson.lock);
	while (larson.alive > 0) pthread_cond_wait(&larson.ended, &larson.lock);
	pthread_mutex_unlock(&larson.lock);
	clock_stop();
	for (uint32_t i = 0; i < all; i++) free(blocks[i]);
	count(sum);
	out.ops = t * larson.each * number("n");
}

/* xmalloc-test */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t gone, filled;
	void ***batches;
	int64_t have, limit;
} stack = {.lock = PTHREAD_MUTEX_INITIALIZER, .gone = PTHREAD_COND_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

static void push(void **batch) {
	pthread_mutex_lock(&stack.lock);
	while (stack.have == stack.limit) pthread_cond_wait(&stack.gone, &stack.lock);
	stack.batches[stack.have++] = batch;
	pthread_cond_signal(&stack.filled);
	pthread_mutex_unlock(&stack.lock);
}

static void **pop(void) {
	pthread_mutex_lock(&stack.lock);
	while (stack.have == 0) pthread_cond_wait(&stack.filled, &stack.lock);
	void **batch = stack.batches[--stack.have];
	pthread_cond_signal(&stack.gone);
	pthread_mutex_unlock(&stack.lock);
	return batch;
}

static void xmalloc(int id, void *arg) {
	(void)arg;
	int64_t mine = share(number("n"), number("t"), id / 2), n = number("count"), size = number("size");
	for (int64_t k = 0; k < mine; k++) {
		if (id % 2 == 0) {
			void **batch = get(sizeof *batch * (size_t)n);
			memset(batch, 0, sizeof *batch * (size_t)n);
			for (int64_t i = 0; i < n; i++) {
				void *p = get((size_t)size);
				wipe(p, (size_t)at_most(size, 128));
				batch[i] = p;
			}
			push(batch);
		} else {
			void **batch = pop();
			for (int64_t i = 0; i < n; i++) free(batch[i]);
			free(batch);
		}
	}
	count(id % 2 == 0 ? (tally){mine * n, 0, mine * n * size} : (tally){0, mine * n, 0});
}

void run_xmalloc(void) {
	stack.limit = number("limit");
	if (!stack.batches) stack.batches = own(sizeof *stack.batches * (size_t)stack.limit);
	parallel((int)(2 * number("t")), xmalloc, NULL);
	out.ops = number("n") * number("count");
}

/* cache-thrash and cache-scratch */
static void cache(int id, void *arg) {
	void **foreign = arg;
	int64_t n = number("n"), size = number("size"), touches = number("reps") / number("t");
	if (foreign) free(foreign[id]);
	for (int64_t i = 0; i < n; i++) {
		volatile char *p = get((size_t)size);
		for (int64_t k = 0; k < touches; k++)
			for (int64_t at = 0; at < size; at++) p[at]++;
		free((void *)p);
	}
	count((tally){n, n, n * size});
}

void run_cache(void) {
	int64_t t = number("t"), size = number("size"), others = t * number("foreign");
	void **foreign = others > 0 ? own(sizeof *foreign * (size_t)others) : NULL;
	for (int64_t i = 0; i < others; i++) foreign[i] = get((size_t)size);
	parallel((int)t, cache, foreign);
	count((tally){others, others, others * size});
	out.ops = t * number("n") * (number("reps") / t) * size;
}

/* glibc-simple */
static void simple(int id, void *arg) {
	(void)id;
	void **blocks = arg;
	static const int counts[] = {25, 100, 400, 1600};
	size_t size = (size_t)number("size");
	tally t = {0};
	for (int c = 0; c < 4; c++) {
		int k = counts[c];
		int64_t rounds = at_least(number("n") / k, 1);
		for (int64_t r = 0; r < rounds; r++) {
			for (int i = 0; i < k; i++) {
				void *p = get(size);
				wipe(p, size);
				blocks[i] = p;
			}
			for (int i = 0; i < k / 2; i++) free(blocks[i]);
			for (int i = k - 1; i >= k / 2; i--) free(blocks[i]);
		}
		t.allocs += rounds * k;
	}
	t.frees = t.allocs;
	t.bytes = t.allocs * (int64_t)size;
	out.ops += t.allocs; /* one round at a time */
	count(t);
}

static void *idle(void *arg) {
	pthread_barrier_wait(arg);
	return NULL;
}

void run_simple(void) {
	void **blocks = own(sizeof *blocks * 1600);
	clock_start();
	simple(0, blocks);
	clock_stop();
	parallel(1, simple, blocks);
	pthread_barrier_t end;
	pthread_t other;
	pthread_barrier_init(&end, NULL, 2);
	if (pthread_create(&other, NULL, idle, &end) != 0) die("no thread");
	parallel(1, simple, blocks);
	pthread_barrier_wait(&end);
	pthread_join(other, NULL);
}

/* glibc-thread */
#define SIZES 8000
#define PLACES 4096

struct tables {
	uint32_t *sizes, *places;
};

static void replace(int id, void *arg) {
	struct tables *x = arg;
	int64_t set = number("set");
	void **blocks = own(sizeof *blocks * (size_t)set);
	tally t = {0};
	int s = id * 97 % SIZES, p = id * 89 % PLACES;
	for (int64_t n = number("n"); n > 0; n--) {
		uint32_t i = x->places[p];
		if (blocks[i]) {
			free(blocks[i]);
			t.frees++;
		}
		void *b = get(x->sizes[s]);
		wipe(b, x->sizes[s]);
		blocks[i] = b;
		t.allocs++;
		t.bytes += x->sizes[s];
		if (++s == SIZES) s = 0;
		if (++p == PLACES) p = 0;
	}
	for (int64_t i = 0; i < set; i++) {
		if (blocks[i]) {
			free(blocks[i]);
			t.frees++;
		}
	}
	count(t);
}

void run_thread(void) {
	generator g = new_generator(number("seed"), 0);
	struct tables x;
	x.sizes = inverse_square(&g, SIZES, (uint32_t)number("min"), (uint32_t)number("max"));
	x.places = uniform_sizes(&g, PLACES, 0, (uint32_t)number("set") - 1);
	parallel((int)number("t"), replace, &x);
	out.ops = number("n") * number("t");
}
