/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose turn it is at the pipeline. One thread at a time reads the ring, decodes and serves: the
 * worker, scheduled behind the programs it watches. Kept from the CPU long enough it would lose
 * what the ring has no room for, and then be taken for dead; before that a second thread of
 * real-time priority takes a turn.
 * Who has the turn then inherits the priority until it ends (futex(2), priority inheritance). */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define TURNS_LOOK_MS 1000

struct turns;

struct turns_options {
	int ring_fd; /* an event of it says that much is waiting (attach_ring_fd) */
	/* Whether the worker is late: asked without having the turn, at each event of the ring and
	 * at least once in TURNS_LOOK_MS. */
	bool (*late)(void *arg);
	/* Does in a turn what the worker is late with, or a part of it, which takes no longer than
	 * real-time priority may; while it is late the next turn follows. */
	void (*drain)(void *arg);
	int (*confine)(struct error *err); /* gives up the rights of the calling thread */
	void *arg;
};

/* To be called while the thread still may have real-time priority (CAP_SYS_NICE); refused, there
 * are turns and no rescue. 0 or a negative errno with |err|. Free with turns_free, without having
 * the turn. */
int turns_new(const struct turns_options *options, struct turns **ret, struct error *err);
void turns_free(struct turns *t);

void turns_begin(struct turns *t);
void turns_end(struct turns *t);

/* Whether a second thread watches; how often it took a turn. */
bool turns_guarded(const struct turns *t);
uint64_t turns_rescues(const struct turns *t);
