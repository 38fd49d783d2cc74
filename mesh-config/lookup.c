// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Open addressing at half load at most. */
#include "mesh-config/lookup.h"

#include "mesh-config/model_base.h"

#include <stdlib.h>
#include <string.h>

bool lookup_init(struct lookup *l, uint32_t count)
{
	uint32_t slots = 16;

	while (slots / 2 < count)
		slots *= 2;
	l->slots = malloc(slots * sizeof(*l->slots));
	l->mask = slots - 1;
	if (l->slots)
		memset(l->slots, 0xff, slots * sizeof(*l->slots));
	return l->slots;
}

void lookup_free(struct lookup *l)
{
	free(l->slots);
	*l = (struct lookup){0};
}

uint32_t lookup_find(const struct lookup *l, uint64_t hash, lookup_same *same, const void *arg,
		     const void *key)
{
	uint32_t at = (uint32_t)hash & l->mask;

	if (!l->slots)
		return MESH_NONE;
	for (; l->slots[at].value != MESH_NONE; at = (at + 1) & l->mask)
		if (l->slots[at].hash == (uint32_t)(hash >> 32) &&
		    same(arg, l->slots[at].value, key))
			return l->slots[at].value;
	return MESH_NONE;
}

void lookup_add(struct lookup *l, uint64_t hash, uint32_t value)
{
	uint32_t at = (uint32_t)hash & l->mask;

	while (l->slots[at].value != MESH_NONE)
		at = (at + 1) & l->mask;
	l->slots[at] = (struct lookup_slot){(uint32_t)(hash >> 32), value};
}
