// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A table of sets by their members; the cells of a set are copies of its members' own. */
#include "mesh-config/compile/identity_sets.h"

#include "mesh-config/compile/numbers.h"

#include "base/table.h"

#include <stdlib.h>
#include <string.h>

#define SETS_MAX (1u << 18)

struct identity_set {
	uint32_t numbers[WEFT_MESH_IDENTITIES]; /* the rest is NUMBER_NONE */
	uint32_t count;
	uint32_t first; /* cell */
	uint32_t holds;
};

struct identity_sets {
	struct cells *cells;
	const struct workload_ids *ids;
	struct table *table;
};

struct identity_sets *identity_sets_new(struct cells *c, const struct workload_ids *ids)
{
	struct identity_sets *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->cells = c;
	s->ids = ids;
	s->table = table_new(SETS_MAX, sizeof(struct identity_set),
			     sizeof(((struct identity_set *)0)->numbers), 6);
	if (s->table)
		return s;
	free(s);
	return NULL;
}

void identity_sets_free(struct identity_sets *s)
{
	if (!s)
		return;
	table_free(s->table);
	free(s);
}

static void write_set(const struct identity_sets *s, const struct identity_set *set)
{
	struct weft_mesh_identity cell;

	for (uint32_t i = 0; i < set->count; i++) {
		memcpy(&cell, cells_get(s->cells, workload_ids_cell(s->ids, set->numbers[i])),
		       sizeof(cell));
		cell.next = i + 1 < set->count ? set->first + i + 1 : 0;
		cells_put(s->cells, set->first + i, &cell);
	}
}

struct identity_set *identity_sets_hold(struct identity_sets *s, const uint32_t *numbers,
					uint32_t count)
{
	uint32_t key[WEFT_MESH_IDENTITIES];
	struct identity_set *set;

	memset(key, 0xff, sizeof(key)); /* NUMBER_NONE */
	memcpy(key, numbers, count * sizeof(*key));
	set = table_find(s->table, key);
	if (!set) {
		uint32_t first = cells_alloc(s->cells, count);

		set = first ? table_insert(s->table, key) : NULL;
		if (!set) {
			cells_release(s->cells, first, count);
			return NULL;
		}
		set->count = count;
		set->first = first;
		write_set(s, set);
	}
	set->holds++;
	return set;
}

void identity_sets_drop(struct identity_sets *s, struct identity_set *set)
{
	if (!set || --set->holds)
		return;
	cells_release(s->cells, set->first, set->count);
	table_remove(s->table, set);
}

uint32_t identity_set_cell(const struct identity_set *set)
{
	return set->first;
}

void identity_sets_write(const struct identity_sets *s)
{
	const struct identity_set *set;

	for (set = table_oldest(s->table); set; set = table_next(s->table, set))
		write_set(s, set);
}
