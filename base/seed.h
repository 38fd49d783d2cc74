/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Seeds of hash tables. */
#pragma once

#include <stdint.h>
#include <sys/random.h>

/* A random number; one that is only hard to guess while the kernel has no randomness yet, early at
 * the start of a machine. Never waits. */
static inline uint64_t seed_random(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed ^= (uintptr_t)&seed;
	return seed;
}
