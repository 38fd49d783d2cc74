// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One table says what is copied; the change that takes an incomplete copy completes it. */
#include "mesh-config/resolve/ahead.h"

#include "base/blocks.h"
#include "mesh-config/resolve/state.h"

#define PART_BYTES ((size_t)256 << 10)

/* What every change of endpoints or traffic takes over row by row; then what some take, which is
 * copied once one of them came. */
static const struct {
	uint32_t what;
	bool at_once;
} copied[] = {
	{ROWS_services, true},
	{ROWS_service_hashes, true},
#define X(field) {ROWS_##field, true},
	SERVICE_PARTS(X)
#undef X
		{AHEAD_WORK, true},
	{ROWS_workloads, false},
	{ROWS_workload_hashes, false},
	{ROWS_addresses, false},
	{ROWS_workload_ports, false},
	{AHEAD_ADDRESSES, false},
	{AHEAD_ENDPOINT_ENDS, false},
	{AHEAD_ADDRESS_ENDS, false},
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

static struct original ends_of(const void *rows, uint32_t count)
{
	size_t bytes = count * sizeof(struct ahead_end);

	return (struct original){rows, bytes, bytes};
}

static struct original original_of(const struct built *b, const struct mesh *m, uint32_t what)
{
	const struct lookup *l = &m->index->addresses;
	size_t work_bytes = (m->service_count + 1u) * sizeof(*b->work);

	if (what == AHEAD_WORK)
		return (struct original){b->work, work_bytes, work_bytes};
	if (what == AHEAD_ADDRESSES)
		return (struct original){l->slots, lookup_bytes(l), lookup_bytes(l)};
	if (what == AHEAD_ENDPOINT_ENDS)
		return ends_of(m->endpoints, m->endpoint_count);
	if (what == AHEAD_ADDRESS_ENDS)
		return ends_of(m->addresses, m->address_count);
	return rows_of(m, (enum mesh_array)what);
}

/* ---- while nothing is to be built */

static void ends_copy(struct ahead_end *to, const char *rows, size_t row_bytes, size_t first,
		      size_t end)
{
	for (size_t i = first; i < end; i++)
		memcpy(&to[i], rows + i * row_bytes + 16 - sizeof(*to), sizeof(*to));
}

/* The bytes from |at| on, |size| of them. */
static void copy_bytes(uint32_t what, char *to, const char *items, size_t at, size_t size)
{
	size_t first = at / sizeof(struct ahead_end), end = (at + size) / sizeof(struct ahead_end);

	_Static_assert(!offsetof(struct mesh_endpoint, address), "ends_copy looks there");
	_Static_assert(!offsetof(struct mesh_address, address), "and there");
	if (what == AHEAD_ENDPOINT_ENDS)
		ends_copy((struct ahead_end *)to, items, sizeof(struct mesh_endpoint), first, end);
	else if (what == AHEAD_ADDRESS_ENDS)
		ends_copy((struct ahead_end *)to, items, sizeof(struct mesh_address), first, end);
	else
		memcpy(to + at, items + at, size);
}

static bool copy_part(uint32_t what, struct ahead_copy *c, const struct original *o,
		      size_t most_bytes)
{
	size_t left = o->bytes - c->copied_bytes, part = left < most_bytes ? left : most_bytes;

	if (!c->block) {
		c->block = shared_new(o->room_bytes);
		c->room_bytes = o->room_bytes;
	}
	if (!c->block)
		return false;
	copy_bytes(what, c->block, o->items, c->copied_bytes, part);
	c->copied_bytes += part;
	return true;
}

bool ahead_step(struct built *last)
{
	for (size_t i = 0; i < COPIED; i++) {
		uint32_t what = copied[i].what;
		struct ahead_copy *c = &last->ahead.copies[what];
		struct original o = original_of(last, last->mesh, what);

		if ((copied[i].at_once || c->wanted) && c->copied_bytes < o.bytes)
			return copy_part(what, c, &o, PART_BYTES);
	}
	return blocks_trim();
}

static void drop(struct ahead_copy *c)
{
	shared_drop(c->block);
	*c = (struct ahead_copy){.wanted = c->wanted};
}

void ahead_keep(struct built *last, const struct mesh *mesh)
{
	for (size_t i = 0; i < COPIED; i++) {
		uint32_t what = copied[i].what;
		struct original before = original_of(last, last->mesh, what);

		if (what == AHEAD_WORK || original_of(last, mesh, what).items != before.items)
			drop(&last->ahead.copies[what]);
	}
}

void ahead_free(struct ahead *a)
{
	for (size_t i = 0; i < COPIED; i++)
		drop(&a->copies[copied[i].what]);
}

/* ---- in a build */

void *ahead_copy(struct resolve *r, uint32_t what)
{
	struct built *last = r->source->built;
	struct ahead_copy c = last->ahead.copies[what];
	struct original o = original_of(last, last->mesh, what);

	last->ahead.copies[what] = (struct ahead_copy){.wanted = true};
	return o.items && copy_part(what, &c, &o, SIZE_MAX) ? c.block : NULL;
}

void *ahead_take(struct resolve *r, uint32_t what)
{
	struct ahead_copy *c = r->reuse ? &r->source->built->ahead.copies[what] : NULL;

	if (c)
		c->wanted = true;
	return c && c->block ? ahead_copy(r, what) : NULL;
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
