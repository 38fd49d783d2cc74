/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Weighted random choice in constant time: alias tables (Walker 1977; Vose 1991), exact to 2^-32.
 */
#pragma once

#include <stdint.h>

#define ALIAS_SURE	 UINT32_MAX
#define ALIAS_WEIGHT_MAX (1ull << 40)
#define ALIAS_COUNT_MAX	 (1u << 22)

/* One of |count| equally likely buckets: a random 32-bit number at most |keep| means the bucket
 * itself, else |alias|. ALIAS_SURE: always itself. */
struct alias {
	uint32_t keep;
	uint32_t alias;
};

/* Fills |ret_table| for |weights| (not 0, at most ALIAS_WEIGHT_MAX), |count| from 1 to
 * ALIAS_COUNT_MAX. 0 or -ENOMEM. */
int alias_build(const uint64_t *weights, uint32_t count, struct alias *ret_table);
