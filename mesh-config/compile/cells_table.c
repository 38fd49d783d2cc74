// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Robin Hood hashing over cells (Celis, Larson, Munro: Robin Hood Hashing, FOCS 1985), half full at
 * most. */
#include "mesh-config/compile/cells_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 16u
#define SPARSE	    16u /* buckets per key beyond which growing is not the answer */

struct bucket {
	char bytes[WEFT_MESH_CELL_BYTES];
};

static uint32_t hash(const struct cells_table *t, const void *key)
{
	struct weft_mesh_key k;
	uint64_t value;

	if (t->key_bytes == CELLS_TABLE_KEY) {
		memcpy(&k, key, sizeof(k));
		return weft_hash_key(&k, t->seed);
	}
	memcpy(&value, key, sizeof(value));
	return weft_hash_match(value, ((const uint8_t *)key)[sizeof(value)], t->seed);
}

static const struct bucket *bucket_at(const struct cells_table *t, uint32_t place)
{
	return cells_get(t->cells, t->first + (place & t->mask));
}

static bool is_empty(const struct cells_table *t, const struct bucket *b)
{
	return !b->bytes[t->key_bytes - 1];
}

static uint32_t distance(const struct cells_table *t, const struct bucket *b, uint32_t place)
{
	return (place - hash(t, b)) & t->mask;
}

void cells_table_clear(struct cells_table *t)
{
	static const struct bucket empty;

	for (uint32_t i = 0; i <= t->mask; i++)
		cells_put(t->cells, t->first + i, &empty);
	t->count = 0;
}

static int allocate(struct cells_table *t, uint32_t buckets)
{
	t->first = cells_alloc(t->cells, buckets);
	t->mask = buckets - 1;
	if (!t->first)
		return cells_error(t->cells);
	cells_table_clear(t);
	return 0;
}

int cells_table_init(struct cells_table *t, struct cells *c, uint8_t key_bytes, uint32_t seed,
		     uint32_t expected)
{
	uint32_t buckets = BUCKETS_MIN;

	while (buckets / 2 < expected && buckets < 1u << 30)
		buckets *= 2;
	*t = (struct cells_table){.cells = c, .seed = seed, .key_bytes = key_bytes};
	return allocate(t, buckets);
}

/* Who is further from its place keeps the bucket; of two at the same distance, the smaller key. */
static bool goes_before(const struct cells_table *t, const struct bucket *a, uint32_t a_distance,
			const struct bucket *b, uint32_t b_distance)
{
	if (a_distance != b_distance)
		return a_distance > b_distance;
	return memcmp(a, b, t->key_bytes) < 0;
}

/* 0, or -EXFULL with the one that found no room in |b|. */
static int insert(struct cells_table *t, struct bucket *b)
{
	uint32_t place = hash(t, b), far = 0;
	const struct bucket *there;
	struct bucket moved;

	for (; far < WEFT_MESH_PROBES; place++, far++) {
		there = bucket_at(t, place);
		if (is_empty(t, there) || !memcmp(there, b, t->key_bytes)) {
			t->count += is_empty(t, there);
			cells_put(t->cells, t->first + (place & t->mask), b);
			return 0;
		}
		if (!goes_before(t, b, far, there, distance(t, there, place)))
			continue;
		moved = *there;
		cells_put(t->cells, t->first + (place & t->mask), b);
		far = distance(t, &moved, place);
		*b = moved;
	}
	return -EXFULL;
}

static int insert_all(struct cells_table *t, const struct bucket *old, uint32_t count)
{
	struct bucket b;

	for (uint32_t i = 0; i < count; i++) {
		if (is_empty(t, &old[i]))
			continue;
		b = old[i];
		if (insert(t, &b))
			return -EXFULL;
	}
	return 0;
}

/* Into a table of twice the size, or more; |left| (may be NULL) is what has no bucket yet. */
static int grow(struct cells_table *t, const struct bucket *left)
{
	uint32_t old_first = t->first, old_buckets = t->mask + 1, keys = t->count + 1;
	struct bucket *old = malloc((old_buckets + 1) * sizeof(*old));
	uint32_t buckets = old_buckets;
	int r = -EXFULL;

	if (!old)
		return -ENOMEM;
	memcpy(old, cells_get(t->cells, old_first), old_buckets * sizeof(*old));
	memset(&old[old_buckets], 0, sizeof(*old));
	if (left)
		old[old_buckets] = *left;
	while (r == -EXFULL && buckets / SPARSE < keys) {
		buckets *= 2;
		cells_release(t->cells, t->first, t->mask + 1);
		t->count = 0;
		r = allocate(t, buckets);
		if (!r)
			r = insert_all(t, old, old_buckets + 1);
	}
	free(old);
	return r;
}

int cells_table_put(struct cells_table *t, const void *cell)
{
	struct bucket b;
	int r = 0;

	memcpy(&b, cell, sizeof(b));
	if (t->count > t->mask / 2 && !cells_table_find(t, cell))
		r = grow(t, NULL);
	if (!r && insert(t, &b))
		r = grow(t, &b);
	return r;
}

uint32_t cells_table_find(const struct cells_table *t, const void *key)
{
	uint32_t place = hash(t, key);
	const struct bucket *b;

	for (uint32_t i = 0; i < WEFT_MESH_PROBES; i++, place++) {
		b = bucket_at(t, place);
		if (is_empty(t, b))
			return 0;
		if (!memcmp(b, key, t->key_bytes))
			return t->first + (place & t->mask);
	}
	return 0;
}

/* Those behind it move up, so that there is no hole in a run. */
int cells_table_remove(struct cells_table *t, const void *key)
{
	static const struct bucket empty;
	uint32_t index = cells_table_find(t, key);
	uint32_t place = index - t->first;
	const struct bucket *next;

	if (!index)
		return -ENOENT;
	for (;; place++) {
		next = bucket_at(t, place + 1);
		if (is_empty(t, next) || !distance(t, next, place + 1))
			break;
		cells_put(t->cells, t->first + (place & t->mask), next);
	}
	cells_put(t->cells, t->first + (place & t->mask), &empty);
	t->count--;
	return 0;
}
