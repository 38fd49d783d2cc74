/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ring guard. One thread at a time (a turn) reads the ring, decodes and serves: normally the
 * worker, whose priority is below the programs it observes. If it gets no CPU for too long the ring
 * overflows, and later the agent counts as dead; before that a second thread with real-time
 * priority takes a turn. While that thread waits, the thread that has the turn inherits its
 * priority (futex(2), priority inheritance). */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define TURNS_LOOK_MS 1000

struct turns;

struct turns_options {
	int ring_fd; /* an event means that the ring has reached its limit (reader_fd) */
	/* Whether the worker is late: called without the turn, at each event of the ring and at
	 * least once in TURNS_LOOK_MS. */
	bool (*late)(void *arg);
	/* Does in a turn the overdue work of the worker, or a part of it within the limit for
	 * real-time threads; while the worker is late another turn follows. */
	void (*drain)(void *arg);
	int (*confine)(struct error *err); /* drops the privileges of the calling thread */
	void *arg;
};

/* Call it while the thread still has CAP_SYS_NICE; without it there are turns but no guard thread.
 * 0 or a negative errno with |err|. Free with turns_free, without having the turn. */
int turns_new(const struct turns_options *options, struct turns **ret, struct error *err);
void turns_free(struct turns *t);

void turns_begin(struct turns *t);
void turns_end(struct turns *t);

/* Whether there is a guard thread; how often it took a turn. */
bool turns_guarded(const struct turns *t);
uint64_t turns_rescues(const struct turns *t);
