// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A table by key, and an array by number that leads back to it. */
#include "mesh-config/compile/numbers.h"

#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX_BYTES 32
#define REST	      2 /* retirements that a number must have seen unheld */

struct entry {
	char key[KEY_MAX_BYTES];
	uint32_t number;
	uint32_t holds;
	uint32_t seen; /* retirements since it was last held */
	uint32_t idle; /* it is in the list |idle| */
};

struct list {
	uint32_t *numbers; /* room for |capacity| */
	uint32_t count;
};

struct numbers {
	struct table *by_key;
	struct entry **by_number;
	uint32_t capacity;
	uint32_t fresh; /* from here on numbers are free but for adopted ones */
	uint32_t end;
	size_t key_bytes;
	struct list free; /* below |fresh| */
	struct list idle; /* not held, now or for some time */
};

struct numbers *numbers_new(uint32_t capacity, size_t key_bytes, uint64_t seed)
{
	struct numbers *n = calloc(1, sizeof(*n));

	if (!n || key_bytes > KEY_MAX_BYTES) {
		free(n);
		return NULL;
	}
	n->capacity = capacity;
	n->key_bytes = key_bytes;
	n->by_key = table_new(capacity, sizeof(struct entry), KEY_MAX_BYTES, seed);
	n->by_number = calloc(capacity, sizeof(*n->by_number));
	n->free.numbers = calloc(capacity, sizeof(uint32_t));
	n->idle.numbers = calloc(capacity, sizeof(uint32_t));
	if (n->by_key && n->by_number && n->free.numbers && n->idle.numbers)
		return n;
	numbers_free(n);
	return NULL;
}

void numbers_free(struct numbers *n)
{
	if (!n)
		return;
	table_free(n->by_key);
	free(n->by_number);
	free(n->free.numbers);
	free(n->idle.numbers);
	free(n);
}

static struct entry *find(const struct numbers *n, const void *key, char padded[KEY_MAX_BYTES])
{
	memset(padded, 0, KEY_MAX_BYTES);
	memcpy(padded, key, n->key_bytes);
	return table_find(n->by_key, padded);
}

static struct entry *assign(struct numbers *n, const char padded[KEY_MAX_BYTES], uint32_t number)
{
	struct entry *e = table_insert(n->by_key, padded);

	if (!e)
		return NULL;
	e->number = number;
	n->by_number[number] = e;
	if (number >= n->end)
		n->end = number + 1;
	return e;
}

static uint32_t next_free(struct numbers *n)
{
	if (n->free.count)
		return n->free.numbers[--n->free.count];
	while (n->fresh < n->capacity && n->by_number[n->fresh])
		n->fresh++; /* adopted */
	return n->fresh < n->capacity ? n->fresh++ : NUMBER_NONE;
}

uint32_t numbers_take(struct numbers *n, const void *key)
{
	char padded[KEY_MAX_BYTES];
	struct entry *e = find(n, key, padded);
	uint32_t number;

	if (!e) {
		number = next_free(n);
		if (number == NUMBER_NONE)
			return NUMBER_NONE;
		e = assign(n, padded, number);
		if (!e)
			return NUMBER_NONE;
	}
	e->holds++;
	return e->number;
}

static void rest(struct numbers *n, struct entry *e)
{
	e->seen = 0;
	if (e->idle)
		return;
	e->idle = 1;
	n->idle.numbers[n->idle.count++] = e->number;
}

void numbers_give(struct numbers *n, uint32_t number)
{
	struct entry *e = n->by_number[number];

	if (!--e->holds)
		rest(n, e);
}

uint32_t numbers_holds(const struct numbers *n, uint32_t number)
{
	return n->by_number[number] ? n->by_number[number]->holds : 0;
}

uint32_t numbers_find(const struct numbers *n, const void *key)
{
	char padded[KEY_MAX_BYTES];
	const struct entry *e = find(n, key, padded);

	return e ? e->number : NUMBER_NONE;
}

const void *numbers_key(const struct numbers *n, uint32_t number)
{
	const struct entry *e = number < n->capacity ? n->by_number[number] : NULL;

	return e ? e->key : NULL;
}

int numbers_adopt(struct numbers *n, const void *key, uint32_t number)
{
	char padded[KEY_MAX_BYTES];
	struct entry *e = find(n, key, padded);

	if (number >= n->capacity)
		return -ERANGE;
	if (e && e->number == number)
		return 0;
	if (e || n->by_number[number] || number < n->fresh)
		return -EEXIST;
	e = assign(n, padded, number);
	if (!e)
		return -EEXIST;
	rest(n, e);
	return 0;
}

void numbers_retire(struct numbers *n, bool (*may)(void *arg, uint32_t number), void *arg)
{
	uint32_t kept = 0;
	struct entry *e;

	for (uint32_t i = 0; i < n->idle.count; i++) {
		e = n->by_number[n->idle.numbers[i]];
		if (e->holds) {
			e->idle = 0;
			continue;
		}
		if (++e->seen < REST || (may && !may(arg, e->number))) {
			n->idle.numbers[kept++] = e->number;
			continue;
		}
		if (e->number < n->fresh)
			n->free.numbers[n->free.count++] = e->number;
		n->by_number[e->number] = NULL;
		table_remove(n->by_key, e);
	}
	n->idle.count = kept;
}

uint32_t numbers_end(const struct numbers *n)
{
	return n->end;
}
