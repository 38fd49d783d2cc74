// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keeps for each address who has it, and decides anew where that changed. */
#include "mesh-config/addresses.h"

#include "mesh-config/numbers.h"

#include "base/cleanup.h"
#include "base/table.h"

#include <errno.h>
#include <string.h>

#define OWNERS_MAX (1u << 20)

struct claim {
	uint32_t number;
	uint32_t next; /* + 1 */
	bool named;
};

struct owners {
	uint8_t address[16];
	uint32_t first; /* claim + 1, ascending numbers */
	bool touched;
	bool shared;
};

struct keys {
	struct weft_mesh_key *items;
	uint32_t count, capacity;
};

struct addresses {
	struct cells_table table;
	const struct roster *roster;
	struct table *owners;
	struct claim *claims;
	uint32_t claim_count, claim_capacity, claim_free;
	struct keys touched;
	struct keys ports; /* entries of shared addresses, sorted */
	uint32_t shared;
};

struct addresses *addresses_new(struct cells *c, const struct roster *roster, uint32_t seed,
				uint32_t expected)
{
	struct addresses *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->roster = roster;
	a->owners = table_new(OWNERS_MAX, sizeof(struct owners), 16, 5);
	if (a->owners && !cells_table_init(&a->table, c, CELLS_TABLE_KEY, seed, expected))
		return a;
	addresses_free(a);
	return NULL;
}

void addresses_free(struct addresses *a)
{
	if (!a)
		return;
	table_free(a->owners);
	free(a->claims);
	free(a->touched.items);
	free(a->ports.items);
	free(a);
}

static int keys_add(struct keys *k, const uint8_t address[16], uint16_t port)
{
	uint32_t capacity = k->capacity * 2 + 64;
	struct weft_mesh_key *grown;

	if (k->count == k->capacity) {
		grown = realloc(k->items, capacity * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		k->items = grown;
		k->capacity = capacity;
	}
	k->items[k->count] = (struct weft_mesh_key){.port = port, .kind = WEFT_KEY_ADDRESS};
	memcpy(k->items[k->count++].addr, address, 16);
	return 0;
}

/* ---- who has it */

static int touch(struct addresses *a, struct owners *o)
{
	if (o->touched)
		return 0;
	o->touched = true;
	return keys_add(&a->touched, o->address, 0);
}

static uint32_t new_claim(struct addresses *a)
{
	uint32_t capacity = a->claim_capacity * 2 + 1024, claim = a->claim_free;
	struct claim *grown;

	if (claim) {
		a->claim_free = a->claims[claim - 1].next;
		return claim;
	}
	if (a->claim_count == a->claim_capacity) {
		grown = realloc(a->claims, capacity * sizeof(*grown));
		if (!grown)
			return 0;
		a->claims = grown;
		a->claim_capacity = capacity;
	}
	return ++a->claim_count;
}

static int claim(struct addresses *a, const uint8_t address[16], uint32_t number, bool named)
{
	struct owners *o = table_find(a->owners, address);
	uint32_t added = new_claim(a), *at;

	if (!o)
		o = table_insert(a->owners, address);
	if (!o || !added)
		return -ENOMEM;
	for (at = &o->first; *at && a->claims[*at - 1].number < number;)
		at = &a->claims[*at - 1].next;
	a->claims[added - 1] = (struct claim){number, *at, named};
	*at = added;
	return touch(a, o);
}

static int disclaim(struct addresses *a, const uint8_t address[16], uint32_t number)
{
	struct owners *o = table_find(a->owners, address);
	uint32_t *at, gone;

	if (!o)
		return 0;
	for (at = &o->first; *at && a->claims[*at - 1].number != number;)
		at = &a->claims[*at - 1].next;
	gone = *at;
	if (!gone)
		return 0;
	*at = a->claims[gone - 1].next;
	a->claims[gone - 1].next = a->claim_free;
	a->claim_free = gone;
	return touch(a, o);
}

static int follow(struct addresses *a, const struct mesh *previous, const struct mesh *m)
{
	const struct identity_change *c;
	const struct mesh_workload *w;
	uint32_t count;
	int r = 0;

	c = roster_gone(a->roster, &count);
	for (uint32_t i = 0; previous && i < count; i++) {
		w = &previous->workloads[c[i].workload];
		for (uint32_t j = 0; !r && j < w->address_count; j++)
			r = disclaim(a, previous->addresses[w->address_first + j].address,
				     c[i].number);
	}
	c = roster_come(a->roster, &count);
	for (uint32_t i = 0; i < count; i++) {
		w = &m->workloads[c[i].workload];
		for (uint32_t j = 0; !r && j < w->address_count; j++)
			r = claim(a, m->addresses[w->address_first + j].address, c[i].number,
				  w->name[0]);
	}
	return r;
}

/* ---- whose it is */

static bool any_named(const struct addresses *a, const struct owners *o)
{
	for (uint32_t at = o->first; at; at = a->claims[at - 1].next)
		if (a->claims[at - 1].named)
			return true;
	return false;
}

/* The one workload it belongs to, as far as cells say; NUMBER_NONE if several differ. */
static uint32_t decide(const struct addresses *a, const struct owners *o)
{
	bool named = any_named(a, o);
	uint32_t best = NUMBER_NONE;
	const struct claim *c;

	for (uint32_t at = o->first; at; at = c->next) {
		c = &a->claims[at - 1];
		if (c->named != named)
			continue;
		if (best != NUMBER_NONE && !roster_alike(a->roster, best, c->number))
			return NUMBER_NONE;
		if (best == NUMBER_NONE)
			best = c->number;
	}
	return best;
}

static int put(struct addresses *a, const struct weft_mesh_key *key, uint32_t number)
{
	struct weft_mesh_address cell = {.key = *key};

	cell.identity = roster_cell(a->roster, number);
	return cells_table_put(&a->table, &cell);
}

static int settle(struct addresses *a, const struct weft_mesh_key *key)
{
	struct owners *o = table_find(a->owners, key->addr);
	uint32_t number = decide(a, o);

	a->shared -= o->shared;
	o->shared = o->first && number == NUMBER_NONE;
	a->shared += o->shared;
	o->touched = false;
	if (!o->first)
		table_remove(a->owners, o);
	if (number != NUMBER_NONE)
		return put(a, key, number);
	cells_table_remove(&a->table, key); /* if it was there */
	return 0;
}

/* ---- addresses with ports */

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct weft_mesh_key));
}

static int put_ports(struct addresses *a, const struct mesh *m, const struct mesh_endpoint *e,
		     struct keys *ports)
{
	uint32_t number = roster_number(a->roster, e->workload);
	const struct mesh_service *s = &m->services[e->service];
	uint16_t port;
	int r = 0;

	for (uint32_t i = 0; !r && i < s->port_count; i++) {
		port = m->target_ports[e->ports_first + i];
		if (!port)
			continue;
		r = keys_add(ports, e->address, port);
		if (!r)
			r = put(a, &ports->items[ports->count - 1], number);
	}
	return r;
}

static void remove_old_ports(struct addresses *a, const struct keys *ports)
{
	for (uint32_t i = 0; i < a->ports.count; i++)
		if (!ports->count || !bsearch(&a->ports.items[i], ports->items, ports->count,
					      sizeof(*ports->items), compare_keys))
			cells_table_remove(&a->table, &a->ports.items[i]);
}

static int update_ports(struct addresses *a, const struct mesh *m)
{
	struct keys ports = {0};
	const struct mesh_endpoint *e;
	const struct owners *o;
	int r = 0;

	for (uint32_t i = 0; !r && a->shared && i < m->endpoint_count; i++) {
		e = &m->endpoints[i];
		o = e->workload == MESH_NONE ? NULL : table_find(a->owners, e->address);
		if (o && o->shared)
			r = put_ports(a, m, e, &ports);
	}
	if (ports.count)
		qsort(ports.items, ports.count, sizeof(*ports.items), compare_keys);
	remove_old_ports(a, &ports);
	free(a->ports.items);
	a->ports = ports;
	return r;
}

int addresses_update(struct addresses *a, const struct mesh *previous, const struct mesh *m)
{
	int r = follow(a, previous, m);

	for (uint32_t i = 0; !r && i < a->touched.count; i++)
		r = settle(a, &a->touched.items[i]);
	a->touched.count = 0;
	if (!r && (a->shared || a->ports.count))
		r = update_ports(a, m);
	return r;
}

const struct cells_table *addresses_table(const struct addresses *a)
{
	return &a->table;
}

uint32_t addresses_shared(const struct addresses *a)
{
	return a->shared;
}
