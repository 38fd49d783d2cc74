// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Open addressing at half load at most; the hash that a slot keeps says where it belongs. */
#include "mesh-config/model/lookup.h"

#include "mesh-config/model/base.h"
#include "mesh-config/model/shared.h"

#include <string.h>

static uint32_t slots_for(uint32_t count)
{
	uint32_t slots = 16;

	while (slots / 2 < count)
		slots *= 2;
	return slots;
}

bool lookup_init(struct lookup *l, uint32_t count)
{
	uint32_t slots = slots_for(count);

	l->slots = shared_new(slots * sizeof(*l->slots));
	l->mask = slots - 1;
	if (l->slots)
		memset(l->slots, 0xff, slots * sizeof(*l->slots));
	return l->slots;
}

void lookup_free(struct lookup *l)
{
	shared_drop(l->slots);
	*l = (struct lookup){0};
}

struct lookup lookup_share(const struct lookup *l)
{
	shared_hold(l->slots);
	return *l;
}

size_t lookup_bytes(const struct lookup *l)
{
	return l->slots ? ((size_t)l->mask + 1) * sizeof(*l->slots) : 0;
}

bool lookup_copy(struct lookup *l, const struct lookup *from, uint32_t count, void *slots)
{
	if (!from->slots || slots_for(count) - 1 > from->mask) {
		shared_drop(slots);
		return false;
	}
	l->slots = slots ? slots : shared_new(lookup_bytes(from));
	l->mask = from->mask;
	if (l->slots && !slots)
		memcpy(l->slots, from->slots, lookup_bytes(from));
	return l->slots;
}

static uint32_t kept_hash(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

/* The slot of this key, or the free one where it would be. */
static uint32_t slot_find(const struct lookup *l, uint32_t hash, lookup_same *same, const void *arg,
			  const void *key)
{
	uint32_t at = hash & l->mask;

	while (l->slots[at].value != MESH_NONE &&
	       !(l->slots[at].hash == hash && same(arg, l->slots[at].value, key)))
		at = (at + 1) & l->mask;
	return at;
}

uint32_t lookup_find(const struct lookup *l, uint64_t hash, lookup_same *same, const void *arg,
		     const void *key)
{
	return l->slots ? l->slots[slot_find(l, kept_hash(hash), same, arg, key)].value : MESH_NONE;
}

void lookup_add(struct lookup *l, uint64_t hash, uint32_t value)
{
	uint32_t at = kept_hash(hash) & l->mask;

	while (l->slots[at].value != MESH_NONE)
		at = (at + 1) & l->mask;
	l->slots[at] = (struct lookup_slot){kept_hash(hash), value};
}

/* Moves entries that would not be found any more into the gap. */
void lookup_remove(struct lookup *l, uint64_t hash, lookup_same *same, const void *arg,
		   const void *key)
{
	uint32_t gap = slot_find(l, kept_hash(hash), same, arg, key);

	for (uint32_t at = (gap + 1) & l->mask; l->slots[at].value != MESH_NONE;
	     at = (at + 1) & l->mask) {
		uint32_t home = l->slots[at].hash & l->mask;

		if (((at - home) & l->mask) < ((at - gap) & l->mask))
			continue;
		l->slots[gap] = l->slots[at];
		gap = at;
	}
	l->slots[gap].value = MESH_NONE;
}
