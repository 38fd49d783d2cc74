// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* There are few objectives, so a list is searched: cheaper than a table, and free where there are
 * none. */
#include "control/signals/objectives.h"

#include "control/signals/golden.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct objective_count *count_find(const struct objectives *all, const char *name)
{
	for (uint32_t i = 0; i < all->count; i++)
		if (!strcmp(all->items[i].objective.name, name))
			return &all->items[i];
	return NULL;
}

int objectives_set(struct objectives *all, const struct objective *rows, uint32_t count)
{
	struct objective_count *items;

	count = count < OBJECTIVES_MAX ? count : OBJECTIVES_MAX;
	items = calloc(count + 1u, sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		const struct objective_count *before = count_find(all, rows[i].name);

		if (before)
			items[i] = *before;
		items[i].objective = rows[i];
	}
	objectives_free(all);
	*all = (struct objectives){items, count};
	return 0;
}

void objectives_free(struct objectives *all)
{
	free(all->items);
	*all = (struct objectives){0};
}

static enum objective_outcome outcome_of(const struct objective *o, const struct request *r)
{
	enum golden_outcome outcome = golden_outcome(r);

	if (outcome == GOLDEN_ERROR)
		return OBJECTIVE_BAD;
	if (outcome == GOLDEN_UNKNOWN)
		return OBJECTIVE_UNKNOWN;
	if (!o->latency_ns)
		return OBJECTIVE_GOOD;
	if (!r->start_ns || r->end_ns < r->start_ns)
		return OBJECTIVE_UNKNOWN;
	return r->end_ns - r->start_ns <= o->latency_ns ? OBJECTIVE_GOOD : OBJECTIVE_BAD;
}

void objectives_request(struct objectives *all, const struct request *r)
{
	for (uint32_t i = 0; i < all->count; i++) {
		struct objective_count *c = &all->items[i];
		const struct objective *o = &c->objective;

		if (strcmp(o->service, r->destination->service) != 0 ||
		    strncmp(r->path, o->path_prefix, strlen(o->path_prefix)) != 0)
			continue;
		c->requests[r->reporter][outcome_of(o, r)]++;
	}
}
