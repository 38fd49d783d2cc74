// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A timer, a ring that wakes the agent, and a CPU time budget for walks. */
#include "datapath/attach/mesh/owners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/loop.h"
#include "bpf/abi.h"
#include "datapath/attach/core/attach.h"
#include "datapath/attach/core/iterator.h"
#include "datapath/attach/core/ring.h"

#define CREDIT_MAX_NS 100000000ull /* maximum budget for a burst of walks */
#define AT_REST_NS    1000000000ull
#define STIR_BYTES    8 /* size of a record */

/* Delays after an event that may have changed holders: each as long as the time until the walk
 * before. */
static const uint64_t SOON_NS[] = {5000000, 25000000, 70000000, 200000000, 400000000, 700000000};
#define SOON_COUNT (sizeof(SOON_NS) / sizeof(SOON_NS[0]))

struct owners {
	struct bpf_link *link;
	struct weft_holding *holding; /* mapped */
	struct ring *ring;
	int ring_fd;
	int timer_fd;
	unsigned soon;	     /* walks of SOON_NS done */
	uint64_t due_ns;     /* expiry of the timer */
	int64_t credit_ns;   /* budget of CPU time, */
	uint64_t counted_ns; /* as of this time */
	uint64_t cost_ns;    /* CPU time of the latest walk */
	struct owners_counts counts;
};

static uint64_t thread_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int open_all(struct owners *o, const struct attach *a)
{
	struct bpf_program *program = attach_program(a, PROGRAM_mesh_holders);
	void *holding;
	int r;

	if (!program)
		return -ENOENT;
	o->ring_fd = attach_map_fd(a, "weft_stir");
	holding = mmap(NULL, (size_t)getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED,
		       attach_map_fd(a, "weft_holding"), 0);
	if (holding == MAP_FAILED)
		return -ENOMEM;
	o->holding = holding;
	r = ring_new(o->ring_fd, WEFT_STIR_BYTES, STIR_BYTES, &o->ring);
	if (r)
		return r;
	o->link = iterator_attach(program, -1);
	if (!o->link)
		return errno ? -errno : -EINVAL;
	o->timer_fd = loop_timer();
	return o->timer_fd < 0 ? -errno : 0;
}

int owners_new(struct attach *a, struct owners **ret, struct error *err)
{
	struct owners *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return error_set(err, -ENOMEM, "no memory");
	o->timer_fd = -1;
	o->credit_ns = CREDIT_MAX_NS;
	r = open_all(o, a);
	if (r) {
		owners_free(o);
		return error_set(err, r,
				 r == -ENOENT ? "this kernel does not load the walk over holders"
					      : "cannot walk over holders: %s",
				 strerror(-r));
	}
	*ret = o;
	return 0;
}

void owners_free(struct owners *o)
{
	if (!o)
		return;
	bpf_link__destroy(o->link);
	ring_free(o->ring);
	if (o->holding)
		munmap(o->holding, (size_t)getpagesize());
	if (o->timer_fd >= 0)
		close(o->timer_fd);
	free(o);
}

int owners_timer_fd(const struct owners *o)
{
	return o->timer_fd;
}

int owners_stir_fd(const struct owners *o)
{
	return o->ring_fd;
}

const struct owners_counts *owners_counts(const struct owners *o)
{
	return &o->counts;
}

/* ---- when */

static void credit_grow(struct owners *o, uint64_t now_ns)
{
	if (o->counted_ns && now_ns > o->counted_ns)
		o->credit_ns += (int64_t)((now_ns - o->counted_ns) / OWNERS_SHARE);
	if (o->credit_ns > (int64_t)CREDIT_MAX_NS)
		o->credit_ns = CREDIT_MAX_NS;
	o->counted_ns = now_ns;
}

/* The time until the budget covers the next walk. */
static uint64_t wait_ns(const struct owners *o)
{
	uint64_t cost_ns = o->cost_ns < CREDIT_MAX_NS ? o->cost_ns : CREDIT_MAX_NS;
	int64_t missing_ns = (int64_t)cost_ns - o->credit_ns;

	return missing_ns > 0 ? (uint64_t)missing_ns * OWNERS_SHARE : 0;
}

static void wake_next(struct owners *o, uint64_t now_ns)
{
	uint64_t delay_ns = o->soon < SOON_COUNT ? SOON_NS[o->soon++] : AT_REST_NS;

	credit_grow(o, now_ns);
	delay_ns = delay_ns > wait_ns(o) ? delay_ns : wait_ns(o);
	o->due_ns = now_ns + delay_ns;
	loop_timer_set(o->timer_fd, delay_ns);
}

/* ---- a walk */

static bool walk(struct owners *o)
{
	struct weft_holding *h = o->holding;
	uint32_t known = __atomic_load_n(&h->known, __ATOMIC_RELAXED), changes;
	uint64_t began_ns = thread_cpu_ns();

	__atomic_store_n(&h->stirred, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&h->walk, h->completed + 1, __ATOMIC_SEQ_CST);
	if (!iterator_read(o->link, NULL, NULL))
		__atomic_store_n(&h->completed, h->walk, __ATOMIC_SEQ_CST);
	o->cost_ns = thread_cpu_ns() - began_ns;
	o->credit_ns -= (int64_t)o->cost_ns;
	changes = __atomic_load_n(&h->known, __ATOMIC_RELAXED) - known;
	o->counts.walks++;
	o->counts.cpu_ns += o->cost_ns;
	o->counts.changes += changes;
	return changes;
}

static int record_drop(void *arg, void *record, size_t size_bytes)
{
	(void)arg;
	(void)record;
	(void)size_bytes;
	return 0;
}

bool owners_handle(struct owners *o, uint64_t now_ns)
{
	bool changed;

	if (ring_consume(o->ring, record_drop, NULL)) {
		o->soon = 0;
		if (o->due_ns > now_ns + SOON_NS[0])
			wake_next(o, now_ns);
	}
	if (!loop_timer_due(o->timer_fd))
		return false;
	changed = walk(o);
	wake_next(o, now_ns);
	return changed;
}

bool owners_look(struct owners *o, uint64_t now_ns)
{
	bool changed = false;

	credit_grow(o, now_ns);
	if (!wait_ns(o))
		changed = walk(o);
	o->soon = 0;
	wake_next(o, now_ns);
	return changed;
}

void owners_learn(struct attach *a)
{
	struct owners *o = NULL;
	struct error ignored;

	if (owners_new(a, &o, &ignored) || !o)
		return;
	walk(o);
	owners_free(o);
}
