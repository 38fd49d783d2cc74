// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Series on top of the bounded table: each entry is key, use, value; a dense
 * array gives positions. */
#include "control/signals/series.h"

#include "base/table.h"

#include <stdbool.h>
#include <stdlib.h>

/* Uses within this time of each other are one use: saves the recency list from each hit. */
#define USE_GRAIN_NS 1000000000ull
#define EXPIRE_BATCH 512

struct use {
	uint64_t used_ns;
	uint32_t position;
	bool overflow;
};

struct series {
	struct table *table;
	void **order; /* entries by position */
	size_t use_offset;
	size_t value_offset;
	uint32_t limit;
	uint32_t overflows;
	struct series_counts counts;
};

struct series *series_new(uint32_t limit, size_t key_bytes, size_t value_bytes, uint64_t seed)
{
	struct series *s = calloc(1, sizeof(*s));
	uint32_t capacity = limit + SERIES_OVERFLOW_MAX;

	if (!s)
		return NULL;
	s->limit = limit;
	s->use_offset = (key_bytes + 7) & ~(size_t)7;
	s->value_offset = s->use_offset + sizeof(struct use);
	s->order = calloc(capacity, sizeof(*s->order));
	s->table = table_new(capacity, s->value_offset + value_bytes, key_bytes, seed);
	if (s->order && s->table)
		return s;
	series_free(s);
	return NULL;
}

void series_free(struct series *s)
{
	if (!s)
		return;
	table_free(s->table);
	free(s->order);
	free(s);
}

static struct use *use_of(const struct series *s, void *entry)
{
	return (struct use *)((char *)entry + s->use_offset);
}

static void *value_of(const struct series *s, void *entry)
{
	return (char *)entry + s->value_offset;
}

static void *entry_of(const struct series *s, void *value)
{
	return (char *)value - s->value_offset;
}

static void *use(struct series *s, void *entry, uint64_t now_ns)
{
	struct use *u = use_of(s, entry);

	if (now_ns - u->used_ns >= USE_GRAIN_NS) {
		u->used_ns = now_ns;
		table_touch(s->table, entry);
	}
	return value_of(s, entry);
}

static void *insert(struct series *s, const void *key, bool overflow, uint64_t now_ns)
{
	uint32_t position = table_count(s->table);
	void *entry = table_insert(s->table, key);

	if (!entry)
		return NULL;
	*use_of(s, entry) = (struct use){now_ns, position, overflow};
	s->order[position] = entry;
	s->overflows += overflow;
	return value_of(s, entry);
}

static void *overflow(struct series *s, const void *key, uint64_t now_ns)
{
	void *entry;

	s->counts.limited++;
	if (!key)
		return NULL;
	entry = table_find(s->table, key);
	if (entry)
		return use(s, entry, now_ns);
	return s->overflows < SERIES_OVERFLOW_MAX ? insert(s, key, true, now_ns) : NULL;
}

void *series_get(struct series *s, const void *key, const void *overflow_key, uint64_t now_ns)
{
	void *entry = table_find(s->table, key);

	if (entry)
		return use(s, entry, now_ns);
	if (table_count(s->table) - s->overflows < s->limit)
		return insert(s, key, false, now_ns);
	return overflow(s, overflow_key, now_ns);
}

void *series_find(const struct series *s, const void *key)
{
	void *entry = table_find(s->table, key);

	return entry ? value_of(s, entry) : NULL;
}

uint32_t series_count(const struct series *s)
{
	return table_count(s->table);
}

uint32_t series_limit(const struct series *s)
{
	return s->limit;
}

void *series_at(const struct series *s, uint32_t index)
{
	return index < table_count(s->table) ? value_of(s, s->order[index]) : NULL;
}

const void *series_key(const struct series *s, const void *value)
{
	return (const char *)value - s->value_offset;
}

void series_remove(struct series *s, void *value)
{
	void *entry = entry_of(s, value);
	uint32_t position = use_of(s, entry)->position;
	void *last = s->order[table_count(s->table) - 1];

	s->order[position] = last;
	use_of(s, last)->position = position;
	s->overflows -= use_of(s, entry)->overflow;
	table_remove(s->table, entry);
}

void series_expire(struct series *s, uint64_t now_ns, uint64_t idle_ns,
		   void (*forget)(void *arg, const void *key, void *value), void *arg)
{
	for (unsigned n = 0; n < EXPIRE_BATCH; n++) {
		void *entry = table_oldest(s->table);

		if (!entry || now_ns - use_of(s, entry)->used_ns < idle_ns)
			return;
		if (use_of(s, entry)->overflow) {
			use(s, entry, now_ns);
			continue;
		}
		if (forget)
			forget(arg, entry, value_of(s, entry));
		series_remove(s, value_of(s, entry));
		s->counts.expired++;
	}
}

const struct series_counts *series_counts(const struct series *s)
{
	return &s->counts;
}
