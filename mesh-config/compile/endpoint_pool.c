// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Members in tiers, each tier with its alias table. */
#include "mesh-config/compile/endpoint_pool.h"

#include "mesh-config/compile/alias.h"
#include "mesh-config/compile/keys.h"
#include "mesh-config/compile/maglev.h"

#include "base/cleanup.h"

#include <errno.h>

#define SLOTS_IN_CELL	 (WEFT_MESH_CELL_BYTES / sizeof(uint32_t))
#define MAGLEV_SLOTS_MAX (16u << 20) /* of all pools together: 64 MiB */

struct members {
	struct balance_member *items;
	uint32_t count;
};

static uint8_t balance_of(uint8_t balance)
{
	static const uint8_t ways[] = {
		[MESH_BALANCE_RANDOM] = WEFT_BALANCE_RANDOM,
		[MESH_BALANCE_ROUND_ROBIN] = WEFT_BALANCE_ROUND_ROBIN,
		[MESH_BALANCE_LEAST_REQUEST] = WEFT_BALANCE_LEAST,
		[MESH_BALANCE_MAGLEV_SOURCE] = WEFT_BALANCE_MAGLEV,
		[MESH_BALANCE_PASSTHROUGH] =
			WEFT_BALANCE_RANDOM, /* of a subset: it is in the way */
	};

	return ways[balance];
}

static uint64_t weight_max(const struct members *m)
{
	uint64_t max = 1;

	for (uint32_t i = 0; i < m->count; i++)
		if (m->items[i].weight > max)
			max = m->items[i].weight;
	return max;
}

/* Weights in 16 bits; those that fit stay as they are. */
static uint16_t scale(uint64_t weight, uint64_t max)
{
	uint64_t scaled = max <= UINT16_MAX ? weight : weight * UINT16_MAX / max;

	return (uint16_t)(scaled ? scaled : 1);
}

/* ---- endpoints */

static void fill_endpoint(const struct compile_context *c, const struct balance_pool *of,
			  const struct balance_member *member, struct weft_mesh_endpoint *ret)
{
	const struct mesh_endpoint *e = &c->mesh->endpoints[member->endpoint];
	uint32_t owner = c->services[of->service]->number;

	memcpy(ret->addr, e->address, sizeof(ret->addr));
	ret->port = member->port;
	ret->state = compile_endpoint_number(c, member->endpoint, of->port);
	ret->service = slots_find(&c->state_cells, owner);
	if (e->workload != MESH_NONE)
		ret->identity = workload_ids_cell(c->ids, workload_ids_number(c->ids, e->workload));
}

static int fill_tier(const struct members *tier, uint64_t max, struct weft_mesh_endpoint *cells)
{
	cleanup_free uint64_t *weights = malloc(tier->count * sizeof(*weights));
	cleanup_free struct alias *table = malloc(tier->count * sizeof(*table));
	int r = -ENOMEM;

	if (!weights || !table)
		return r;
	for (uint32_t i = 0; i < tier->count; i++)
		weights[i] = tier->items[i].weight;
	r = alias_build(weights, tier->count, table);
	for (uint32_t i = 0; !r && i < tier->count; i++) {
		cells[i].weight = scale(weights[i], max);
		cells[i].keep = table[i].keep;
		cells[i].alias = table[i].alias;
	}
	return r;
}

/* Which of |cells|, all of a tier that begins with number |first| of the pool, are a group. */
static void fill_groups(const struct members *tier, uint32_t first,
			struct weft_mesh_endpoint *cells)
{
	for (uint32_t begin = 0, end; begin < tier->count; begin = end) {
		uint32_t unit = UINT16_MAX;

		for (end = begin;
		     end < tier->count && tier->items[end].group == tier->items[begin].group; end++)
			unit = cells[end].weight < unit ? cells[end].weight : unit;
		for (uint32_t i = begin; i < end; i++) {
			cells[i].group.first = first + begin;
			cells[i].group.endpoints = end - begin;
			cells[i].group.unit = unit;
		}
	}
}

static int fill_tiers(const struct members *m, struct weft_mesh_pool *pool,
		      struct weft_mesh_endpoint *cells)
{
	uint64_t max = weight_max(m);
	struct members tier;
	int r = 0;

	for (uint32_t first = 0, end; !r && first < m->count; first = end) {
		for (end = first; end < m->count && m->items[end].tier == m->items[first].tier;)
			end++;
		tier = (struct members){m->items + first, end - first};
		pool->tier[pool->tiers].first = first;
		pool->tier[pool->tiers++].endpoints = tier.count;
		r = fill_tier(&tier, max, cells + first);
		fill_groups(&tier, first, cells + first);
	}
	return r;
}

static int add_endpoints(const struct compile_context *c, struct cell_builder *builder,
			 const struct balance_pool *of, const struct members *m,
			 struct weft_mesh_pool *ret)
{
	struct weft_mesh_endpoint *cells;

	ret->endpoints = m->count;
	ret->first = cell_builder_add(builder, m->count);
	if (builder->error)
		return builder->error;
	cells = cell_builder_at(builder, ret->first);
	for (uint32_t i = 0; i < m->count; i++)
		fill_endpoint(c, of, &m->items[i], &cells[i]);
	return fill_tiers(m, ret, cells);
}

/* ---- Maglev */

static bool uses_maglev(const struct mesh *m, const struct mesh_service *s)
{
	bool uses = m->traffic[s->traffic].balance == MESH_BALANCE_MAGLEV_SOURCE;

	for (uint32_t i = 0; !uses && i < s->subset_count; i++)
		uses = m->traffic[m->subsets[s->subset_first + i].traffic].balance ==
		       MESH_BALANCE_MAGLEV_SOURCE;
	return uses;
}

uint32_t maglev_most(const struct mesh *m)
{
	uint64_t tables = 0;
	uint32_t most;

	for (uint32_t i = 0; i < m->service_count; i++)
		if (uses_maglev(m, &m->services[i]))
			tables += m->services[i].port_count *
				  (m->services[i].subset_count + (uint64_t)1);
	most = tables ? (uint32_t)(MAGLEV_SLOTS_MAX / tables) : MAGLEV_SLOTS_MAX;
	return most < 65537 ? most : MAGLEV_SLOTS_MAX;
}

static int add_maglev(const struct compile_context *c, struct cell_builder *builder,
		      const struct members *tier, uint32_t slots, struct weft_mesh_pool *ret)
{
	cleanup_free struct maglev_member *members = calloc(tier->count, sizeof(*members));
	uint64_t max = weight_max(tier);
	const struct mesh_endpoint *e;

	if (!members)
		return -ENOMEM;
	for (uint32_t i = 0; i < tier->count; i++) {
		e = &c->mesh->endpoints[tier->items[i].endpoint];
		members[i].key = key_add_number(key_add(1, e->address, sizeof(e->address)),
						tier->items[i].port);
		members[i].weight = scale(tier->items[i].weight, max);
	}
	ret->maglev =
		cell_builder_add(builder, (uint32_t)((slots + SLOTS_IN_CELL - 1) / SLOTS_IN_CELL));
	ret->maglev_slots = slots;
	return builder->error ? builder->error
			      : maglev_build(members, tier->count, slots,
					     cell_builder_at(builder, ret->maglev));
}

/* ---- all */

static int find_members(const struct compile_context *c, const struct balance_pool *of,
			struct members *ret)
{
	ret->count = 0;
	ret->items = calloc(c->mesh->services[of->service].endpoint_count + 1, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	if (of->port != MESH_NONE)
		ret->count = balance_members(c->mesh, of, ret->items);
	return 0;
}

int compile_pool(const struct compile_context *c, struct cell_builder *builder,
		 const struct balance_pool *of, struct weft_mesh_pool *ret)
{
	const struct mesh_traffic *t = balance_traffic(c->mesh, of);
	struct members m, nearest;
	uint32_t slots;
	int r = find_members(c, of, &m);

	ret->balance = balance_of(t->balance);
	ret->min_health_percent = t->outlier.min_health_percent;
	ret->subset = WEFT_NUMBER_NONE;
	if (of->subset != MESH_NONE)
		ret->subset = of->subset - c->mesh->services[of->service].subset_first;
	if (!r)
		r = add_endpoints(c, builder, of, &m, ret);
	slots = t->maglev_size <= c->maglev_most ? t->maglev_size : maglev_prime(c->maglev_most);
	nearest = (struct members){m.items, ret->tier[0].endpoints};
	if (!r && m.count && slots && ret->balance == WEFT_BALANCE_MAGLEV)
		r = add_maglev(c, builder, &nearest, slots, ret);
	free(m.items);
	return r;
}
