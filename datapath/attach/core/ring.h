/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads a BPF ring buffer (kernel/bpf/ringbuf.c) through a window that moves along its data. Every
 * mapped page counts as resident memory, even if it was never written; libbpf's reader maps the
 * data twice, which counts twice. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ring;

/* Called for each record, which stays in the ring during the call. A non-zero return ends reading
 * after this record. */
typedef int (*ring_record_fn)(void *arg, void *record, size_t size_bytes);

/* Opens the ring behind |map_fd|, which stays the caller's for as long as the ring is read;
 * |ring_bytes| is its max_entries. Records larger than |record_max_bytes| are skipped. 0, -ENOMEM,
 * -EINVAL (no room for such a record), or what mmap said. Free with ring_free. */
int ring_new(int map_fd, size_t ring_bytes, size_t record_max_bytes, struct ring **ret_ring);
void ring_free(struct ring *r);

/* Delivers the records that wait at the time of the call, in order. Returns how many; data that
 * cannot be mapped for lack of memory waits for the next call. */
int ring_consume(struct ring *r, ring_record_fn record, void *arg);

/* The number of waiting bytes, headers included. Callable from any thread. */
size_t ring_waiting(const struct ring *r);
