/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* File descriptors of this process: the limit, the number in use, and a reserve for essential
 * uses. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct descriptors {
	uint64_t used;
	uint64_t limit; /* RLIMIT_NOFILE */
};

/* Raises the soft limit to the hard one. */
void descriptors_raise(void);

/* |used| is 0 where it is not known. */
struct descriptors descriptors_count(void);

/* The number of descriptors reserved for essential uses. */
uint64_t descriptors_reserve(uint64_t limit);

/* Whether more than the reserve is free: only then optional descriptors are opened. */
bool descriptors_spare(void);

/* Closes every descriptor that is not in |fds|. Sorts |fds|; negative entries are ignored. */
void descriptors_keep(int *fds, size_t count);

/* Whether |error| (negative) is a temporary shortage of descriptors or memory. */
bool descriptors_short(int error);
