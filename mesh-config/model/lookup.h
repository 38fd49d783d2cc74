/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A hash of indexes into the caller's array, which has the keys. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lookup_slot {
	uint32_t hash;
	uint32_t value; /* MESH_NONE: free */
};

struct lookup {
	struct lookup_slot *slots; /* a block of shared.h */
	uint32_t mask;
};

/* Whether the element |value| has the key at |key|; |arg| is the array's owner. */
typedef bool lookup_same(const void *arg, uint32_t value, const void *key);

/* Room for |count| elements. False when memory is short. */
bool lookup_init(struct lookup *l, uint32_t count);
void lookup_free(struct lookup *l);

/* The same one, for reading only, freed as any other. */
struct lookup lookup_share(const struct lookup *l);

/* How large the block of slots is. */
size_t lookup_bytes(const struct lookup *l);

/* One of its own with room for |count|, with what |from| has. |slots| (NULL: not yet copied) is a
 * block of shared.h with the same; it is taken over in any case. False when memory is short or
 * |from| had less room. */
bool lookup_copy(struct lookup *l, const struct lookup *from, uint32_t count, void *slots);

/* The element with this key, or MESH_NONE. An all-zero lookup has none. */
uint32_t lookup_find(const struct lookup *l, uint64_t hash, lookup_same *same, const void *arg,
		     const void *key);

/* Adds without looking for an equal one; never more elements than there is room for. */
void lookup_add(struct lookup *l, uint64_t hash, uint32_t value);

/* Takes the element with this key out, if there is one. */
void lookup_remove(struct lookup *l, uint64_t hash, lookup_same *same, const void *arg,
		   const void *key);
