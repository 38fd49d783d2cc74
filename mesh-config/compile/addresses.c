// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keeps for each address who has it, and decides anew where that changed. */
#include "mesh-config/compile/addresses.h"

#include "mesh-config/compile/identity_sets.h"

#include "base/cleanup.h"
#include "base/table.h"

#include <errno.h>
#include <string.h>

#define OWNERS_MAX (1u << 20)

struct claim {
	uint32_t number;
	uint32_t next; /* + 1 */
	bool named;
	bool conditional;
};

struct owners {
	uint8_t address[16];
	uint32_t first; /* claim + 1, ascending numbers */
	bool touched;
	bool shared;		  /* by workloads that differ */
	struct identity_set *set; /* NULL: of one, or of none that the address alone tells */
};

/* Workloads that differ, by number. */
struct members {
	uint32_t numbers[WEFT_MESH_IDENTITIES];
	uint32_t count;
};

struct row {
	struct weft_mesh_key key;
	uint32_t number;
};

struct row_list {
	struct row *items;
	uint32_t count, capacity;
};

struct entry {
	struct weft_mesh_key key;
	struct identity_set *set;
};

struct entries {
	struct entry *items; /* sorted */
	uint32_t count;
};

struct keys {
	struct weft_mesh_key *items;
	uint32_t count, capacity;
};

struct addresses {
	struct cells_table table;
	const struct workload_ids *ids;
	struct table *owners;
	struct claim *claims;
	uint32_t claim_count, claim_capacity, claim_free;
	struct keys touched;
	struct identity_sets *sets;
	struct entries ports; /* of shared addresses */
	struct entries prefixes;
	uint32_t lengths; /* cell, 0: there never was a prefix */
	uint32_t shared;
};

struct addresses *addresses_new(struct cells *c, const struct workload_ids *ids, uint32_t seed,
				uint32_t expected)
{
	struct addresses *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->ids = ids;
	a->owners = table_new(OWNERS_MAX, sizeof(struct owners), 16, 5);
	a->sets = identity_sets_new(c, ids);
	if (a->owners && a->sets &&
	    !cells_table_init(&a->table, c, CELLS_TABLE_KEY, seed, expected))
		return a;
	addresses_free(a);
	return NULL;
}

void addresses_free(struct addresses *a)
{
	if (!a)
		return;
	table_free(a->owners);
	identity_sets_free(a->sets);
	free(a->claims);
	free(a->touched.items);
	free(a->ports.items);
	free(a->prefixes.items);
	free(a);
}

static int keys_add(struct keys *k, const uint8_t address[16])
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
	k->items[k->count] = (struct weft_mesh_key){.kind = WEFT_KEY_ADDRESS};
	memcpy(k->items[k->count++].addr, address, 16);
	return 0;
}

/* ---- who has it */

static int touch(struct addresses *a, struct owners *o)
{
	if (o->touched)
		return 0;
	o->touched = true;
	return keys_add(&a->touched, o->address);
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

static int claim(struct addresses *a, const struct mesh_address *address, uint32_t number,
		 bool named)
{
	struct owners *o = table_find(a->owners, address->address);
	uint32_t added = new_claim(a), *at;

	if (!o)
		o = table_insert(a->owners, address->address);
	if (!o || !added)
		return -ENOMEM;
	for (at = &o->first; *at && a->claims[*at - 1].number < number;)
		at = &a->claims[*at - 1].next;
	a->claims[added - 1] = (struct claim){number, *at, named, address->conditional};
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

	c = workload_ids_gone(a->ids, &count);
	for (uint32_t i = 0; previous && i < count; i++) {
		w = &previous->workloads[c[i].workload];
		for (uint32_t j = 0; !r && j < w->address_count; j++)
			r = disclaim(a, previous->addresses[w->address_first + j].address,
				     c[i].number);
	}
	c = workload_ids_come(a->ids, &count);
	for (uint32_t i = 0; i < count; i++) {
		w = &m->workloads[c[i].workload];
		for (uint32_t j = 0; !r && j < w->address_count; j++)
			r = claim(a, &m->addresses[w->address_first + j], c[i].number, w->name[0]);
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

/* Adds |number| to workloads that differ, unless one of them is alike. */
static int member_add(const struct addresses *a, struct members *members, uint32_t number)
{
	for (uint32_t i = 0; i < members->count; i++)
		if (workload_ids_alike(a->ids, members->numbers[i], number))
			return 0;
	if (members->count == WEFT_MESH_IDENTITIES)
		return -EMLINK;
	members->numbers[members->count++] = number;
	return 0;
}

/* The claims that count: those with a name, if one has; |conditional|: also those for which more
 * than the address must hold. */
static int collect(const struct addresses *a, const struct owners *o, bool conditional,
		   struct members *ret)
{
	bool named = any_named(a, o);
	const struct claim *c;
	int r = 0;

	*ret = (struct members){0};
	for (uint32_t at = o->first; at && !r; at = c->next) {
		c = &a->claims[at - 1];
		if (c->named == named && (conditional || !c->conditional))
			r = member_add(a, ret, c->number);
	}
	return r;
}

/* Puts |key| for |members|, at least one; |*set| is theirs from then on. */
static int put(struct addresses *a, const struct weft_mesh_key *key, const struct members *members,
	       struct identity_set **set)
{
	struct weft_mesh_address cell = {.key = *key};
	struct identity_set *wanted = NULL;

	if (members->count > 1) {
		wanted = identity_sets_hold(a->sets, members->numbers, members->count);
		if (!wanted)
			return cells_error(a->table.cells) ? cells_error(a->table.cells) : -ENOMEM;
		cell.identity = identity_set_cell(wanted);
	} else {
		cell.identity = workload_ids_cell(a->ids, members->numbers[0]);
	}
	identity_sets_drop(a->sets, *set);
	*set = wanted;
	return cells_table_put(&a->table, &cell);
}

static void take_away(struct addresses *a, const struct weft_mesh_key *key,
		      struct identity_set **set)
{
	identity_sets_drop(a->sets, *set);
	*set = NULL;
	cells_table_remove(&a->table, key); /* if it was there */
}

static int settle(struct addresses *a, const struct weft_mesh_key *key)
{
	struct owners *o = table_find(a->owners, key->addr);
	struct members members;
	int r = collect(a, o, true, &members);

	if (r)
		return r;
	a->shared -= o->shared;
	o->shared = members.count > 1;
	a->shared += o->shared;
	o->touched = false;
	if (o->shared) /* of the others the process says more, where it listens */
		collect(a, o, false, &members);
	if (members.count)
		r = put(a, key, &members, &o->set);
	else
		take_away(a, key, &o->set);
	if (!o->first)
		table_remove(a->owners, o);
	return r;
}

/* ---- entries that are made anew each time: addresses with ports, prefixes */

static int row_order(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int order = memcmp(&a->key, &b->key, sizeof(a->key));

	if (order)
		return order;
	return a->number < b->number ? -1 : a->number > b->number;
}

static int entry_order(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct weft_mesh_key)); /* what both begin with */
}

static int rows_add(struct row_list *l, const uint8_t address[16], uint16_t port, uint8_t kind,
		    uint32_t number)
{
	uint32_t capacity = l->capacity * 2 + 64;
	struct row *grown;

	if (l->count == l->capacity) {
		grown = realloc(l->items, capacity * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		l->items = grown;
		l->capacity = capacity;
	}
	l->items[l->count] = (struct row){{.port = port, .kind = kind}, number};
	memcpy(l->items[l->count++].key.addr, address, 16);
	return 0;
}

/* Puts one entry for the rows from |*at| on that have its key. */
static int put_rows(struct addresses *a, const struct row_list *rows, uint32_t *at,
		    struct entry *entry)
{
	struct members members = {0};
	int r = 0;

	entry->key = rows->items[*at].key;
	for (; !r && *at < rows->count && !entry_order(&rows->items[*at], entry); (*at)++)
		r = member_add(a, &members, rows->items[*at].number);
	return r ? r : put(a, &entry->key, &members, &entry->set);
}

static void drop_entries(struct addresses *a, struct entries *e)
{
	for (uint32_t i = 0; i < e->count; i++)
		identity_sets_drop(a->sets, e->items[i].set);
	free(e->items);
	*e = (struct entries){0};
}

/* Puts |rows| in the place of |*entries|. */
static int replace(struct addresses *a, struct entries *entries, struct row_list *rows)
{
	struct entries next = {.items = calloc(rows->count + 1u, sizeof(*next.items))};
	int r = next.items ? 0 : -ENOMEM;

	if (rows->count)
		qsort(rows->items, rows->count, sizeof(*rows->items), row_order);
	for (uint32_t at = 0; !r && at < rows->count;)
		r = put_rows(a, rows, &at, &next.items[next.count++]);
	for (uint32_t i = 0; !r && i < entries->count; i++)
		if (!bsearch(&entries->items[i], next.items, next.count, sizeof(*next.items),
			     entry_order))
			cells_table_remove(&a->table, &entries->items[i].key);
	drop_entries(a, entries);
	*entries = next;
	return r;
}

/* ---- addresses with ports */

/* Whether |number| is one of those that an address is said to be of. */
static bool counts(const struct addresses *a, const struct owners *o, uint32_t number)
{
	bool named = any_named(a, o);

	for (uint32_t at = o->first; at; at = a->claims[at - 1].next)
		if (a->claims[at - 1].number == number)
			return a->claims[at - 1].named == named;
	return false;
}

static int add_ports(struct addresses *a, const struct mesh *m, const struct mesh_endpoint *e,
		     const struct owners *o, struct row_list *rows)
{
	uint32_t number = workload_ids_number(a->ids, e->workload);
	const struct mesh_service *s = &m->services[e->service];
	uint16_t port;
	int r = 0;

	if (!counts(a, o, number))
		return 0;
	for (uint32_t i = 0; !r && i < s->port_count; i++) {
		port = m->target_ports[e->ports_first + i];
		if (port)
			r = rows_add(rows, e->address, port, WEFT_KEY_ADDRESS, number);
	}
	return r;
}

/* What a workload says of itself, at those of its addresses that others have too. */
static int add_own_ports(struct addresses *a, const struct mesh *m, uint32_t workload,
			 struct row_list *rows)
{
	const struct mesh_workload *w = &m->workloads[workload];
	uint32_t number = workload_ids_number(a->ids, workload);
	const struct owners *o;
	int r = 0;

	for (uint32_t i = 0; i < w->address_count; i++) {
		const uint8_t *address = m->addresses[w->address_first + i].address;

		o = table_find(a->owners, address);
		if (!o || !o->shared || !counts(a, o, number))
			continue;
		for (uint32_t j = 0; !r && j < w->port_count; j++)
			r = rows_add(rows, address, m->workload_ports[w->port_first + j],
				     WEFT_KEY_ADDRESS, number);
	}
	return r;
}

static int update_ports(struct addresses *a, const struct mesh *m)
{
	struct row_list rows = {0};
	const struct mesh_endpoint *e;
	const struct owners *o;
	int r = 0;

	for (uint32_t i = 0; !r && a->shared && i < m->endpoint_count; i++) {
		e = &m->endpoints[i];
		o = e->workload == MESH_NONE ? NULL : table_find(a->owners, e->address);
		if (o && o->shared)
			r = add_ports(a, m, e, o, &rows);
	}
	for (uint32_t i = 0; !r && a->shared && i < m->workload_count; i++)
		if (m->workloads[i].port_count)
			r = add_own_ports(a, m, i, &rows);
	if (!r)
		r = replace(a, &a->ports, &rows);
	free(rows.items);
	return r;
}

/* ---- prefixes */

/* Which lengths there are, for the kernel half. */
static int write_lengths(struct addresses *a)
{
	struct weft_mesh_lengths cell = {0};
	bool has[129] = {false};

	for (uint32_t i = 0; i < a->prefixes.count; i++)
		has[a->prefixes.items[i].key.port] = true;
	for (int bits = 128; bits >= 0; bits--) {
		if (!has[bits])
			continue;
		if (cell.count == WEFT_MESH_LENGTHS)
			return -EMLINK;
		cell.bits[cell.count++] = (uint8_t)bits;
	}
	if (!a->lengths)
		a->lengths = cells_alloc(a->table.cells, 1);
	if (!a->lengths)
		return cells_error(a->table.cells);
	cells_put(a->table.cells, a->lengths, &cell);
	return 0;
}

static int update_prefixes(struct addresses *a, const struct mesh *m)
{
	struct row_list rows = {0};
	const struct mesh_matcher *matcher;
	int r = 0;

	for (uint32_t i = 0; !r && i < m->matcher_count; i++) {
		matcher = &m->matchers[i];
		if (mesh_matcher_is_prefix(matcher))
			r = rows_add(&rows, matcher->prefix.address, matcher->prefix.bits,
				     WEFT_KEY_PREFIX,
				     workload_ids_number(a->ids, matcher->workload));
	}
	if (!r && (rows.count || a->prefixes.count))
		r = replace(a, &a->prefixes, &rows);
	free(rows.items);
	return r || !(a->prefixes.count || a->lengths) ? r : write_lengths(a);
}

int addresses_update(struct addresses *a, const struct mesh *previous, const struct mesh *m)
{
	int r = follow(a, previous, m);

	identity_sets_write(a->sets);

	for (uint32_t i = 0; !r && i < a->touched.count; i++)
		r = settle(a, &a->touched.items[i]);
	a->touched.count = 0;
	if (!r && (a->shared || a->ports.count))
		r = update_ports(a, m);
	return r ? r : update_prefixes(a, m);
}

const struct cells_table *addresses_table(const struct addresses *a)
{
	return &a->table;
}

uint32_t addresses_lengths(const struct addresses *a)
{
	return a->lengths;
}

uint32_t addresses_shared(const struct addresses *a)
{
	return a->shared;
}
