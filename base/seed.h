/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Seeds of hash tables. */
#pragma once

#include <stdint.h>
#include <sys/random.h>

/* A random number. Never blocks: early after boot, before the kernel's random generator is
 * initialized, it is weaker. */
static inline uint64_t seed_random(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed ^= (uintptr_t)&seed;
	return seed;
}
