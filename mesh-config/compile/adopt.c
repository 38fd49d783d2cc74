// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walks from the fronts to routes, pools and endpoints. Pools have no key: their numbers are only
 * kept from being given to others too soon. */
#include "mesh-config/compile/adopt.h"

#include "mesh-config/compile/context.h"
#include "mesh-config/compile/keys.h"

#include <errno.h>

#define ROUTES_MAX 65536u /* of a front; more is no arena of ours */

struct walk {
	const struct adopt_numbers *numbers;
	const char *cells;
	uint32_t count;
};

/* NULL when it is not in the arena. */
static const void *cell_at(const struct walk *w, uint32_t index)
{
	return index && index < w->count ? w->cells + index * (size_t)WEFT_MESH_CELL_BYTES : NULL;
}

static void adopt_identity(const struct walk *w, uint32_t index)
{
	const struct weft_mesh_identity *identity;

	for (uint32_t i = 0; i < WEFT_MESH_IDENTITIES; i++) {
		identity = cell_at(w, index);
		if (!identity)
			return;
		workload_ids_adopt(w->numbers->ids, identity->key, identity->number);
		index = identity->next;
	}
}

static const struct weft_mesh_service *adopt_service(const struct walk *w, uint32_t index)
{
	const struct weft_mesh_service *s = cell_at(w, index);

	if (s)
		numbers_adopt(w->numbers->states, &s->key, s->state);
	return s;
}

static void adopt_endpoint(const struct walk *w, uint32_t index)
{
	const struct weft_mesh_endpoint *e = cell_at(w, index);
	const struct weft_mesh_service *s = e ? adopt_service(w, e->service) : NULL;
	struct endpoint_key key = {0};

	if (!s)
		return;
	key.service = s->key;
	key.port = e->port;
	memcpy(key.address, e->addr, sizeof(key.address));
	numbers_adopt(w->numbers->endpoints, &key, e->state);
	adopt_identity(w, e->identity);
}

static void adopt_pool(const struct walk *w, uint32_t index)
{
	const struct weft_mesh_pool *p = cell_at(w, index);
	uint64_t key;

	if (!p || p->endpoints > w->count)
		return;
	key = key_add_number(3, p->state);
	if (numbers_adopt(w->numbers->states, &key, p->state))
		return; /* seen */
	for (uint32_t i = 0; i < p->endpoints; i++)
		adopt_endpoint(w, p->first + i);
}

static void adopt_front(const struct walk *w, const struct weft_mesh_front *f)
{
	const struct weft_mesh_route *route;

	adopt_service(w, f->service);
	for (uint32_t i = 0; i < f->routes; i++) {
		route = cell_at(w, f->route + i);
		for (uint32_t j = 0; route && j < WEFT_ROUTE_SPLITS; j++)
			adopt_pool(w, route->split[j].pool);
	}
}

static void adopt_fronts(const struct walk *w, const struct weft_mesh_table *t)
{
	const struct weft_mesh_front *f;

	for (uint64_t i = 0; i <= t->mask; i++) {
		f = cell_at(w, (uint32_t)(t->first + i));
		if (f && f->key.kind == WEFT_KEY_FRONT && f->routes < ROUTES_MAX)
			adopt_front(w, f);
	}
}

static void adopt_addresses(const struct walk *w, const struct weft_mesh_table *t)
{
	const struct weft_mesh_address *a;

	for (uint64_t i = 0; i <= t->mask; i++) {
		a = cell_at(w, (uint32_t)(t->first + i));
		if (a && (a->key.kind == WEFT_KEY_ADDRESS || a->key.kind == WEFT_KEY_PREFIX))
			adopt_identity(w, a->identity);
	}
}

static int table_fits(const struct weft_mesh_table *t, uint32_t count)
{
	return t->mask < count && t->first < count;
}

int adopt_cells(const struct adopt_numbers *n, const void *cells, uint32_t count)
{
	const struct weft_mesh_header *h = cells;
	struct walk w = {n, cells, count};

	if (!count || h->magic != WEFT_MESH_MAGIC || h->abi_version != WEFT_ABI_VERSION ||
	    h->cells > count || !table_fits(&h->fronts, h->cells) ||
	    !table_fits(&h->addresses, h->cells))
		return -EPROTO;
	w.count = h->cells;
	adopt_fronts(&w, &h->fronts);
	adopt_addresses(&w, &h->addresses);
	return 0;
}
