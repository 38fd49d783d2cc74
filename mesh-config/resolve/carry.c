// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rows of the last mesh in the new one: shared where a whole array is the same, else copied in runs
 * whose indexes move by what came or went before them. */
#include "mesh-config/resolve/reuse.h"

#include <stdlib.h>

static const struct mesh *last_mesh(const struct resolve *r)
{
	return r->reuse->last->mesh;
}

static void share(struct resolve *r, enum mesh_array array)
{
	struct rows rows = mesh_rows(last_mesh(r), array);

	shared_hold(rows.items);
	r->rows[array] = rows;
}

/* ---- services */

void services_carry(struct resolve *r)
{
	const struct mesh_index *last = last_mesh(r)->index;

	r->work = ahead_copy(r, AHEAD_WORK);
	if (!r->work) {
		r->failed = true;
		return;
	}
	rows_append(r, ROWS_services, last_mesh(r), 0, last_mesh(r)->service_count);
	rows_append(r, ROWS_service_hashes, last_mesh(r), 0, last_mesh(r)->service_count);
	share(r, ROWS_hosts);
	share(r, ROWS_vips);
	share(r, ROWS_ports);
	r->index->names = lookup_share(&last->names);
	r->index->hosts = lookup_share(&last->hosts);
	r->index->vip_ports = lookup_share(&last->vip_ports);
	r->index->host_services = shared_hold(last->host_services);
	r->index->has_networks = last->has_networks;
	r->index->shares = last->shares;
}

void stage_carry(struct resolve *r, enum resolve_stage stage)
{
	static const struct {
		enum resolve_stage stage;
		enum mesh_array array;
	} arrays[] = {
		{STAGE_ROUTES, ROWS_routes},	   {STAGE_ROUTES, ROWS_destinations},
		{STAGE_ROUTES, ROWS_prefixes},	   {STAGE_POLICIES, ROWS_policies},
		{STAGE_POLICIES, ROWS_rules},	   {STAGE_POLICIES, ROWS_clauses},
		{STAGE_POLICIES, ROWS_terms},	   {STAGE_POLICIES, ROWS_values},
		{STAGE_SIGNALS, ROWS_telemetries}, {STAGE_SIGNALS, ROWS_objectives},
	};

	for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++)
		if (arrays[i].stage == stage)
			share(r, arrays[i].array);
}

/* ---- endpoints */

/* How far the rows of a run of services move in each array. */
static bool parts_append(struct resolve *r, uint32_t first, uint32_t end, uint32_t *ret_moves)
{
	const struct service_work *last = r->reuse->last->work;
	bool moves = false;

#define X(field)                                                                                   \
	ret_moves[PART_##field] = ROWS_END(r, field) - last[first].first[PART_##field];            \
	moves |= ret_moves[PART_##field] != 0;                                                     \
	rows_append(r, ROWS_##field, last_mesh(r), last[first].first[PART_##field],                \
		    last[end].first[PART_##field]);
	SERVICE_PARTS(X)
#undef X
	return moves;
}

static void services_move(struct resolve *r, uint32_t first, uint32_t end, const uint32_t *moves)
{
	for (uint32_t i = first; i < end; i++) {
		struct mesh_service *s = &ROWS(r, services, struct mesh_service)[i];

		for (uint32_t part = 0; part < PART_COUNT; part++)
			r->work[i].first[part] += moves[part];
		s->endpoint_first += moves[PART_endpoints];
		s->traffic += s->traffic ? moves[PART_traffic] : 0;
		s->subset_first += r->work[i].rules_mark ? moves[PART_subsets] : 0;
	}
}

/* What was just appended refers to other rows that were. */
static void rows_move(struct resolve *r, const uint32_t *first, const uint32_t *moves)
{
	struct mesh_endpoint *endpoints = ROWS(r, endpoints, struct mesh_endpoint);
	struct mesh_subset *subsets = ROWS(r, subsets, struct mesh_subset);
	struct mesh_traffic *traffic = ROWS(r, traffic, struct mesh_traffic);
	uint32_t *members = ROWS(r, members, uint32_t);

	for (uint32_t i = first[PART_endpoints]; i < ROWS_END(r, endpoints); i++)
		endpoints[i].ports_first += moves[PART_target_ports];
	for (uint32_t i = first[PART_subsets]; i < ROWS_END(r, subsets); i++) {
		subsets[i].traffic += moves[PART_traffic];
		subsets[i].member_first += moves[PART_members];
	}
	for (uint32_t i = first[PART_members]; i < ROWS_END(r, members); i++)
		members[i] += moves[PART_endpoints];
	for (uint32_t i = first[PART_traffic]; i < ROWS_END(r, traffic); i++) {
		traffic[i].distribute_first +=
			traffic[i].distribute_count ? moves[PART_distributes] : 0;
		traffic[i].failover_first += traffic[i].failover_count ? moves[PART_failovers] : 0;
	}
}

void endpoints_carry(struct resolve *r, uint32_t first, uint32_t end)
{
	const uint32_t ends[] = {
#define X(field) [PART_##field] = ROWS_END(r, field),
		SERVICE_PARTS(X)
#undef X
	};
	const uint32_t *moved = r->reuse->moved;
	uint32_t moves[PART_COUNT];
	struct mesh_endpoint *e;

	if (first >= end || r->failed)
		return;
	if (parts_append(r, first, end, moves) && !r->failed) {
		services_move(r, first, end, moves);
		rows_move(r, ends, moves);
	}
	e = ROWS(r, endpoints, struct mesh_endpoint);
	for (uint32_t i = ends[PART_endpoints]; moved && i < ROWS_END(r, endpoints); i++)
		if (e[i].workload != MESH_NONE)
			e[i].workload = moved[e[i].workload];
}

/* ---- workloads */

static void workloads_append(struct resolve *r, uint32_t first, uint32_t end)
{
	const struct mesh *last = last_mesh(r);
	uint32_t at = ROWS_END(r, workloads), address_end = last->address_count, moves;
	uint32_t port_end = last->workload_port_count, port_moves;
	struct mesh_workload *w;

	if (first >= end)
		return;
	if (end < last->workload_count) {
		address_end = last->workloads[end].address_first;
		port_end = last->workloads[end].port_first;
	}
	moves = ROWS_END(r, addresses) - last->workloads[first].address_first;
	port_moves = ROWS_END(r, workload_ports) - last->workloads[first].port_first;
	rows_append(r, ROWS_workloads, last, first, end);
	rows_append(r, ROWS_workload_hashes, last, first, end);
	rows_append(r, ROWS_workload_ports, last, last->workloads[first].port_first, port_end);
	rows_append(r, ROWS_addresses, last, last->workloads[first].address_first, address_end);
	w = ROWS(r, workloads, struct mesh_workload);
	for (; (moves || port_moves) && at < ROWS_END(r, workloads) && !r->failed; at++) {
		w[at].address_first += moves;
		w[at].port_first += port_moves;
	}
}

static void workloads_make(struct resolve *r)
{
	uint32_t from = 0;

	for (uint32_t i = 0; i < r->reuse->workload_count && !r->failed; i++) {
		const struct reuse_workloads *u = &r->reuse->workloads[i];

		workloads_append(r, from, u->first);
		if (u->service == MESH_NONE)
			workload_make(r, u->draft);
		else if (u->sort == MADE_INLINE)
			inline_workloads_make(r, u->service);
		else
			bare_workload_make(r, u->service);
		from = u->first + u->count;
	}
	workloads_append(r, from, last_mesh(r)->workload_count);
}

/* Where those of |u| are now; those of objects are where they were. */
static struct workload_range range_now(const struct resolve *r, const struct reuse_workloads *u)
{
	return u->service == MESH_NONE ? (struct workload_range){u->first, u->count}
				       : r->work[u->service].made[u->sort];
}

static bool counts_differ(const struct resolve *r)
{
	bool differ = false;

	for (uint32_t i = 0; i < r->reuse->workload_count; i++)
		differ |=
			range_now(r, &r->reuse->workloads[i]).count != r->reuse->workloads[i].count;
	return differ;
}

/* Whether |a| has labels that |b| has not. */
static bool labels_come(const struct mesh_workload *a, uint32_t count,
			const struct mesh_workload *b, uint32_t other_count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = 0;

		while (at < other_count && b[at].labels != a[i].labels)
			at++;
		if (at == other_count)
			return true;
	}
	return false;
}

/* Warnings are about the labels that workloads of a namespace have. */
static void labels_compare(struct resolve *r)
{
	const struct mesh_workload *now = ROWS(r, workloads, struct mesh_workload);

	for (uint32_t i = 0; i < r->reuse->workload_count && !r->failed; i++) {
		const struct reuse_workloads *u = &r->reuse->workloads[i];
		const struct mesh_workload *last = &last_mesh(r)->workloads[u->first];
		struct workload_range w = range_now(r, u);

		if (labels_come(last, u->count, &now[w.first], w.count) ||
		    labels_come(&now[w.first], w.count, last, u->count))
			r->reuse->again[STAGE_WARNINGS] = true;
	}
}

/* How far rows move, one after another. */
struct mover {
	uint32_t at, moves;
};

static void rows_move_to(const struct resolve *r, struct mover *m, uint32_t end)
{
	for (; m->at < end; m->at++)
		r->reuse->moved[m->at] = m->at + m->moves;
}

/* All of one sort: of services that were made anew the place is known. */
static void sort_move(struct resolve *r, enum workload_sort sort, struct mover *m)
{
	const struct reuse *reuse = r->reuse;
	uint32_t service = 0;

	for (uint32_t i = 0; i < reuse->workload_count; i++) {
		const struct reuse_workloads *u = &reuse->workloads[i];

		if (u->service == MESH_NONE || u->sort != sort)
			continue;
		for (; service < u->service; service++)
			r->work[service].made[sort].first += m->moves;
		rows_move_to(r, m, u->first + u->count);
		m->moves += r->work[service++].made[sort].count - u->count;
	}
	for (; service < last_mesh(r)->service_count; service++)
		r->work[service].made[sort].first += m->moves;
}

/* Where the workloads of the last mesh are now. New ones are not looked up, unless only their place
 * differs. */
static void workloads_move(struct resolve *r)
{
	uint32_t count = last_mesh(r)->workload_count;
	struct mover m = {0};

	if (!counts_differ(r))
		return;
	r->reuse->moved = arena_array(&r->arena, uint32_t, count + 1u);
	r->failed |= !r->reuse->moved;
	if (!r->reuse->moved)
		return;
	for (enum workload_sort sort = 0; sort < MADE_COUNT; sort++)
		sort_move(r, sort, &m);
	rows_move_to(r, &m, count);
}

/* ---- addresses of workloads */

static int address_order(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(((struct mesh_address *)0)->address));
}

static void addresses_add(struct reuse_addresses *a, const struct mesh_workload *w, uint32_t count,
			  const struct mesh_address *addresses)
{
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < w[i].address_count; j++)
			a->items[a->count++] = addresses[w[i].address_first + j];
}

static struct ahead_end end_of(const uint8_t address[16])
{
	return (struct ahead_end){{address[14], address[15]}};
}

static uint32_t filter_bit(struct ahead_end end)
{
	return (uint32_t)end.bytes[0] << 8 | end.bytes[1];
}

/* Whether an address with this end may be there. Asked of every address of the mesh. */
static inline bool addresses_may_have(const struct reuse_addresses *a, struct ahead_end end)
{
	return a->filter[filter_bit(end) / 64] >> filter_bit(end) % 64 & 1;
}

static bool addresses_have(const struct reuse_addresses *a, const uint8_t address[16])
{
	return addresses_may_have(a, end_of(address)) &&
	       bsearch(address, a->items, a->count, sizeof(*a->items), address_order);
}

static void addresses_sort(struct reuse_addresses *a)
{
	uint32_t kept = 0;

	qsort(a->items, a->count, sizeof(*a->items), address_order);
	for (uint32_t i = 0; i < a->count; i++) {
		uint32_t bit = filter_bit(end_of(a->items[i].address));

		if (!kept || address_order(&a->items[kept - 1], &a->items[i]))
			a->items[kept++] = a->items[i];
		a->filter[bit / 64] |= 1ull << bit % 64;
	}
	a->count = kept;
}

/* How many addresses those that are made anew had and have. */
static uint32_t addresses_count(const struct resolve *r)
{
	const struct mesh_workload *now = ROWS(r, workloads, struct mesh_workload);
	uint32_t count = 0;

	for (uint32_t i = 0; i < r->reuse->workload_count; i++) {
		const struct reuse_workloads *u = &r->reuse->workloads[i];
		struct workload_range w = range_now(r, u);

		for (uint32_t j = 0; j < u->count; j++)
			count += last_mesh(r)->workloads[u->first + j].address_count;
		for (uint32_t j = 0; j < w.count; j++)
			count += now[w.first + j].address_count;
	}
	return count;
}

/* The addresses that workloads which differ had or have. */
static void addresses_collect(struct resolve *r)
{
	const struct mesh_workload *now = ROWS(r, workloads, struct mesh_workload);
	struct reuse_addresses *a = &r->reuse->addresses;
	uint32_t most = r->failed ? 0 : addresses_count(r);

	a->items = arena_array(&r->arena, struct mesh_address, most + 1u);
	a->filter = arena_array(&r->arena, uint64_t, (UINT16_MAX + 1u) / 64);
	r->failed |= !a->items || !a->filter;
	for (uint32_t i = 0; i < r->reuse->workload_count && !r->failed; i++) {
		const struct reuse_workloads *u = &r->reuse->workloads[i];
		struct workload_range w = range_now(r, u);
		uint32_t before = a->count;

		if (!u->differ)
			continue;
		addresses_add(a, &last_mesh(r)->workloads[u->first], u->count,
			      last_mesh(r)->addresses);
		a->last_count += a->count - before;
		addresses_add(a, &now[w.first], w.count, ROWS(r, addresses, struct mesh_address));
	}
	if (!r->failed)
		addresses_sort(a);
}

/* Whose the row |address| is. */
static uint32_t address_owner(const struct resolve *r, uint32_t address)
{
	const struct mesh_workload *w = ROWS(r, workloads, struct mesh_workload);
	uint32_t low = 0, high = ROWS_END(r, workloads);

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (w[middle].address_first <= address)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static bool last_same(const void *arg, uint32_t value, const void *key)
{
	return mesh_workload_has(arg, value, key);
}

/* Whether a workload that is not made anew has one of the addresses, too. */
static bool others_have(struct resolve *r)
{
	const struct reuse_addresses *a = &r->reuse->addresses;
	const struct mesh *last = last_mesh(r);
	struct ahead_end *ends = a->count ? ahead_copy(r, AHEAD_ADDRESS_ENDS) : NULL;
	uint32_t count = 0;

	for (uint32_t i = 0; ends && i < last->address_count; i++)
		count += addresses_may_have(a, ends[i]) &&
			 addresses_have(a, last->addresses[i].address);
	shared_drop(ends);
	return a->count && (!ends || count != a->last_count);
}

static void others_index(struct resolve *r)
{
	const struct mesh_address *rows = ROWS(r, addresses, struct mesh_address);

	for (uint32_t i = 0; i < ROWS_END(r, addresses); i++)
		if (addresses_have(&r->reuse->addresses, rows[i].address))
			address_index(r, rows[i].address, address_owner(r, i));
}

/* Those that are made anew alone have these addresses. */
static void own_index(struct resolve *r)
{
	const struct mesh_workload *w = ROWS(r, workloads, struct mesh_workload);
	const struct mesh_address *rows = ROWS(r, addresses, struct mesh_address);

	for (uint32_t i = 0; i < r->reuse->workload_count; i++) {
		struct workload_range range = range_now(r, &r->reuse->workloads[i]);

		if (!r->reuse->workloads[i].differ)
			continue;
		for (uint32_t j = range.first; j < range.first + range.count; j++)
			for (uint32_t k = 0; k < w[j].address_count; k++)
				address_index(r, rows[w[j].address_first + k].address, j);
	}
}

static void addresses_index(struct resolve *r)
{
	const struct reuse_addresses *a = &r->reuse->addresses;
	const struct mesh *last = last_mesh(r);
	struct lookup *l = &r->index->addresses;

	if (!lookup_copy(l, &last->index->addresses, ROWS_END(r, addresses),
			 ahead_take(r, AHEAD_ADDRESSES))) {
		resolve_addresses(r);
		return;
	}
	for (uint32_t i = 0; i < a->count; i++)
		lookup_remove(l, table_hash(&a->items[i], 16, 0), last_same, last, &a->items[i]);
	for (uint32_t i = 0; i <= l->mask && r->reuse->moved; i++)
		if (l->slots[i].value != MESH_NONE)
			l->slots[i].value = r->reuse->moved[l->slots[i].value];
	if (others_have(r))
		others_index(r);
	else
		own_index(r);
}

/* Endpoints know the workload at their address. */
static void endpoints_touch(struct resolve *r)
{
	const struct reuse_addresses *a = &r->reuse->addresses;
	const struct mesh *last = last_mesh(r);
	struct ahead_end *ends;

	if (!a->count || !last->endpoint_count)
		return;
	ends = ahead_copy(r, AHEAD_ENDPOINT_ENDS);
	r->failed |= !ends;
	for (uint32_t i = 0; ends && i < last->endpoint_count; i++)
		if (addresses_may_have(a, ends[i]) && addresses_have(a, last->endpoints[i].address))
			reuse_touch(r->reuse, last->endpoints[i].service);
	shared_drop(ends);
}

/* Others may have come to an address, or have left it, that these were made without knowing. */
static void bare_check(struct resolve *r)
{
	const struct mesh_workload *rows = ROWS(r, workloads, struct mesh_workload);
	const uint64_t *hashes = ROWS(r, workload_hashes, uint64_t);

	for (uint32_t i = 0; i < ROWS_END(r, services) && !r->failed; i++) {
		const struct workload_range *w = &r->work[i].made[MADE_BARE];
		bool like;

		if (r->reuse->is_touched[i] &&
		    !bare_workload_same(r, i, w->count ? &rows[w->first] : NULL,
					w->count ? hashes[w->first] : 0, &like))
			r->reuse->impossible = true;
	}
}

void workloads_carry(struct resolve *r)
{
	share(r, ROWS_matchers); /* of the kind Workload only */
	if (!r->reuse->workload_count) {
		share(r, ROWS_workloads);
		share(r, ROWS_workload_hashes);
		share(r, ROWS_addresses);
		share(r, ROWS_workload_ports);
		r->index->addresses = lookup_share(&last_mesh(r)->index->addresses);
		return;
	}
	workloads_make(r);
	labels_compare(r);
	workloads_move(r);
	addresses_collect(r);
	if (r->failed)
		return;
	addresses_index(r);
	endpoints_touch(r);
	bare_check(r);
}
