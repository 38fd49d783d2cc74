// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finding a place costs comparisons of texts, moving what is behind it none. */
#include "mesh-config/resolve/catalog.h"

#include "mesh-config/resolve/source_file.h"

#include <stdlib.h>

static int text_order(const char *a, const char *b)
{
	return a == b ? 0 : strcmp(a, b);
}

static int number_order(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int draft_order(const struct draft *a, const struct draft *b)
{
	int order = text_order(a->namespace_name, b->namespace_name);

	order = order ? order : text_order(a->sort_name, b->sort_name);
	order = order ? order : text_order(a->name, b->name);
	order = order ? order : text_order(a->file->name, b->file->name);
	order = order ? order : number_order(a->at.line, b->at.line);
	return order ? order : number_order(a->at.column, b->at.column);
}

static int item_order(const void *left, const void *right)
{
	return draft_order(*(struct draft *const *)left, *(struct draft *const *)right);
}

/* How many of the first |count| items come before |d|. */
static uint32_t place_find(const struct catalog *c, uint32_t count, const struct draft *d)
{
	uint32_t low = 0;

	while (low < count) {
		uint32_t middle = low + (count - low) / 2;

		if (draft_order(c->items[middle], d) < 0)
			low = middle + 1;
		else
			count = middle;
	}
	return low;
}

bool catalog_add(struct catalog *c, struct draft *d)
{
	if (c->count == c->capacity) {
		uint32_t capacity = c->capacity ? c->capacity * 2 : 64;
		struct draft **grown = realloc(c->items, capacity * sizeof(*grown));

		if (!grown)
			return false;
		c->items = grown;
		c->capacity = capacity;
	}
	c->items[c->count++] = d;
	return true;
}

static uint32_t place_of(const struct catalog *c, const struct draft *d)
{
	uint32_t place = place_find(c, c->sorted, d);

	if (place < c->sorted && c->items[place] == d)
		return place;
	for (place = c->sorted; place < c->count && c->items[place] != d;)
		place++;
	return place;
}

void catalog_remove(struct catalog *c, struct draft *d, enum kind_id kind)
{
	uint32_t kept = c->count, sorted = c->sorted;

	for (struct draft *each = d; each; each = each->next)
		if (each->kind == kind)
			each->place = place_of(c, each);
	for (struct draft *each = d; each; each = each->next) {
		if (each->kind != kind || each->place == c->count)
			continue;
		c->items[each->place] = NULL;
		sorted -= each->place < c->sorted;
		kept = each->place < kept ? each->place : kept;
	}
	for (uint32_t i = kept; i < c->count; i++)
		if (c->items[i])
			c->items[kept++] = c->items[i];
	c->count = kept;
	c->sorted = sorted;
}

bool catalog_sort(struct catalog *c)
{
	uint32_t added = c->count - c->sorted, left = c->sorted;
	struct draft **tail;

	if (!added)
		return true;
	tail = malloc(added * sizeof(*tail));
	if (!tail)
		return false;
	memcpy(tail, c->items + c->sorted, added * sizeof(*tail));
	qsort(tail, added, sizeof(*tail), item_order);
	for (uint32_t i = added; i-- > 0;) { /* from behind: nothing is moved twice */
		uint32_t place = place_find(c, left, tail[i]);

		memmove(c->items + place + i + 1, c->items + place, (left - place) * sizeof(*tail));
		c->items[place + i] = tail[i];
		left = place;
	}
	free(tail);
	c->sorted = c->count;
	return true;
}

uint32_t catalog_find(const struct catalog *c, const char *namespace_name, const char *sort_name)
{
	uint32_t low = 0, high = c->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct draft *d = c->items[middle];
		int order = text_order(d->namespace_name, namespace_name);

		order = order ? order : text_order(d->sort_name, sort_name);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
