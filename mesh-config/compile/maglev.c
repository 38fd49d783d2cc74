// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every member walks its own permutation of the slots; who has the turn takes the next free one. */
#include "mesh-config/compile/maglev.h"

#include "base/cleanup.h"
#include "base/table.h"

#include <errno.h>
#include <stdbool.h>

#define NOBODY UINT32_MAX

struct walker {
	uint32_t next, skip;
	uint64_t due; /* weight that must have been given out before its next turn */
};

static void start(struct walker *w, const struct maglev_member *m, uint32_t slots)
{
	w->next = (uint32_t)(table_hash(&m->key, sizeof(m->key), 1) % slots);
	w->skip = slots > 1 ? (uint32_t)(table_hash(&m->key, sizeof(m->key), 2) % (slots - 1)) + 1
			    : 0;
	w->due = 0;
}

static void take_slot(struct walker *w, uint32_t member, uint32_t slots, uint32_t *table)
{
	while (table[w->next] != NOBODY) {
		w->next += w->skip;
		if (w->next >= slots)
			w->next -= slots;
	}
	table[w->next] = member;
}

static uint32_t weight_max(const struct maglev_member *members, uint32_t count)
{
	uint32_t max = 1;

	for (uint32_t i = 0; i < count; i++)
		if (members[i].weight > max)
			max = members[i].weight;
	return max;
}

/* The heaviest have a turn in every round, the others in as many as their share of that. */
static void fill(struct walker *walkers, const struct maglev_member *members, uint32_t count,
		 uint32_t slots, uint32_t *table)
{
	uint64_t max = weight_max(members, count);
	uint32_t taken = 0;

	for (uint64_t round = 1; taken < slots; round++) {
		for (uint32_t i = 0; i < count && taken < slots; i++) {
			if (round * members[i].weight <= walkers[i].due)
				continue;
			walkers[i].due += max;
			take_slot(&walkers[i], i, slots, table);
			taken++;
		}
	}
}

int maglev_build(const struct maglev_member *members, uint32_t count, uint32_t slots,
		 uint32_t *ret_slots)
{
	cleanup_free struct walker *walkers = calloc(count, sizeof(*walkers));

	if (!walkers)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		start(&walkers[i], &members[i], slots);
	for (uint32_t i = 0; i < slots; i++)
		ret_slots[i] = NOBODY;
	fill(walkers, members, count, slots, ret_slots);
	return 0;
}

uint32_t maglev_prime(uint32_t most)
{
	static const uint32_t primes[] = {65537, 16381, 4093, 1021, 251};

	for (unsigned i = 0; i < sizeof(primes) / sizeof(primes[0]); i++)
		if (primes[i] <= most)
			return primes[i];
	return 0;
}
