// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Vose's method in whole numbers: every bucket holds the sum of weights, weight i brings count * i.
 */
#include "mesh-config/compile/alias.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdbool.h>

static bool all_equal(const uint64_t *weights, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		if (weights[i] != weights[0])
			return false;
	return true;
}

/* |part| of |whole| as the largest number that is kept; rounded to the nearest. */
static uint32_t keep_of(uint64_t part, uint64_t whole)
{
	unsigned __int128 scaled = ((unsigned __int128)part << 32) + whole / 2;
	uint64_t kept = (uint64_t)(scaled / whole);

	return kept ? (uint32_t)(kept - 1) : 0;
}

static void pair_up(uint64_t *left, uint32_t *order, uint32_t count, uint64_t whole,
		    struct alias *table)
{
	uint32_t small = 0, large = count, s, l;

	for (uint32_t i = 0; i < count; i++) {
		if (left[i] < whole)
			order[small++] = i;
		else
			order[--large] = i;
	}
	while (small && large < count) {
		s = order[--small];
		l = order[large];
		table[s] = (struct alias){keep_of(left[s], whole), l};
		left[l] -= whole - left[s];
		if (left[l] >= whole)
			continue;
		large++;
		order[small++] = l;
	}
}

int alias_build(const uint64_t *weights, uint32_t count, struct alias *ret_table)
{
	cleanup_free uint64_t *left = NULL;
	cleanup_free uint32_t *order = NULL;
	uint64_t whole = 0;

	for (uint32_t i = 0; i < count; i++)
		ret_table[i] = (struct alias){ALIAS_SURE, i};
	if (all_equal(weights, count))
		return 0;
	left = calloc(count, sizeof(*left));
	order = calloc(count, sizeof(*order));
	if (!left || !order)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		left[i] = weights[i] * count;
		whole += weights[i];
	}
	pair_up(left, order, count, whole, ret_table);
	return 0;
}
