// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Positions grow without end; a record is a header of eight bytes (length and flags) and its data,
 * padded to eight. */
#include "datapath/attach/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct ring {
	unsigned long *consumer; /* a page of its own, ours to write */
	unsigned long *producer; /* the page before the data */
	char *data;
	size_t ring_bytes;
	size_t page_bytes;
	size_t record_max_bytes;
	char *bounce; /* for records that run over the ring's end */
};

static void *map(int fd, size_t size, int protection, size_t offset)
{
	void *p = mmap(NULL, size, protection, MAP_SHARED, fd, (off_t)offset);

	return p == MAP_FAILED ? NULL : p;
}

int ring_new(int map_fd, size_t ring_bytes, size_t record_max_bytes, struct ring **ret_ring)
{
	struct ring *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->ring_bytes = ring_bytes;
	r->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	r->record_max_bytes = record_max_bytes;
	r->bounce = malloc(record_max_bytes);
	r->consumer = map(map_fd, r->page_bytes, PROT_READ | PROT_WRITE, 0);
	r->producer = map(map_fd, r->page_bytes + ring_bytes, PROT_READ, r->page_bytes);
	if (!r->bounce || !r->consumer || !r->producer) {
		int error = r->bounce ? -errno : -ENOMEM;

		ring_free(r);
		return error;
	}
	r->data = (char *)r->producer + r->page_bytes;
	*ret_ring = r;
	return 0;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	if (r->producer)
		munmap(r->producer, r->page_bytes + r->ring_bytes);
	if (r->consumer)
		munmap(r->consumer, r->page_bytes);
	free(r->bounce);
	free(r);
}

static void *record_at(struct ring *r, unsigned long position, size_t size_bytes)
{
	size_t offset = position & (r->ring_bytes - 1);
	size_t straight = r->ring_bytes - offset;

	if (size_bytes <= straight)
		return r->data + offset;
	memcpy(r->bounce, r->data + offset, straight);
	memcpy(r->bounce + straight, r->data, size_bytes - straight);
	return r->bounce;
}

int ring_consume(struct ring *r, ring_record_fn record, void *arg)
{
	unsigned long at = *r->consumer;
	bool stop = false;
	int count = 0;

	while (!stop && at < __atomic_load_n(r->producer, __ATOMIC_ACQUIRE)) {
		const uint32_t *header = (const uint32_t *)(r->data + (at & (r->ring_bytes - 1)));
		uint32_t length = __atomic_load_n(header, __ATOMIC_ACQUIRE);
		size_t size = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (length & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(length & BPF_RINGBUF_DISCARD_BIT) && size <= r->record_max_bytes) {
			stop = record(arg, record_at(r, at + BPF_RINGBUF_HDR_SZ, size), size) != 0;
			count++;
		}
		at += (size + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
		__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
	}
	return count;
}
