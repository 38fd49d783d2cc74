// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Picks by port and health, then places by locality: weights (distribute) or tiers (failover). */
#include "mesh-config/compile/balance.h"

#include "mesh-config/compile/alias.h"

#include <stdlib.h>
#include <string.h>

#define NOWHERE 0xff /* a tier that is not kept */
#define LEVELS	6    /* node, subzone, zone, region, the region to fail over to, others */

const struct mesh_traffic *balance_traffic(const struct mesh *m, const struct balance_pool *pool)
{
	uint32_t index = pool->subset == MESH_NONE ? m->services[pool->service].traffic
						   : m->subsets[pool->subset].traffic;

	return &m->traffic[index];
}

/* ---- who */

static uint32_t candidate_count(const struct mesh *m, const struct balance_pool *pool)
{
	return pool->subset == MESH_NONE ? m->services[pool->service].endpoint_count
					 : m->subsets[pool->subset].member_count;
}

static uint32_t candidate(const struct mesh *m, const struct balance_pool *pool, uint32_t i)
{
	return pool->subset == MESH_NONE ? m->services[pool->service].endpoint_first + i
					 : m->members[m->subsets[pool->subset].member_first + i];
}

static uint32_t pick(const struct mesh *m, const struct balance_pool *pool, uint8_t health,
		     struct balance_member *members)
{
	uint32_t candidates = candidate_count(m, pool), count = 0, index;
	const struct mesh_endpoint *e;
	uint16_t port;

	for (uint32_t i = 0; i < candidates; i++) {
		index = candidate(m, pool, i);
		e = &m->endpoints[index];
		port = m->target_ports[e->ports_first + pool->port];
		if (e->health == health && port)
			members[count++] = (struct balance_member){
				.endpoint = index, .port = port, .weight = e->weight};
	}
	return count;
}

/* ---- how much: distribute */

static bool part_matches(const char *pattern, const char *part, bool *ret_all)
{
	*ret_all = !strcmp(pattern, "*");
	return *ret_all || !strcmp(pattern, part);
}

/* A pattern that ends early matches what lies below it. */
static bool locality_matches(const struct mesh_locality *pattern, const struct mesh_locality *l)
{
	const char *patterns[] = {pattern->region, pattern->zone, pattern->subzone};
	const char *parts[] = {l->region, l->zone, l->subzone};
	bool all;

	for (unsigned i = 0; i < 3; i++) {
		if (i && !patterns[i][0])
			return true;
		if (!part_matches(patterns[i], parts[i], &all))
			return false;
		if (all)
			return true;
	}
	return true;
}

static bool same_locality(const struct mesh_locality *a, const struct mesh_locality *b)
{
	return !strcmp(a->region, b->region) && !strcmp(a->zone, b->zone) &&
	       !strcmp(a->subzone, b->subzone);
}

/* The rows whose |from| is where this node is: a range of distributes. */
static uint32_t rows_from_here(const struct mesh *m, const struct mesh_traffic *t,
			       const struct mesh_distribute **ret_rows)
{
	const struct mesh_distribute *row = m->distributes + t->distribute_first;
	const struct mesh_distribute *end = row + t->distribute_count;
	uint32_t count = 0;

	while (row < end && !locality_matches(&row->from, m->settings.node_locality))
		row++;
	*ret_rows = row;
	while (row + count < end && same_locality(&row->from, &row[count].from))
		count++;
	return count;
}

static bool in_row(const struct mesh *m, const struct mesh_distribute *row,
		   const struct balance_member *member)
{
	return member->tier == NOWHERE &&
	       locality_matches(&row->to, m->endpoints[member->endpoint].locality);
}

/* Shares the weight of one row out among its endpoints that no earlier row has. */
static void distribute_row(const struct mesh *m, const struct mesh_distribute *row, uint16_t group,
			   struct balance_member *members, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		if (in_row(m, row, &members[i]))
			sum += members[i].weight;
	for (uint32_t i = 0; sum && i < count; i++) {
		if (!in_row(m, row, &members[i]))
			continue;
		members[i].tier = 0;
		members[i].group = group;
		members[i].weight = (uint64_t)((unsigned __int128)row->weight * members[i].weight *
					       (ALIAS_WEIGHT_MAX >> 8) / sum);
	}
}

static void distribute(const struct mesh *m, const struct mesh_distribute *rows, uint32_t row_count,
		       struct balance_member *members, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		members[i].tier = NOWHERE;
	for (uint32_t i = 0; i < row_count; i++)
		distribute_row(m, &rows[i], (uint16_t)i, members, count);
	for (uint32_t i = 0; i < count; i++)
		if (!members[i].weight)
			members[i].tier = NOWHERE;
}

/* ---- in which order: failover */

static const char *failover_region(const struct mesh *m, const struct mesh_traffic *t,
				   const char *from)
{
	for (uint32_t i = 0; i < t->failover_count; i++)
		if (!strcmp(m->failovers[t->failover_first + i].from_region, from))
			return m->failovers[t->failover_first + i].to_region;
	return NULL;
}

static uint8_t nearness(const struct mesh_locality *here, const struct mesh_locality *there,
			const char *next_region)
{
	if (strcmp(here->region, there->region) != 0)
		return !next_region || !strcmp(next_region, there->region) ? 3 : 4;
	if (strcmp(here->zone, there->zone) != 0)
		return 2;
	return strcmp(here->subzone, there->subzone) != 0;
}

/* Levels to tiers without a gap; what does not fit is in the last. */
static void close_gaps(struct balance_member *members, uint32_t count)
{
	uint8_t tier_of[LEVELS] = {0}, tiers = 0;
	bool used[LEVELS] = {false};

	for (uint32_t i = 0; i < count; i++)
		used[members[i].tier] = true;
	for (unsigned i = 0; i < LEVELS; i++) {
		tier_of[i] = tiers < WEFT_POOL_TIERS ? tiers : WEFT_POOL_TIERS - 1;
		tiers += used[i];
	}
	for (uint32_t i = 0; i < count; i++)
		members[i].tier = tier_of[members[i].tier];
}

static void failover(const struct mesh *m, const struct mesh_traffic *t, uint8_t prefers,
		     struct balance_member *members, uint32_t count)
{
	const struct mesh_locality *here = m->settings.node_locality;
	const char *next_region = failover_region(m, t, here->region);

	for (uint32_t i = 0; i < count; i++) {
		const struct mesh_endpoint *e = &m->endpoints[members[i].endpoint];

		members[i].tier = 0;
		if (prefers != MESH_PREFER_NODE || !e->local_node)
			members[i].tier = 1 + nearness(here, e->locality, next_region);
	}
	close_gaps(members, count);
}

/* Whether this node knows enough of where it is, and nearer ones go first. */
static bool nearest_first(const struct mesh *m, const struct mesh_traffic *t, uint8_t prefers)
{
	if (prefers == MESH_PREFER_NODE && m->settings.node_name[0])
		return true;
	return m->settings.node_locality->region[0] && (prefers || mesh_fails_over(t));
}

static int compare_members(const void *left, const void *right)
{
	const struct balance_member *a = left, *b = right;

	if (a->tier != b->tier)
		return a->tier - b->tier;
	if (a->group != b->group)
		return a->group - b->group;
	return a->endpoint < b->endpoint ? -1 : a->endpoint > b->endpoint;
}

/* Drops what is nowhere. */
static uint32_t sort_by_tier(struct balance_member *members, uint32_t count)
{
	qsort(members, count, sizeof(*members), compare_members);
	while (count && members[count - 1].tier == NOWHERE)
		count--;
	return count;
}

uint32_t balance_members(const struct mesh *m, const struct balance_pool *pool,
			 struct balance_member *ret_members)
{
	const struct mesh_traffic *t = balance_traffic(m, pool);
	uint8_t prefers =
		t->locality_written ? MESH_PREFER_NONE : m->services[pool->service].prefers;
	uint32_t count = pick(m, pool, MESH_READY, ret_members), row_count;
	const struct mesh_distribute *rows;

	if (!count)
		count = pick(m, pool, MESH_DRAINING, ret_members);
	row_count = rows_from_here(m, t, &rows);
	if (row_count)
		distribute(m, rows, row_count, ret_members, count);
	else if (nearest_first(m, t, prefers))
		failover(m, t, prefers, ret_members, count);
	else
		return count;
	return sort_by_tier(ret_members, count);
}
