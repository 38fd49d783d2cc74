/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads a BPF ring buffer (kernel/bpf/ringbuf.c) through one mapping of its data. libbpf's reader
 * maps the data twice, which counts twice in the resident memory that operators look at. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ring;

/* Called for each record; it lies in the ring (or in a buffer, where it runs over the ring's end)
 * for the time of the call. A non-zero return ends the reading after this record. */
typedef int (*ring_record_fn)(void *arg, void *record, size_t size_bytes);

/* Maps the ring behind |map_fd|, which stays the caller's; |ring_bytes| is its max_entries. Records
 * larger than |record_max_bytes| are skipped. 0, -ENOMEM, or what mmap said. Free with ring_free.
 */
int ring_new(int map_fd, size_t ring_bytes, size_t record_max_bytes, struct ring **ret_ring);
void ring_free(struct ring *r);

/* Takes what waits, in order. Returns how many records were given to |record|. */
int ring_consume(struct ring *r, ring_record_fn record, void *arg);
