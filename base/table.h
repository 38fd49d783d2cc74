/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A bounded hash table of fixed-size entries: all memory is reserved at construction (untouched
 * pages cost nothing), keys are hashed with a random seed, entries are ordered by last use. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct table;

/* |capacity| entries of |entry_bytes|; the key is the first |key_bytes| of each entry.
 * Returns NULL when memory is short. The caller frees with table_free. */
struct table *table_new(uint32_t capacity, size_t entry_bytes, size_t key_bytes, uint64_t seed);
void table_free(struct table *t);

/* The entry with this key or NULL. The pointer stays valid until that entry is removed. */
void *table_find(const struct table *t, const void *key);

/* A new entry with |key| copied in and the rest zeroed, or NULL when the table is full.
 * The key must not be in the table. */
void *table_insert(struct table *t, const void *key);

/* The entry with this key, marked as the most recently used one. A new one if there is none: in a
 * full table the least recently used entry gives way to it. */
void *table_use(struct table *t, const void *key);

void table_remove(struct table *t, void *entry);

/* Marks |entry| as the most recently used one. table_insert does this too. */
void table_touch(struct table *t, void *entry);

/* The least recently used entry, or NULL when the table is empty. */
void *table_oldest(const struct table *t);

/* The entry used after |entry|, or NULL at the end. `for (e = table_oldest(t); e; e = table_next(t,
 * e))` iterates from the oldest to the newest; to remove an entry, get the next one first. */
void *table_next(const struct table *t, const void *entry);

uint32_t table_count(const struct table *t);
uint32_t table_capacity(const struct table *t);

/* The hash used by the table, for callers that keep an index of their own (XXH3, 64 bit). */
uint64_t table_hash(const void *key, size_t key_bytes, uint64_t seed);
