/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Seeds of hash tables. */
#pragma once

#include <stdint.h>
#include <sys/random.h>

/* A number that nobody can guess; early at the start of a machine, one that is hard to guess. Never
 * waits. */
static inline uint64_t seed_random(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed ^= (uintptr_t)&seed;
	return seed;
}
