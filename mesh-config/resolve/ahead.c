// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One table says what is copied; the change that takes an incomplete copy completes it. */
#include "mesh-config/resolve/ahead.h"

#include "base/blocks.h"
#include "mesh-config/resolve/state.h"

#define PART_BYTES ((size_t)256 << 10)

/* What a change of endpoints, workloads or traffic takes over row by row. */
static const uint32_t copied[] = {
	ROWS_services,
#define X(field) ROWS_##field,
	SERVICE_PARTS(X)
#undef X
		AHEAD_WORK,
	ROWS_workloads,
	ROWS_addresses,
	ROWS_workload_ports,
	AHEAD_ADDRESSES,
};

#define COPIED (sizeof(copied) / sizeof(copied[0]))

/* |bytes| of it are there; a copy has more room, for rows to come. */
struct original {
	const void *items;
	size_t bytes, room_bytes;
};

static struct original rows_of(const struct mesh *m, enum mesh_array array)
{
	struct rows rows = mesh_rows(m, array);
	size_t row_bytes = rows_size_bytes(array);

	return (struct original){rows.items, rows.count * row_bytes,
				 rows_room(rows.count) * row_bytes};
}

static struct original original_of(const struct built *b, const struct mesh *m, uint32_t what)
{
	const struct lookup *l = &m->index->addresses;
	size_t work_bytes = (m->service_count + 1u) * sizeof(*b->work);

	if (what == AHEAD_WORK)
		return (struct original){b->work, work_bytes, work_bytes};
	if (what == AHEAD_ADDRESSES)
		return (struct original){l->slots, lookup_bytes(l), lookup_bytes(l)};
	return rows_of(m, (enum mesh_array)what);
}

/* ---- while nothing is to be built */

static bool copy_part(struct ahead_copy *c, const struct original *o, size_t most_bytes)
{
	size_t left = o->bytes - c->copied_bytes, part = left < most_bytes ? left : most_bytes;

	if (!c->block) {
		c->block = shared_new(o->room_bytes);
		c->room_bytes = o->room_bytes;
	}
	if (!c->block)
		return false;
	memcpy((char *)c->block + c->copied_bytes, (const char *)o->items + c->copied_bytes, part);
	c->copied_bytes += part;
	return true;
}

bool ahead_step(struct built *last)
{
	for (size_t i = 0; i < COPIED; i++) {
		struct ahead_copy *c = &last->ahead.copies[copied[i]];
		struct original o = original_of(last, last->mesh, copied[i]);

		if (c->copied_bytes < o.bytes)
			return copy_part(c, &o, PART_BYTES);
	}
	return blocks_trim();
}

static void drop(struct ahead_copy *c)
{
	shared_drop(c->block);
	*c = (struct ahead_copy){0};
}

void ahead_keep(struct built *last, const struct mesh *mesh)
{
	for (size_t i = 0; i < COPIED; i++) {
		uint32_t what = copied[i];
		struct original before = original_of(last, last->mesh, what);

		if (what == AHEAD_WORK || original_of(last, mesh, what).items != before.items)
			drop(&last->ahead.copies[what]);
	}
}

void ahead_free(struct ahead *a)
{
	for (size_t i = 0; i < COPIED; i++)
		drop(&a->copies[copied[i]]);
}

/* ---- in a build */

void *ahead_copy(struct resolve *r, uint32_t what)
{
	struct built *last = r->source->built;
	struct ahead_copy c = last->ahead.copies[what];
	struct original o = original_of(last, last->mesh, what);

	last->ahead.copies[what] = (struct ahead_copy){0};
	return o.items && copy_part(&c, &o, SIZE_MAX) ? c.block : NULL;
}

void *ahead_take(struct resolve *r, uint32_t what)
{
	return r->reuse && r->source->built->ahead.copies[what].block ? ahead_copy(r, what) : NULL;
}

bool ahead_rows(struct resolve *r, enum mesh_array array)
{
	struct rows *rows = &r->rows[array];
	size_t room_bytes = r->reuse ? r->source->built->ahead.copies[array].room_bytes : 0;

	rows->items = ahead_take(r, array);
	if (!rows->items)
		return false;
	rows->capacity = (uint32_t)(room_bytes / rows_size_bytes(array));
	rows->ahead_end = mesh_rows(r->source->built->mesh, array).count;
	return true;
}
