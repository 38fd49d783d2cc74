/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The side that reads the ring. It knows four maps by their descriptors, and nothing else of the
 * kernel half: no program, no link, no system call for them but mmap(). */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/attach/core/ring.h"

#include <stddef.h>
#include <stdint.h>

struct reader;

/* What a reader needs (attach_reader_maps). */
struct reader_maps {
	int ring_fd;	 /* stays the caller's, for as long as the ring is read */
	int settings_fd; /* the others are not needed any more after reader_new */
	int skips_fd;
	int counters_fd;
	uint32_t cpus; /* that have counters */
	uint32_t ring_bytes;
	uint32_t much_bytes; /* fill level at which the reader is woken */
};

/* Maps the ring. After an earlier reader, drops the waiting records and has every connection
 * announced again at its next packet. 0 or a negative errno with |err|. */
int reader_new(struct reader_maps maps, struct reader **ret, struct error *err);
void reader_free(struct reader *r);

/* Delivers all records that wait in the ring at the time of the call, in order. Returns their
 * number. */
int reader_consume(struct reader *r, ring_record_fn event, void *arg);

/* The account of the ring's records, over all readers. Grows while reader_consume runs. */
const struct weft_reader *reader_account(const struct reader *r);

/* The kernel half's counters, over all CPUs; both arrays are the caller's. */
void reader_counters(const struct reader *r, uint64_t ret_lost[WEFT_LOSS_MAX],
		     uint64_t ret_counts[WEFT_COUNT_MAX]);

/* The number of bytes that wait in the ring; callable from any thread. */
size_t reader_waiting(const struct reader *r);

/* Readable when at least |much_bytes| wait in the ring. */
int reader_fd(const struct reader *r);

struct reader_ring {
	size_t bytes;	    /* size of the ring */
	size_t much_bytes;  /* fill level at which the reader is woken */
	size_t waiting_max; /* highest fill level at the start of a reader_consume */
};

struct reader_ring reader_ring(const struct reader *r);

/* Tells the kernel half which payload it need not copy (struct weft_skip). */
void reader_skip(struct reader *r, uint64_t cookie, unsigned direction, uint64_t until);

/* Heartbeat for the kernel half, at least once a second; without it capture stops. */
void reader_heartbeat(struct reader *r, uint64_t now_ns);

/* The time since the last heartbeat of any process. */
uint64_t reader_heartbeat_age(const struct weft_reader *account, uint64_t now_ns);
