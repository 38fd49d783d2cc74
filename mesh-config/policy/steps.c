// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Cells of policy steps: a growing array with an index over contents. */
#include "mesh-config/policy/steps.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

#define CELL_BYTES  sizeof(struct weft_mesh_step)
#define CELLS_FIRST 1024u

int steps_init(struct steps *s)
{
	*s = (struct steps){.base = 1, .slot_mask = 2 * CELLS_FIRST - 1};
	s->slots = calloc(s->slot_mask + 1, sizeof(*s->slots));
	return s->slots ? 0 : -ENOMEM;
}

void steps_free(struct steps *s)
{
	free(s->cells);
	free(s->lengths);
	free(s->slots);
	*s = (struct steps){0};
}

/* Something to look for: a step, or a run of value cells. */
struct run {
	const struct weft_mesh_step *cells;
	uint32_t count;
	bool values;
};

static bool is_at(const struct steps *s, const struct run *r, uint32_t first)
{
	if (first + r->count > s->count ||
	    memcmp(&s->cells[first], r->cells, r->count * CELL_BYTES))
		return false;
	for (uint32_t i = 0; i < r->count; i++)
		if (!s->lengths[first + i] != r->values)
			return false;
	return true;
}

/* Where the run is, or the empty slot where it belongs. A slot knows the first cell of a run. */
static uint32_t *slot_of(const struct steps *s, const struct run *r)
{
	uint64_t at = table_hash(r->cells, r->count * CELL_BYTES, r->values);

	while (s->slots[at & s->slot_mask] && !is_at(s, r, s->slots[at & s->slot_mask] - 1))
		at++;
	return &s->slots[at & s->slot_mask];
}

/* Twice the slots, filled anew by single cells. Longer runs are not found again: they are only put
 * once more. */
static int slots_grow(struct steps *s)
{
	uint32_t mask = 2 * s->slot_mask + 1;
	uint32_t *slots = calloc(mask + 1, sizeof(*slots)), *slot;

	if (!slots)
		return -ENOMEM;
	free(s->slots);
	s->slots = slots;
	s->slot_mask = mask;
	for (uint32_t i = 0; i < s->count; i++) {
		slot = slot_of(s, &(struct run){&s->cells[i], 1, !s->lengths[i]});
		if (!*slot)
			*slot = i + 1;
	}
	return 0;
}

static int grow(struct steps *s, uint32_t count)
{
	uint32_t capacity = s->capacity ? s->capacity : CELLS_FIRST;
	struct weft_mesh_step *cells;
	uint32_t *lengths;

	if (count > STEPS_CELLS_MAX - s->count)
		return -E2BIG;
	while (capacity < s->count + count)
		capacity *= 2;
	if (capacity > s->capacity) {
		cells = realloc(s->cells, capacity * CELL_BYTES);
		if (!cells)
			return -ENOMEM;
		s->cells = cells;
		lengths = realloc(s->lengths, capacity * sizeof(*lengths));
		if (!lengths)
			return -ENOMEM;
		s->lengths = lengths;
		s->capacity = capacity;
	}
	while (2 * (s->count + count) > s->slot_mask)
		if (slots_grow(s))
			return -ENOMEM;
	return 0;
}

static uint32_t run_put(struct steps *s, const struct run *r, uint32_t length)
{
	uint32_t *slot, first;

	if (s->error)
		return 0;
	slot = slot_of(s, r);
	if (*slot)
		return s->base + *slot - 1;
	s->error = grow(s, r->count);
	if (s->error)
		return 0;
	slot = slot_of(s, r);
	first = s->count;
	memcpy(&s->cells[first], r->cells, r->count * CELL_BYTES);
	for (uint32_t i = 0; i < r->count; i++)
		s->lengths[first + i] = length;
	s->count += r->count;
	*slot = first + 1;
	return s->base + first;
}

uint32_t steps_put_values(struct steps *s, const struct weft_mesh_step *cells, uint32_t count)
{
	return run_put(s, &(struct run){cells, count, true}, 0);
}

uint32_t steps_put(struct steps *s, const struct weft_mesh_step *step)
{
	uint32_t yes = steps_length(s, step->yes), no = steps_length(s, step->no);

	return run_put(s, &(struct run){step, 1, false}, 1 + (yes > no ? yes : no));
}

uint32_t steps_length(const struct steps *s, uint32_t step)
{
	return step ? s->lengths[step - s->base] : 0;
}

static void move(uint32_t *cell, uint32_t by)
{
	if (*cell)
		*cell += by;
}

void steps_move(struct steps *s, uint32_t base)
{
	uint32_t by = base - s->base;

	for (uint32_t i = 0; i < s->count; i++) {
		if (!s->lengths[i])
			continue;
		move(&s->cells[i].yes, by);
		move(&s->cells[i].no, by);
		move(&s->cells[i].first, by);
	}
	s->base = base;
}
