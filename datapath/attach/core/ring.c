// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Positions grow without end; a record is a header of eight bytes (length and flags) and its data,
 * padded to eight. The file holds the consumer's page, the producer's page and the data twice, so
 * that a window may extend over the ring's end. */
#include "datapath/attach/core/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Small enough not to matter, large enough that it rarely moves: each newly mapped page costs about
 * 0.1 us. */
#define WINDOW_BYTES (1u << 20)

struct ring {
	unsigned long *consumer; /* a page of its own, which the reader writes */
	unsigned long *producer; /* a page of its own */
	char *window;
	unsigned long window_at; /* position of its first byte, on a page boundary */
	size_t window_bytes;
	size_t ring_bytes;
	size_t page_bytes;
	size_t record_max_bytes;
	int map_fd;
};

static void *map(int fd, void *where, size_t size, int protection, size_t offset)
{
	void *p = mmap(where, size, protection, MAP_SHARED | (where ? MAP_FIXED : 0), fd,
		       (off_t)offset);

	return p == MAP_FAILED ? NULL : p;
}

/* Before the first record the window is reserved but maps nothing. */
static int window_reserve(struct ring *r)
{
	void *p = mmap(NULL, r->window_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	r->window = p;
	r->window_at = 0UL - r->window_bytes;
	return 0;
}

int ring_new(int map_fd, size_t ring_bytes, size_t record_max_bytes, struct ring **ret_ring)
{
	struct ring *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	r->map_fd = map_fd;
	r->ring_bytes = ring_bytes;
	r->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	r->record_max_bytes = record_max_bytes;
	r->window_bytes = ring_bytes < WINDOW_BYTES ? ring_bytes : WINDOW_BYTES;
	r->consumer = map(map_fd, NULL, r->page_bytes, PROT_READ | PROT_WRITE, 0);
	r->producer =
		r->consumer ? map(map_fd, NULL, r->page_bytes, PROT_READ, r->page_bytes) : NULL;
	error = r->producer ? window_reserve(r) : -errno;
	if (!error && r->window_bytes < r->page_bytes + BPF_RINGBUF_HDR_SZ + record_max_bytes)
		error = -EINVAL;
	if (error)
		ring_free(r);
	else
		*ret_ring = r;
	return error;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	if (r->window)
		munmap(r->window, r->window_bytes);
	if (r->producer)
		munmap(r->producer, r->page_bytes);
	if (r->consumer)
		munmap(r->consumer, r->page_bytes);
	free(r);
}

/* The address of |position| in the window, with room for the largest record after it; NULL when
 * that cannot be mapped. */
static char *window_show(struct ring *r, unsigned long position)
{
	size_t within = position - r->window_at;
	size_t offset;

	if (within <= r->window_bytes - BPF_RINGBUF_HDR_SZ - r->record_max_bytes)
		return r->window + within;
	within = position & (r->page_bytes - 1);
	offset = (position - within) & (r->ring_bytes - 1);
	if (!map(r->map_fd, r->window, r->window_bytes, PROT_READ, 2 * r->page_bytes + offset)) {
		r->window_at = position + r->window_bytes; /* the window maps nothing */
		return NULL;
	}
	r->window_at = position - within;
	return r->window + within;
}

int ring_consume(struct ring *r, ring_record_fn record, void *arg)
{
	unsigned long at = *r->consumer, end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	bool stop = false;
	int count = 0;

	while (!stop && at < end) {
		char *header = window_show(r, at);
		uint32_t length = BPF_RINGBUF_BUSY_BIT;
		size_t size;

		if (header)
			length = __atomic_load_n((const uint32_t *)header, __ATOMIC_ACQUIRE);
		if (length & BPF_RINGBUF_BUSY_BIT)
			break;
		size = length & ~BPF_RINGBUF_DISCARD_BIT;
		if (!(length & BPF_RINGBUF_DISCARD_BIT) && size <= r->record_max_bytes) {
			stop = record(arg, header + BPF_RINGBUF_HDR_SZ, size) != 0;
			count++;
		}
		at += (size + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
		__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
	}
	return count;
}

size_t ring_waiting(const struct ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE) -
	       __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
}
