/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Updates the holders of servers' sockets: a walk over the files of all processes
 * (bpf/socket/holders.bpf.c) about once a second, and several soon after an event that may have
 * changed them. Walks take at most OWNERS_SHARE of a CPU: their cost determines their frequency. */
#pragma once

#include <linux/types.h>

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define OWNERS_SHARE 100 /* 1/100 */

struct attach;
struct owners;

struct owners_counts {
	uint64_t walks;
	uint64_t cpu_ns;  /* of all walks */
	uint64_t changes; /* sockets found with another workload */
};

/* |a| must outlive it. 0, -ENOENT when this kernel does not load the iterator (or |a| has no mesh),
 * or a negative errno, with |err|. Free with owners_free. */
int owners_new(struct attach *a, struct owners **ret, struct error *err);
void owners_free(struct owners *o);

/* One of them is readable when owners_handle has work. */
int owners_timer_fd(const struct owners *o);
int owners_stir_fd(const struct owners *o);

/* Walks if a walk is due. Returns whether a socket has another workload than before. */
bool owners_handle(struct owners *o, uint64_t now_ns);

/* The same at once, for a new generation; later if the budget is used up. */
bool owners_look(struct owners *o, uint64_t now_ns);

const struct owners_counts *owners_counts(const struct owners *o);

/* A walk at the start. */
void owners_learn(struct attach *a);
