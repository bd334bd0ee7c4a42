#include "harness.h"

#define INTO 97
#define FROM 113

struct parcel {
	struct parcel *next;
	void *blocks[128];
	int n;
};

struct tester {
	generator g;
	uint32_t *sizes;
	void **slots;
	_Atomic(struct parcel *) inbox;
	struct parcel *stock;
	tally t;
	uint32_t size, aligned, in, out, turn;
	char apart[128];
};

#define SIZES 2000

static struct tester *peers;
static pthread_barrier_t together;

/* take allocates a block and writes a byte in each of its pages and the last. */
static void *take(struct tester *x) {
	uint32_t n = x->sizes[x->size];
	if (++x->size == SIZES) x->size = 0;
	void *p = NULL;
	if (x->aligned > 0 && n < 4096) {
		if (posix_memalign(&p, x->aligned, n) != 0) die("posix_memalign found no memory");
	} else {
		p = get(n);
	}
	if ((x->aligned += 8) > 16) x->aligned = 0;
	volatile char *bytes = p;
	for (uint32_t i = 0; i < n; i += 4096) bytes[i] = 1;
	bytes[n - 1] = 1;
	x->t.allocs++;
	x->t.bytes += n;
	return p;
}

static void drop(struct tester *x, uint32_t i) {
	if (x->slots[i]) {
		free(x->slots[i]);
		x->slots[i] = NULL;
		x->t.frees++;
	}
}

static void receive(struct tester *x) {
	struct parcel *p = atomic_exchange(&x->inbox, NULL);
	while (p) {
		for (int i = 0; i < p->n; i++) free(p->blocks[i]);
		x->t.frees += p->n;
		struct parcel *next = p->next;
		p->next = x->stock;
		x->stock = p;
		p = next;
	}
}

static void hand_over(struct tester *x, struct tester *to, int n) {
	struct parcel *p = x->stock;
	if (p) {
		x->stock = p->next;
	} else {
		p = own(sizeof *p);
	}
	p->n = n;
	for (int i = 0; i < n; i++) p->blocks[i] = take(x);
	p->next = atomic_load(&to->inbox);
	while (!atomic_compare_exchange_weak(&to->inbox, &p->next, p)) {
	}
}

static void one_round(struct tester *x, uint32_t id, uint32_t t, uint32_t slots, uint32_t cross) {
	for (uint32_t k = between(&x->g, 24, 79); k > 0; k--) {
		drop(x, x->out);
		x->out = (x->out + FROM) % slots;
	}
	receive(x);
	int n = (int)between(&x->g, 30, 99);
	for (int k = 0; k < n; k++) {
		drop(x, x->in);
		x->slots[x->in] = take(x);
		x->in = (x->in + INTO) % slots;
	}
	if (++x->turn % cross == 0 && t > 1) hand_over(x, &peers[(id + 1 + x->turn / cross % (t - 1)) % t], n);
}

static void rptest(int id, void *arg) {
	(void)arg;
	struct tester *x = &peers[id];
	uint32_t slots = (uint32_t)number("slots"), cross = (uint32_t)number("cross"), t = (uint32_t)number("t");
	int64_t n = number("n");
	for (int outer = 0; outer < 2; outer++) {
		for (int inner = 0; inner < 2; inner++) {
			pthread_barrier_wait(&together);
			for (int64_t k = 0; k < n; k++) one_round(x, (uint32_t)id, t, slots, cross);
			pthread_barrier_wait(&together);
			receive(x);
		}
		for (uint32_t i = 0; i < slots; i++) drop(x, i);
	}
	count(x->t);
}

void run_rptest(void) {
	int64_t t = number("t");
	generator g = new_generator(number("seed"), 1 << 20);
	uint32_t *sizes = linear_fall(&g, SIZES, (uint32_t)number("min"), (uint32_t)number("max"));
	peers = own(sizeof *peers * (size_t)t);
	for (int64_t id = 0; id < t; id++) {
		peers[id].g = new_generator(number("seed"), id);
		peers[id].sizes = sizes;
		peers[id].slots = own(sizeof(void *) * (size_t)number("slots"));
		peers[id].size = (uint32_t)(id * 31 % SIZES);
	}
	pthread_barrier_init(&together, NULL, (unsigned)t);
	parallel((int)t, rptest, NULL);
	for (int64_t id = 0; id < t; id++) out.ops += peers[id].t.allocs;
}
