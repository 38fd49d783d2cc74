// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records, heartbeat, account and ranges to skip: the memory that a reader shares with the
 * programs. */
#include "datapath/attach/core/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RECORD_MAX_BYTES 8192 /* no record of the ring is larger */
#define KINDS		 (sizeof(((struct weft_reader *)NULL)->delivered) / sizeof(__u64))
#define SKIPS_BYTES	 ((WEFT_SKIPS * sizeof(struct weft_skip) + 4095) / 4096 * 4096)

struct reader {
	struct reader_maps maps;
	struct ring *ring;
	struct weft_reader *account; /* mapped */
	struct weft_skip *skips;     /* mapped; NULL: long bodies inside TLS are copied */
	const struct weft_cpu_counts *counters; /* mapped, read-only */
	size_t waiting_max;			/* in the ring */
	ring_record_fn event;			/* of the current reader_consume */
	void *arg;
};

static int event_drop(void *arg, void *record, size_t size_bytes)
{
	const struct weft_event *event = record;
	struct reader *r = arg;

	if (size_bytes >= sizeof(*event) && event->kind < KINDS)
		r->account->dropped[event->kind]++;
	return 0;
}

static int event_forward(void *arg, void *record, size_t size_bytes)
{
	const struct weft_event *event = record;
	struct reader *r = arg;

	if (size_bytes >= sizeof(*event) && event->kind < KINDS)
		r->account->delivered[event->kind]++;
	return r->event(r->arg, record, size_bytes);
}

static void *map_shared(int fd, size_t size_bytes, int protection, off_t offset)
{
	void *p = mmap(NULL, size_bytes, protection, MAP_SHARED, fd, offset);

	return p == MAP_FAILED ? NULL : p;
}

static int start(struct reader *r, struct error *err)
{
	struct weft_reader *a;
	int e;

	r->account = map_shared(r->maps.settings_fd, sizeof(*a), PROT_READ | PROT_WRITE,
				offsetof(struct weft_settings, reader));
	r->counters =
		map_shared(r->maps.counters_fd, r->maps.cpus * sizeof(*r->counters), PROT_READ, 0);
	a = r->account;
	if (!a || !r->counters)
		return error_set(err, -errno, "cannot map the counters: %s", strerror(errno));
	r->skips = map_shared(r->maps.skips_fd, SKIPS_BYTES, PROT_READ | PROT_WRITE, 0);
	e = ring_new(r->maps.ring_fd, r->maps.ring_bytes, RECORD_MAX_BYTES, &r->ring);
	if (e)
		return error_set(err, e, "cannot map the ring: %s", strerror(-e));
	if (a->readers++ == 0)
		return 0;
	a->epoch = a->epoch + 1 ? a->epoch + 1 : 1;
	ring_consume(r->ring, event_drop, r);
	return 0;
}

int reader_new(struct reader_maps maps, struct reader **ret, struct error *err)
{
	struct reader *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return error_set(err, -ENOMEM, "no memory");
	r->maps = maps;
	e = start(r, err);
	if (e)
		reader_free(r);
	else
		*ret = r;
	return e;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	ring_free(r->ring);
	if (r->skips)
		munmap(r->skips, SKIPS_BYTES);
	if (r->account)
		munmap(r->account, sizeof(*r->account));
	if (r->counters)
		munmap((void *)r->counters, r->maps.cpus * sizeof(*r->counters));
	free(r);
}

int reader_consume(struct reader *r, ring_record_fn event, void *arg)
{
	size_t waiting = ring_waiting(r->ring);

	r->event = event;
	r->arg = arg;
	r->waiting_max = waiting > r->waiting_max ? waiting : r->waiting_max;
	return ring_consume(r->ring, event_forward, r);
}

const struct weft_reader *reader_account(const struct reader *r)
{
	return r->account;
}

static uint64_t sum(const struct reader *r, unsigned index)
{
	uint64_t total = 0;

	for (uint32_t cpu = 0; cpu < r->maps.cpus; cpu++)
		total += __atomic_load_n(&r->counters[cpu].of[index], __ATOMIC_ACQUIRE);
	return total;
}

void reader_counters(const struct reader *r, uint64_t ret_lost[WEFT_LOSS_MAX],
		     uint64_t ret_counts[WEFT_COUNT_MAX])
{
	for (unsigned i = 0; i < WEFT_LOSS_MAX; i++)
		ret_lost[i] = sum(r, i);
	for (unsigned i = 0; i < WEFT_COUNT_MAX; i++)
		ret_counts[i] = sum(r, WEFT_LOSS_MAX + i);
}

size_t reader_waiting(const struct reader *r)
{
	return ring_waiting(r->ring);
}

int reader_fd(const struct reader *r)
{
	return r->maps.ring_fd;
}

struct reader_ring reader_ring(const struct reader *r)
{
	return (struct reader_ring){.bytes = r->maps.ring_bytes,
				    .much_bytes = r->maps.much_bytes,
				    .waiting_max = r->waiting_max};
}

void reader_skip(struct reader *r, uint64_t cookie, unsigned direction, uint64_t until)
{
	struct weft_skip *skip = r->skips ? &r->skips[cookie % WEFT_SKIPS] : NULL;

	if (!skip)
		return;
	if (skip->cookie != cookie) {
		__atomic_store_n(&skip->until[0], 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&skip->until[1], 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&skip->cookie, cookie, __ATOMIC_SEQ_CST);
	}
	__atomic_store_n(&skip->until[direction], until, __ATOMIC_SEQ_CST);
}

void reader_heartbeat(struct reader *r, uint64_t now_ns)
{
	__atomic_store_n(&r->account->heartbeat_ns, now_ns, __ATOMIC_RELAXED);
}

uint64_t reader_heartbeat_age(const struct weft_reader *account, uint64_t now_ns)
{
	uint64_t last_ns = __atomic_load_n(&account->heartbeat_ns, __ATOMIC_RELAXED);

	return now_ns > last_ns ? now_ns - last_ns : 0;
}
