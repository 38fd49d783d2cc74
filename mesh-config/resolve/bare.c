// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Endpoints of which no more is known than an address and the namespace of their service: those of
 * a service are one workload without name, labels and account, so that policies of the namespace
 * and of the mesh hold for them. */
#include "mesh-config/resolve/reuse.h"

#include <stdlib.h>

struct bare_list {
	struct mesh_address *items; /* NULL: they are counted only */
	uint32_t count;
};

static void list_add(struct bare_list *l, const uint8_t address[16])
{
	if (l->items)
		memcpy(l->items[l->count].address, address, sizeof(l->items->address));
	l->count++;
}

/* ---- what others say of an address */

/* Matchers of a prefix alone come last. */
static bool prefix_has(const struct resolve *r, const uint8_t address[16])
{
	const struct mesh_matcher *m = ROWS(r, matchers, struct mesh_matcher);

	for (uint32_t end = ROWS_END(r, matchers); end; end--) {
		if (!mesh_matcher_is_prefix(&m[end - 1]))
			return false;
		if (mesh_prefix_has(&m[end - 1].prefix, address))
			return true;
	}
	return false;
}

static bool is_declared(const struct resolve *r, const uint8_t address[16])
{
	const struct mesh *last = r->reuse ? r->reuse->last->mesh : NULL;
	uint32_t found;

	if (last && !r->index->addresses.slots) {
		found = mesh_workload_find(last, address);
		return found != MESH_NONE && !last->workloads[found].bare;
	}
	found = workload_at(r, address);
	if (found != MESH_NONE)
		return !ROWS(r, workloads, struct mesh_workload)[found].bare;
	return prefix_has(r, address);
}

/* A Pod that is known says itself where it is; the address of a node says nothing of an endpoint.
 */
static bool target_tells(const struct resolve *r, const struct draft *d,
			 const struct draft_target *target)
{
	const struct catalog *pods = &r->source->catalogs[KIND_POD];
	uint32_t at;

	if (!target)
		return false;
	if (*target->kind && strcmp(target->kind, "Pod") != 0)
		return !strcmp(target->kind, "Node");
	at = catalog_find(pods, d->namespace_name, target->name);
	return at < pods->count && pods->items[at]->namespace_name == d->namespace_name &&
	       pods->items[at]->name == target->name;
}

/* ---- the endpoints of a service */

static void slice_collect(const struct resolve *r, const struct draft *d, struct bare_list *l)
{
	const struct draft_slice *slice = d->spec;
	const struct draft_slice_endpoint *e = slice->endpoints.items;

	for (uint32_t i = 0; i < slice->endpoints.count; i++) {
		const struct draft_address *a = e[i].addresses.items;

		for (uint32_t j = 0; j < e[i].addresses.count; j++)
			if (!target_tells(r, d, e[i].target) &&
			    !is_declared(r, a[j].prefix.address))
				list_add(l, a[j].prefix.address);
	}
}

static void old_addresses_collect(const struct resolve *r, const struct draft *d,
				  const struct draft_list *from, struct bare_list *l)
{
	const struct draft_endpoints_address *e = from->items;

	for (uint32_t i = 0; i < from->count; i++)
		if (!target_tells(r, d, e[i].target) && !is_declared(r, e[i].ip.prefix.address))
			list_add(l, e[i].ip.prefix.address);
}

static void old_endpoints_collect(const struct resolve *r, const struct draft *d,
				  struct bare_list *l)
{
	const struct draft_endpoints *spec = d->spec;
	const struct draft_endpoints_subset *subset = spec->subsets.items;

	for (uint32_t i = 0; i < spec->subsets.count; i++) {
		old_addresses_collect(r, d, &subset[i].ready, l);
		old_addresses_collect(r, d, &subset[i].not_ready, l);
	}
}

/* The objects of |kind| that belong to the service |d|; false: there is none. */
static bool joined_collect(const struct resolve *r, const struct draft *d, enum kind_id kind,
			   struct bare_list *l)
{
	const struct catalog *c = &r->source->catalogs[kind];
	uint32_t first = catalog_find(c, d->namespace_name, d->name), at = first;

	for (; at < c->count && c->items[at]->namespace_name == d->namespace_name &&
	       c->items[at]->sort_name == d->name;
	     at++) {
		if (kind == KIND_ENDPOINT_SLICE)
			slice_collect(r, c->items[at], l);
		else
			old_endpoints_collect(r, c->items[at], l);
	}
	return at > first;
}

static void entry_collect(const struct resolve *r, const struct draft *d, struct bare_list *l)
{
	const struct draft_service_entry *spec = d->spec;
	const struct draft_workload_entry *e = spec->endpoints.items;

	for (uint32_t i = 0; i < spec->endpoints.count && spec->location; i++)
		if (e[i].prefix.bits && !inline_is_workload(&e[i]) &&
		    !is_declared(r, e[i].prefix.address))
			list_add(l, e[i].prefix.address);
}

static void service_collect(const struct resolve *r, const struct draft *d, struct bare_list *l)
{
	/* whose address is that of its node, and no policy of the mesh is about that one */
	bool api_server = !strcmp(d->namespace_name, "default") && !strcmp(d->name, "kubernetes");

	if (d->kind == KIND_SERVICE_ENTRY)
		entry_collect(r, d, l);
	else if (!api_server && !joined_collect(r, d, KIND_ENDPOINT_SLICE, l))
		joined_collect(r, d, KIND_ENDPOINTS, l);
}

static int address_order(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct mesh_address));
}

/* Sorted, each once; in the arena. */
static struct bare_list bare_collect(struct resolve *r, uint32_t service)
{
	const struct draft *d = r->work[service].draft;
	struct bare_list all = {0}, kept;

	service_collect(r, d, &all);
	kept = all =
		(struct bare_list){arena_array(&r->arena, struct mesh_address, all.count + 1), 0};
	r->failed |= !all.items;
	if (!all.items)
		return kept;
	service_collect(r, d, &all);
	if (all.count)
		qsort(all.items, all.count, sizeof(*all.items), address_order);
	for (uint32_t i = 0; i < all.count; i++)
		if (!kept.count || address_order(&kept.items[kept.count - 1], &all.items[i]))
			kept.items[kept.count++] = all.items[i];
	return kept;
}

/* ---- their workload */

static uint64_t bare_hash(const struct draft *d, const struct bare_list *l)
{
	uint64_t hash = table_hash(d->namespace_name, strlen(d->namespace_name), d->kind);

	hash = table_hash(d->name, strlen(d->name), hash);
	return table_hash(l->items, l->count * sizeof(*l->items), hash);
}

void bare_workload_make(struct resolve *r, uint32_t service)
{
	struct workload_range *made = &r->work[service].made[MADE_BARE];
	const struct draft *d = r->work[service].draft;
	struct bare_list l = bare_collect(r, service);
	struct mesh_workload *w;

	*made = (struct workload_range){ROWS_END(r, workloads), l.count ? 1 : 0};
	if (!l.count)
		return;
	w = workload_row_add(r, d, bare_hash(d, &l), pool_empty, pool_labels_none);
	w->canonical_revision = pool_empty;
	w->bare = true;
	for (uint32_t i = 0; i < l.count; i++)
		workload_address_add(r, l.items[i].address, false);
}

bool bare_workload_has(const struct resolve *r, uint32_t service, const uint8_t address[16])
{
	const struct workload_range *made = &r->work[service].made[MADE_BARE];

	return made->count && workload_has(&ROWS(r, workloads, struct mesh_workload)[made->first],
					   ROWS(r, addresses, struct mesh_address), address);
}

bool bare_workload_same(struct resolve *r, uint32_t service, const struct mesh_workload *now,
			uint64_t hash, bool *ret_like)
{
	const struct draft *d = r->work[service].draft;
	struct bare_list l = bare_collect(r, service);
	struct mesh_position at = position_of(d, d->at);

	*ret_like = now ? l.count && hash == bare_hash(d, &l) : !l.count;
	return *ret_like && (!now || !memcmp(&now->position, &at, sizeof(at)));
}
