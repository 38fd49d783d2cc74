/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* File descriptors of this process: how many it may have, has, and leaves for what cannot wait. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct descriptors {
	uint64_t used;
	uint64_t limit; /* RLIMIT_NOFILE */
};

/* Raises the soft limit to the hard one. */
void descriptors_raise(void);

/* |used| is 0 where it cannot be told. */
struct descriptors descriptors_count(void);

/* How many are left for what cannot wait. */
uint64_t descriptors_reserve(uint64_t limit);

/* Whether there are more than a reserve: what can be had later is not taken from the reserve. */
bool descriptors_spare(void);

/* Whether |error| (negative) comes from a shortage of descriptors or memory, which passes. */
bool descriptors_short(int error);
