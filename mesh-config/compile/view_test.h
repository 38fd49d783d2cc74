/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: lookups in a compiled arena as the kernel half does them, and a check that everything
 * in it points somewhere. */
#pragma once

#include "base/error.h"
#include "mesh-config/compile/cells_view.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct view_check {
	const struct cells_view *view;
	struct error *err;
	int result;
};

/* ---- lookups */

static inline const void *probe(const struct cells_view *v, const struct weft_mesh_table *t,
				uint32_t hash, const void *key, size_t key_bytes)
{
	const char *cell;

	for (uint32_t i = 0; i < WEFT_MESH_PROBES; i++) {
		cell = cells_view_at(v, t->first + ((hash + i) & t->mask));
		if (!cell || !cell[key_bytes - 1])
			return NULL;
		if (!memcmp(cell, key, key_bytes))
			return cell;
	}
	return NULL;
}

static inline struct weft_mesh_key make_key(const uint8_t addr[16], uint16_t port, uint8_t protocol,
					    uint8_t kind)
{
	struct weft_mesh_key key = {.port = port, .protocol = protocol, .kind = kind};

	memcpy(key.addr, addr, sizeof(key.addr));
	return key;
}

/* The front of a virtual address, port and protocol (IPPROTO_*); NULL if there is none. */
static inline const struct weft_mesh_front *cells_view_front(const struct cells_view *v,
							     const uint8_t addr[16], uint16_t port,
							     uint8_t protocol)
{
	struct weft_mesh_key key = make_key(addr, port, protocol, WEFT_KEY_FRONT);
	const struct weft_mesh_header *h = cells_view_header(v);

	return probe(v, &h->fronts, weft_hash_key(&key, h->seed), &key, sizeof(key));
}

static inline const struct weft_mesh_address *find_address(const struct cells_view *v,
							   const struct weft_mesh_key *key)
{
	const struct weft_mesh_header *h = cells_view_header(v);

	return probe(v, &h->addresses, weft_hash_key(key, h->seed), key, sizeof(*key));
}

/* By the longest prefix that |addr| is in. */
static inline const struct weft_mesh_address *find_prefix(const struct cells_view *v,
							  const uint8_t addr[16])
{
	uint32_t lengths = cells_view_header(v)->prefixes;
	const struct weft_mesh_lengths *l = lengths ? cells_view_at(v, lengths) : NULL;
	const struct weft_mesh_address *found = NULL;

	for (uint32_t i = 0; l && !found && i < l->count && i < WEFT_MESH_LENGTHS; i++) {
		struct weft_mesh_key key = make_key(addr, l->bits[i], 0, WEFT_KEY_PREFIX);

		for (uint32_t bit = l->bits[i]; bit < 128; bit++)
			key.addr[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
		found = find_address(v, &key);
	}
	return found;
}

/* The workload of |addr|: by address and port, else by the address; NULL: none. */
static inline const struct weft_mesh_identity *
cells_view_identity(const struct cells_view *v, const uint8_t addr[16], uint16_t port)
{
	struct weft_mesh_key key = make_key(addr, port, 0, WEFT_KEY_ADDRESS);
	const struct weft_mesh_address *a = find_address(v, &key);

	key.port = 0;
	if (!a && port)
		a = find_address(v, &key);
	if (!a)
		a = find_prefix(v, addr);
	return a ? cells_view_at(v, a->identity) : NULL;
}

/* The first matcher of a chain; NULL if there is none. */
static inline const struct weft_mesh_matcher *cells_view_matcher(const struct cells_view *v,
								 uint8_t kind, uint64_t value)
{
	struct weft_mesh_matcher key = {.value = value, .kind = kind};
	const struct weft_mesh_header *h = cells_view_header(v);

	return probe(v, &h->matchers, weft_hash_match(value, kind, h->seed), &key,
		     sizeof(value) + sizeof(kind));
}

/* ---- the check */

static inline bool holds(struct view_check *c, bool right, const char *what, uint32_t number)
{
	if (!right && !c->result)
		c->result = error_set(c->err, -EPROTO, "%s (%u)", what, number);
	return right;
}

static inline bool in_range(const struct view_check *c, uint32_t first, uint32_t count)
{
	return first && first < c->view->count && count <= c->view->count - first;
}

static inline void check_tier(struct view_check *c, const struct weft_mesh_pool *p, uint32_t tier)
{
	const struct weft_mesh_endpoint *e;
	uint32_t first = p->tier[tier].first, count = p->tier[tier].endpoints;

	if (!holds(c, first <= p->endpoints && count <= p->endpoints - first,
		   "a tier ends behind its pool", p->state))
		return;
	for (uint32_t i = 0; i < count; i++) {
		e = cells_view_at(c->view, p->first + first + i);
		holds(c, e->alias < count, "an alias points out of its tier", e->state);
		holds(c, e->weight && e->port, "an endpoint without weight or port", e->state);
		holds(c, in_range(c, e->service, 1), "an endpoint without service", e->state);
		holds(c, e->identity < c->view->count, "an identity out of the arena", e->state);
		holds(c, e->state < WEFT_MESH_ENDPOINTS, "the state of an endpoint", e->state);
	}
}

static inline void check_maglev(struct view_check *c, const struct weft_mesh_pool *p)
{
	uint32_t cells = p->maglev_slots / 16 + 1;
	const uint32_t *slots = cells_view_at(c->view, p->maglev);

	if (!p->maglev_slots ||
	    !holds(c, in_range(c, p->maglev, cells), "a Maglev table", p->state))
		return;
	for (uint32_t i = 0; i < p->maglev_slots; i++)
		holds(c, slots[i] < p->tier[0].endpoints, "a Maglev slot", p->state);
}

static inline void check_pool(struct view_check *c, uint32_t index)
{
	const struct weft_mesh_pool *p = cells_view_at(c->view, index);

	if (!holds(c, index && p, "a pool out of the arena", index) || !p->endpoints)
		return;
	if (!holds(c, in_range(c, p->first, p->endpoints), "endpoints of a pool", p->state) ||
	    !holds(c, p->tiers && p->tiers <= WEFT_POOL_TIERS, "tiers of a pool", p->state))
		return;
	holds(c, p->state < WEFT_MESH_SERVICES, "the state of a pool", p->state);
	for (uint32_t i = 0; i < p->tiers; i++)
		check_tier(c, p, i);
	check_maglev(c, p);
}

/* Returns how many cells the route has. */
static inline uint32_t check_route(struct view_check *c, uint32_t index, uint32_t left)
{
	const struct weft_mesh_route *first = cells_view_at(c->view, index), *r;
	uint32_t splits = first->splits, upper = 0;

	if (!holds(c, first->more < left && splits <= (first->more + 1) * WEFT_ROUTE_SPLITS,
		   "a route ends behind its front", index))
		return left;
	for (uint32_t i = 0; i < splits; i++) {
		r = first + i / WEFT_ROUTE_SPLITS;
		holds(c, r->split[i % WEFT_ROUTE_SPLITS].upper >= upper, "shares of a route",
		      index);
		upper = r->split[i % WEFT_ROUTE_SPLITS].upper;
		if (upper)
			check_pool(c, r->split[i % WEFT_ROUTE_SPLITS].pool);
	}
	holds(c, !splits || upper == first->total_weight, "the weight of a route", index);
	return first->more + 1u;
}

static inline void check_front(void *arg, const struct weft_mesh_front *f)
{
	struct view_check *c = arg;
	uint32_t left = f->routes;

	holds(c, cells_view_front(c->view, f->key.addr, f->key.port, f->key.protocol) == f,
	      "a front that is not found", f->key.port);
	holds(c, in_range(c, f->service, 1), "the service of a front", f->key.port);
	if (!holds(c, left && in_range(c, f->route, left), "routes of a front", f->key.port))
		return;
	holds(c, f->match < c->view->count && !f->match == !(f->asks & WEFT_ASKS_ROUTE),
	      "the match of a front", f->key.port);
	while (left)
		left -= check_route(c, f->route + f->routes - left, left);
}

/* A chain that ends. */
static inline void check_identities(struct view_check *c, uint32_t index, uint32_t place)
{
	const struct weft_mesh_identity *identity;

	for (uint32_t i = 0; index && i < WEFT_MESH_IDENTITIES; i++) {
		if (!holds(c, in_range(c, index, 1), "the identity of an address", place))
			return;
		identity = cells_view_at(c->view, index);
		index = identity->next;
	}
	holds(c, !index, "an address of too many", place);
}

static inline void check_addresses(struct view_check *c)
{
	const struct weft_mesh_table *t = &cells_view_header(c->view)->addresses;
	const struct weft_mesh_address *a;

	for (uint32_t i = 0; i <= t->mask; i++) {
		a = cells_view_at(c->view, t->first + i);
		if (!a->key.kind)
			continue;
		holds(c, find_address(c->view, &a->key) == a, "an address that is not found", i);
		holds(c, a->identity, "an address without workload", i);
		check_identities(c, a->identity, i);
	}
}

static inline bool check_table(struct view_check *c, const struct weft_mesh_table *t)
{
	return holds(c, !(t->mask & (t->mask + 1)) && in_range(c, t->first, t->mask + 1), "a table",
		     t->first);
}

/* Whether every front leads to endpoints, every table finds its keys, and every index lies in the
 * arena. 0, or -EPROTO with the first thing that is wrong in |err|. */
static inline int cells_view_check(const struct cells_view *v, struct error *err)
{
	const struct weft_mesh_header *h = cells_view_header(v);
	struct view_check c = {v, err, 0};

	if (!h || h->magic != WEFT_MESH_MAGIC || h->abi_version != WEFT_ABI_VERSION ||
	    h->cells > v->count)
		return error_set(err, -EPROTO, "no arena of this version");
	if (!check_table(&c, &h->fronts) || !check_table(&c, &h->addresses) ||
	    !check_table(&c, &h->matchers))
		return c.result;
	check_addresses(&c);
	cells_view_fronts(v, check_front, &c);
	return c.result;
}
