/* One shot of one workload: reads the line, runs, prints the outcome. */
#include "harness.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

outcome out;
const char *trace_file;

void die(const char *what) {
	static const char head[] = "error ";
	fflush(stdout);
	if (write(1, head, sizeof head - 1) < 0 || write(1, what, strlen(what)) < 0 || write(1, "\n", 1) < 0) _exit(3);
	_exit(1);
}

/* The numbers of the workload. */
static struct {
	char key[24];
	int64_t value;
} numbers[32];
static int known;

int64_t number(const char *key) {
	for (int i = 0; i < known; i++)
		if (strcmp(numbers[i].key, key) == 0) return numbers[i].value;
	return 0;
}

static void set_number(const char *key, int64_t value) {
	int i = 0;
	while (i < known && strcmp(numbers[i].key, key) != 0) i++;
	if (i == 32 || strlen(key) >= sizeof numbers[i].key) die("too many or too long numbers");
	strcpy(numbers[i].key, key);
	numbers[i].value = value;
	if (i == known) known++;
}

/* own maps zeroed and populated pages. */
void *own(size_t bytes) {
	void *p = mmap(NULL, bytes + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p == MAP_FAILED) die("mmap for the harness failed");
	return p;
}

uint64_t nanoseconds(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t begun;

void clock_start(void) { begun = nanoseconds(); }
void clock_stop(void) { out.ns += (int64_t)(nanoseconds() - begun); }

static pthread_mutex_t count_lock = PTHREAD_MUTEX_INITIALIZER;

void count(tally t) {
	pthread_mutex_lock(&count_lock);
	out.allocs += t.allocs;
	out.frees += t.frees;
	out.bytes += t.bytes;
	pthread_mutex_unlock(&count_lock);
}

/* Threads that stand ready before the clock starts. */
struct party {
	pthread_barrier_t ready, gate;
	void (*f)(int, void *);
	void *arg;
};

struct member {
	struct party *party;
	int id;
	pthread_t thread;
};

static void *take_part(void *arg) {
	struct member *m = arg;
	pthread_barrier_wait(&m->party->ready);
	pthread_barrier_wait(&m->party->gate);
	m->party->f(m->id, m->party->arg);
	return NULL;
}

void parallel(int t, void (*f)(int, void *), void *arg) {
	struct party p = {.f = f, .arg = arg};
	struct member *members = own(sizeof *members * (size_t)t);
	pthread_barrier_init(&p.ready, NULL, (unsigned)t + 1);
	pthread_barrier_init(&p.gate, NULL, (unsigned)t + 1);
	for (int i = 0; i < t; i++) {
		members[i] = (struct member){.party = &p, .id = i};
		if (pthread_create(&members[i].thread, NULL, take_part, &members[i]) != 0) die("no thread");
	}
	pthread_barrier_wait(&p.ready);
	clock_start();
	pthread_barrier_wait(&p.gate);
	for (int i = 0; i < t; i++) pthread_join(members[i].thread, NULL);
	clock_stop();
	munmap(members, sizeof *members * (size_t)t + 4096);
}

/* Tables of numbers, as in rand.go and sizes.go. */
uint32_t *permutation(generator *g, uint32_t n) {
	uint32_t *p = own(4 * (size_t)n);
	for (uint32_t i = 0; i < n; i++) p[i] = i;
	for (uint32_t i = n - 1; i > 0; i--) {
		uint32_t j = below(g, i + 1), x = p[i];
		p[i] = p[j];
		p[j] = x;
	}
	return p;
}

uint32_t *uniform_sizes(generator *g, uint32_t n, uint32_t low, uint32_t high) {
	uint32_t *p = own(4 * (size_t)n);
	for (uint32_t i = 0; i < n; i++) p[i] = between(g, low, high);
	return p;
}

uint32_t *inverse_square(generator *g, uint32_t n, uint32_t low, uint32_t high) {
	uint32_t *p = own(4 * (size_t)n);
	double left = 1 / (double)low, right = 1 / (double)high;
	for (uint32_t i = 0; i < n; i++) {
		double u = (double)next(g) / 4294967296.0;
		p[i] = (uint32_t)(1 / (left - u * (left - right)));
	}
	return p;
}

uint32_t *linear_fall(generator *g, uint32_t n, uint32_t low, uint32_t high) {
	uint32_t *p = own(4 * (size_t)n);
	for (uint32_t i = 0; i < n; i++) {
		int64_t w = (int64_t)(next(g) >> 16);
		w += (int64_t)(next(g) >> 16) - 65535;
		p[i] = low + (uint32_t)((int64_t)(high - low) * (w < 0 ? -w : w) >> 16);
	}
	return p;
}

/* Resident memory. */
#define SAMPLES 200
static struct {
	int fd;
	char text[4096];
	int64_t total, done, next;
	int points;
	struct {
		int64_t done, bytes;
	} series[8 * SAMPLES];
} meter;

static int64_t kilobytes(const char *text, const char *key) {
	const char *at = strstr(text, key);
	return at ? strtoll(at + strlen(key), NULL, 10) << 10 : 0;
}

static int64_t resident(void) {
	ssize_t n = meter.fd >= 0 ? pread(meter.fd, meter.text, sizeof meter.text - 1, 0) : -1;
	if (n <= 0) return 0;
	meter.text[n] = 0;
	return kilobytes(meter.text, "\nPss_Anon:") + kilobytes(meter.text, "\nPss_Shmem:");
}

static void point(int64_t bytes) {
	if (meter.points == 8 * SAMPLES) return;
	meter.series[meter.points].done = meter.done * 1000 / meter.total;
	meter.series[meter.points++].bytes = bytes;
}

void measure(int64_t total) {
	memset(&meter, 1, sizeof meter); /* its pages belong to the base */
	memset(&meter, 0, sizeof meter);
	meter.fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
	meter.total = at_least(total, 1);
	out.base = out.peak = resident();
	point(out.base);
}

void step(int64_t n) {
	meter.done += n;
	if (meter.done < meter.next) return;
	meter.next = meter.done + at_least(meter.total / SAMPLES, 1);
	clock_stop();
	sample();
	clock_start();
}

void advance(int64_t n) { meter.done += n; }

int64_t sample(void) {
	int64_t n = resident();
	out.peak = n > out.peak ? n : out.peak;
	point(n);
	return n;
}

/* What the kernel keeps for the whole process. */
static void kept(int64_t *now, int64_t *most) {
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0) close(fd);
	*now = *most = 0;
	if (n <= 0) return;
	text[n] = 0;
	*now = kilobytes(text, "\nVmRSS:");
	*most = kilobytes(text, "\nVmHWM:");
}

/* Durations. */
#define SUB 5
struct histogram {
	uint64_t counts[(65 - SUB) << SUB];
};

static histogram *result;

histogram *new_histogram(void) { return own(sizeof(histogram)); }

void histogram_add(histogram *h, uint64_t ns) {
	if (ns < 2u << SUB) {
		h->counts[ns]++;
		return;
	}
	int e = 64 - __builtin_clzll(ns) - SUB - 1;
	h->counts[((uint64_t)e << SUB) + (ns >> e)]++;
}

static uint64_t bucket_floor(int i) {
	if (i < 2 << SUB) return (uint64_t)i;
	int e = (i >> SUB) - 1;
	return (uint64_t)(i - (e << SUB)) << e;
}

uint64_t histogram_median(histogram *h) {
	uint64_t all = 0, seen = 0;
	for (int i = 0; i < (65 - SUB) << SUB; i++) all += h->counts[i];
	for (int i = 0; i < (65 - SUB) << SUB; i++)
		if ((seen += h->counts[i]) * 2 >= all) return bucket_floor(i);
	return 0;
}

void histogram_result(histogram *h) { result = h; }

/* trim asks whichever allocator is there to give back what it does not use. */
void trim(void) {
	void (*mi)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "mi_collect");
	int (*je)(const char *, void *, size_t *, void *, size_t) =
		(int (*)(const char *, void *, size_t *, void *, size_t))dlsym(RTLD_DEFAULT, "mallctl");
	void (*tc)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "MallocExtension_ReleaseFreeMemory");
	int (*gl)(size_t) = (int (*)(size_t))dlsym(RTLD_DEFAULT, "malloc_trim");
	if (mi) {
		mi(1);
	} else if (je) {
		je("thread.tcache.flush", NULL, NULL, NULL, 0);
		je("arena.4096.purge", NULL, NULL, NULL, 0); /* MALLCTL_ARENAS_ALL */
	} else if (tc) {
		tc();
	} else if (gl) {
		gl(0);
	}
}

/* identify prints which malloc really answers. */
static void identify(void) {
	int (*mi)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "mi_version");
	int (*je)(const char *, void *, size_t *, void *, size_t) =
		(int (*)(const char *, void *, size_t *, void *, size_t))dlsym(RTLD_DEFAULT, "mallctl");
	const char *(*tc)(int *, int *, const char **) =
		(const char *(*)(int *, int *, const char **))dlsym(RTLD_DEFAULT, "tc_version");
	if (mi) {
		int v = mi();
		printf("version mimalloc %d.%d.%d\n", v / 100, v / 10 % 10, v % 10);
	} else if (je) {
		const char *v = "";
		size_t n = sizeof v;
		je("version", &v, &n, NULL, 0);
		printf("version jemalloc %.*s\n", (int)strcspn(v, "-"), v);
	} else if (tc) {
		int major, minor;
		const char *patch;
		tc(&major, &minor, &patch);
		printf("version tcmalloc (gperftools) %d.%d%s\n", major, minor, patch);
	} else {
		printf("version glibc %s\n", gnu_get_libc_version());
	}
	printf("end\n");
}

static const struct {
	const char *kind;
	void (*run)(void);
} workloads[] = {
	{"pair", run_pair}, {"batch", run_batch}, {"blocks", run_blocks}, {"local", run_pair}, {"typed", run_typed},
	{"prodcons", run_prodcons}, {"larson", run_larson}, {"xmalloc", run_xmalloc}, {"cache", run_cache},
	{"glibc-simple", run_simple}, {"glibc-thread", run_thread}, {"sh6", run_sh6}, {"sh8", run_sh8},
	{"alloctest", run_alloctest}, {"mstress", run_mstress}, {"rptest", run_rptest}, {"latency", run_latency},
	{"grow", run_grow}, {"shift", run_shift}, {"trace", run_trace},
};

static void print_outcome(void) {
	printf("result ops=%lld ns=%lld allocs=%lld frees=%lld bytes=%lld base=%lld peak=%lld live=%lld residual=%lld settled=%lld trimmed=%lld clock=%lld\n",
		(long long)out.ops, (long long)out.ns, (long long)out.allocs, (long long)out.frees, (long long)out.bytes,
		(long long)out.base, (long long)out.peak, (long long)out.live, (long long)out.residual, (long long)out.settled,
		(long long)out.trimmed, (long long)out.clock);
	if (result) {
		printf("bins");
		for (int i = 0; i < (65 - SUB) << SUB; i++)
			if (result->counts[i]) printf(" %llu:%llu", (unsigned long long)bucket_floor(i), (unsigned long long)result->counts[i]);
		printf("\n");
	}
	if (meter.points > 0) {
		printf("series");
		for (int i = 0; i < meter.points; i++) printf(" %lld:%lld", (long long)meter.series[i].done, (long long)meter.series[i].bytes);
		printf("\n");
	}
	printf("end\n");
}

static void read_line(int argc, char **argv) {
	for (int i = 2; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		if (!value) die("a word is not key=number");
		*value++ = 0;
		if (strcmp(argv[i], "file") == 0) {
			trace_file = value;
		} else {
			set_number(argv[i], strtoll(value, NULL, 10));
		}
	}
}

int main(int argc, char **argv) {
	if (argc < 2) die("no workload is named");
	if (strcmp(argv[1], "identify") == 0) {
		identify();
		return 0;
	}
	read_line(argc, argv);
	for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
		if (strcmp(workloads[i].kind, argv[1]) != 0) continue;
		int64_t base, now, n = number("n"), warm = number("warm");
		kept(&base, &now);
		if (warm > 0) {
			set_number("n", at_least(n / warm, 1));
			workloads[i].run();
			memset(&out, 0, sizeof out);
			result = NULL;
			set_number("n", n);
		}
		workloads[i].run();
		if (out.peak == 0) {
			out.base = base;
			kept(&now, &out.peak);
		}
		print_outcome();
		return 0;
	}
	die("no such kind of workload");
}
