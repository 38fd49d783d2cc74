/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ring guard. One thread at a time, the one with the lock, reads the ring, decodes and serves:
 * normally the worker, whose priority is below the programs it observes. If it gets no CPU for too
 * long the ring overflows, and later the agent counts as dead; before that a second thread with
 * real-time priority takes the lock. While that thread waits, the thread that has the lock inherits
 * its priority (futex(2), priority inheritance). */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define RING_GUARD_LOOK_MS 1000

struct ring_guard;

struct ring_guard_options {
	int ring_fd; /* an event means that the ring has reached its limit (reader_fd) */
	/* Whether the worker is late: called without the lock, at each event of the ring and at
	 * least once in RING_GUARD_LOOK_MS. */
	bool (*late)(void *arg);
	/* Does, with the lock, the overdue work of the worker, or a part of it within the limit for
	 * real-time threads; it is called again while the worker is late. */
	void (*drain)(void *arg);
	int (*confine)(struct error *err); /* drops the privileges of the calling thread */
	void *arg;
};

/* Call it while the thread still has CAP_SYS_NICE; without it there is a lock but no guard thread.
 * 0 or a negative errno with |err|. Free with ring_guard_free, without the lock. */
int ring_guard_new(const struct ring_guard_options *options, struct ring_guard **ret,
		   struct error *err);
void ring_guard_free(struct ring_guard *t);

void ring_guard_lock(struct ring_guard *t);
void ring_guard_unlock(struct ring_guard *t);

/* Whether there is a guard thread; how often it took the lock. */
bool ring_guard_works(const struct ring_guard *t);
uint64_t ring_guard_rescues(const struct ring_guard *t);
