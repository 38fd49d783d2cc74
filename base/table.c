// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Chained hash over one entry array; chain, free list and recency list are
 * indices, not pointers. */
#include "base/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#define XXH_INLINE_ALL /* hashing a short key costs less than a call */
#include <xxhash.h>

#define NONE UINT32_MAX
#define MET  16 /* entries found without hashing */

struct link {
	uint32_t chain; /* next entry of the bucket, or of the free list */
	uint32_t older;
	uint32_t newer;
	uint32_t bucket;
};

struct table {
	uint32_t capacity;
	uint32_t count;
	uint32_t used; /* entries ever used: the memory after them was never touched */
	uint32_t free_first;
	uint32_t oldest;
	uint32_t newest;
	uint32_t bucket_mask;
	size_t entry_bytes;
	size_t key_bytes;
	uint64_t seed;
	uint32_t *met;	   /* index + 1 of recently found entries, by a cheap mix of their key; 0 is
			      empty */
	uint32_t *buckets; /* index + 1; 0 is empty, so that untouched pages stay zero */
	struct link *links;
	char *entries;
};

static void *reserve(size_t size_bytes)
{
	void *p = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void release(void *p, size_t size_bytes)
{
	if (p)
		munmap(p, size_bytes);
}

static size_t round_up_8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

struct table *table_new(uint32_t capacity, size_t entry_bytes, size_t key_bytes, uint64_t seed)
{
	struct table *t = calloc(1, sizeof(*t));
	uint32_t buckets = 16;

	if (!t)
		return NULL;
	while (buckets < capacity && buckets < 1u << 30)
		buckets *= 2;
	t->capacity = capacity;
	t->entry_bytes = round_up_8(entry_bytes);
	t->key_bytes = key_bytes;
	t->seed = seed;
	t->bucket_mask = buckets - 1;
	t->free_first = t->oldest = t->newest = NONE;
	t->met = calloc(MET, sizeof(*t->met));
	t->buckets = reserve(buckets * sizeof(*t->buckets));
	t->links = reserve((capacity + 1) * sizeof(*t->links));
	t->entries = reserve((capacity + 1) * t->entry_bytes);
	if (t->met && t->buckets && t->links && t->entries)
		return t;
	table_free(t);
	return NULL;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	free(t->met);
	release(t->buckets, ((size_t)t->bucket_mask + 1) * sizeof(*t->buckets));
	release(t->links, (t->capacity + 1) * sizeof(*t->links));
	release(t->entries, (t->capacity + 1) * t->entry_bytes);
	free(t);
}

static void *entry_at(const struct table *t, uint32_t index)
{
	return index == NONE ? NULL : t->entries + index * t->entry_bytes;
}

static uint32_t index_of(const struct table *t, const void *entry)
{
	return (uint32_t)((size_t)((const char *)entry - t->entries) / t->entry_bytes);
}

static uint64_t word_at(const void *key, size_t at)
{
	uint64_t word;

	memcpy(&word, (const char *)key + at, sizeof(word));
	return word;
}

/* Keys of whole words are the most frequent and are compared on every event: inline, without a
 * call. */
static bool key_equal(const void *a, const void *b, size_t key_bytes)
{
	if (key_bytes % sizeof(uint64_t))
		return !memcmp(a, b, key_bytes);
	for (size_t i = 0; i < key_bytes; i += sizeof(uint64_t))
		if (word_at(a, i) != word_at(b, i))
			return false;
	return true;
}

/* The slot in |met|. A peer that chooses its keys can cause misses, which cost a hash each. */
static uint32_t *met_of(const struct table *t, const void *key)
{
	uint64_t mix = 0;

	for (size_t i = 0; i + sizeof(mix) <= t->key_bytes; i += sizeof(mix))
		mix = (mix ^ word_at(key, i)) * 0x9e3779b97f4a7c15;
	return &t->met[mix >> 32 & (MET - 1)];
}

uint64_t table_hash(const void *key, size_t key_bytes, uint64_t seed)
{
	return XXH3_64bits_withSeed(key, key_bytes, seed);
}

static uint32_t bucket_of(const struct table *t, const void *key)
{
	return (uint32_t)table_hash(key, t->key_bytes, t->seed) & t->bucket_mask;
}

void *table_find(const struct table *t, const void *key)
{
	uint32_t *met = met_of(t, key);
	uint32_t i = *met - 1;

	if (i != NONE && key_equal(entry_at(t, i), key, t->key_bytes))
		return entry_at(t, i);
	i = t->buckets[bucket_of(t, key)] - 1;
	while (i != NONE && !key_equal(entry_at(t, i), key, t->key_bytes))
		i = t->links[i].chain;
	if (i != NONE)
		*met = i + 1;
	return entry_at(t, i);
}

static void unlink_recency(struct table *t, uint32_t i)
{
	struct link *l = &t->links[i];

	if (l->older != NONE)
		t->links[l->older].newer = l->newer;
	else
		t->oldest = l->newer;
	if (l->newer != NONE)
		t->links[l->newer].older = l->older;
	else
		t->newest = l->older;
}

static void append_recency(struct table *t, uint32_t i)
{
	struct link *l = &t->links[i];

	l->older = t->newest;
	l->newer = NONE;
	if (t->newest != NONE)
		t->links[t->newest].newer = i;
	else
		t->oldest = i;
	t->newest = i;
}

static uint32_t take_free(struct table *t)
{
	uint32_t i = t->free_first;

	if (i != NONE) {
		t->free_first = t->links[i].chain;
		return i;
	}
	return t->used < t->capacity ? t->used++ : NONE;
}

void *table_insert(struct table *t, const void *key)
{
	uint32_t bucket = bucket_of(t, key);
	uint32_t i = take_free(t);
	char *entry = entry_at(t, i);

	if (!entry)
		return NULL;
	memset(entry, 0, t->entry_bytes);
	memcpy(entry, key, t->key_bytes);
	t->links[i].bucket = bucket;
	t->links[i].chain = t->buckets[bucket] - 1;
	t->buckets[bucket] = i + 1;
	append_recency(t, i);
	t->count++;
	return entry;
}

void *table_use(struct table *t, const void *key)
{
	void *found = table_find(t, key);

	if (found)
		table_touch(t, found);
	else if (table_count(t) == table_capacity(t))
		table_remove(t, table_oldest(t));
	return found ? found : table_insert(t, key);
}

static void unlink_chain(struct table *t, uint32_t i)
{
	uint32_t bucket = t->links[i].bucket;
	uint32_t at = t->buckets[bucket] - 1;

	if (at == i) {
		t->buckets[bucket] = t->links[i].chain + 1;
		return;
	}
	while (t->links[at].chain != i)
		at = t->links[at].chain;
	t->links[at].chain = t->links[i].chain;
}

void table_remove(struct table *t, void *entry)
{
	uint32_t i = index_of(t, entry);
	uint32_t *met = met_of(t, entry);

	if (*met == i + 1)
		*met = 0;
	unlink_chain(t, i);
	unlink_recency(t, i);
	t->links[i].chain = t->free_first;
	t->free_first = i;
	t->count--;
}

void table_touch(struct table *t, void *entry)
{
	uint32_t i = index_of(t, entry);

	if (t->newest == i)
		return;
	unlink_recency(t, i);
	append_recency(t, i);
}

void *table_oldest(const struct table *t)
{
	return entry_at(t, t->oldest);
}

void *table_next(const struct table *t, const void *entry)
{
	return entry_at(t, t->links[index_of(t, entry)].newer);
}

uint32_t table_count(const struct table *t)
{
	return t->count;
}

uint32_t table_capacity(const struct table *t)
{
	return t->capacity;
}
