// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions to a finished mesh, and its end. */
#include "mesh-config/model/model.h"

#include "mesh-config/model/pool.h"
#include "mesh-config/model/rows.h"

#include <stdlib.h>

/* ---- memory */

struct rows mesh_rows(const struct mesh *m, enum mesh_array array)
{
	struct rows rows = {0};

#define X(field, field_count, type)                                                                \
	if (array == ROWS_##field)                                                                 \
		rows = (struct rows){.items = (void *)(uintptr_t)m->field, .count = m->field_count};
	MESH_ARRAYS(X)
#undef X
	return rows;
}

size_t rows_size_bytes(enum mesh_array array)
{
	static const size_t sizes[] = {
#define X(field, count, type) [ROWS_##field] = sizeof(type),
		MESH_ARRAYS(X)
#undef X
	};

	return sizes[array];
}

struct mesh *mesh_share(const struct mesh *m)
{
	struct mesh *same = malloc(sizeof(*same));
	struct mesh_index *index = malloc(sizeof(*index));

	if (!same || !index) {
		free(same);
		free(index);
		return NULL;
	}
	*same = *m;
	*index = *m->index;
	same->index = index;
	index->endpoints = NULL;
	for (enum mesh_array i = 0; i < ROWS_COUNT; i++)
		shared_hold(mesh_rows(m, i).items);
	lookup_share(&index->names);
	lookup_share(&index->hosts);
	lookup_share(&index->vip_ports);
	lookup_share(&index->addresses);
	shared_hold(index->host_services);
	shared_hold(index->files);
	pool_ref(index->pool);
	return same;
}

static void index_free(struct mesh_index *index)
{
	lookup_free(&index->names);
	lookup_free(&index->hosts);
	lookup_free(&index->vip_ports);
	lookup_free(&index->addresses);
	if (index->endpoints)
		lookup_free(index->endpoints);
	free(index->endpoints);
	shared_drop(index->host_services);
	shared_drop(index->files);
	pool_unref(index->pool);
	free(index);
}

void mesh_free(struct mesh *m)
{
	if (!m)
		return;
	for (enum mesh_array i = 0; i < ROWS_COUNT; i++)
		shared_drop(mesh_rows(m, i).items);
	if (m->index)
		index_free(m->index);
	free(m);
}

/* ---- by host */

static bool host_same(const void *arg, uint32_t value, const void *key)
{
	const struct mesh *m = arg;

	return !strcmp(m->hosts[value], key);
}

uint32_t mesh_host_find(const struct mesh *m, const char *host)
{
	char lower[300];
	size_t n = strlen(host);
	uint32_t at;

	if (n >= sizeof(lower))
		return MESH_NONE;
	for (size_t i = 0; i <= n; i++)
		lower[i] = (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] | 0x20 : host[i]);
	at = lookup_find(&m->index->hosts, table_hash(lower, n, 0), host_same, m, lower);
	return at == MESH_NONE ? MESH_NONE : m->index->host_services[at];
}

/* ---- by address */

bool mesh_prefix_has(const struct mesh_prefix *p, const uint8_t address[16])
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (memcmp(address, p->address, whole) != 0)
		return false;
	return !rest || !((address[whole] ^ p->address[whole]) >> (8 - rest));
}

static int address_order(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(((struct mesh_address *)0)->address));
}

bool workload_has(const struct mesh_workload *w, const struct mesh_address *addresses,
		  const uint8_t address[16])
{
	const struct mesh_address *own = addresses + w->address_first;

	if (w->bare)
		return bsearch(address, own, w->address_count, sizeof(*own), address_order);
	for (uint32_t i = 0; i < w->address_count; i++)
		if (!memcmp(own[i].address, address, 16))
			return true;
	return false;
}

bool mesh_workload_has(const struct mesh *m, uint32_t workload, const uint8_t address[16])
{
	return workload_has(&m->workloads[workload], m->addresses, address);
}

static bool workload_same(const void *arg, uint32_t value, const void *key)
{
	return mesh_workload_has(arg, value, key);
}

unsigned mesh_matcher_parts(const struct mesh_matcher *m)
{
#define GIVEN_TEXT(text)		  (*(text) != 0)
#define GIVEN_NUMBER(number)		  ((number) != MESH_NONE)
#define GIVEN(s, member, name, type, ...) +GIVEN_##type(m->member)
	return m->has_prefix MATCHER_FIELDS(GIVEN, FIELD_NO_MEMBER, );
}

bool mesh_matcher_is_address(const struct mesh_matcher *m)
{
	return m->has_prefix && mesh_matcher_parts(m) == 1;
}

bool mesh_matcher_is_prefix(const struct mesh_matcher *m)
{
	return mesh_matcher_is_address(m) && m->prefix.bits < 128;
}

/* They come last, longer ones first. */
static uint32_t workload_of_prefix(const struct mesh *m, const uint8_t address[16])
{
	uint32_t low = 0, high = m->matcher_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (mesh_matcher_is_prefix(&m->matchers[middle]))
			high = middle;
		else
			low = middle + 1;
	}
	for (; low < m->matcher_count; low++)
		if (mesh_prefix_has(&m->matchers[low].prefix, address))
			return m->matchers[low].workload;
	return MESH_NONE;
}

uint32_t mesh_workload_find(const struct mesh *m, const uint8_t address[16])
{
	uint32_t found = lookup_find(&m->index->addresses, table_hash(address, 16, 0),
				     workload_same, m, address);

	return found == MESH_NONE ? workload_of_prefix(m, address) : found;
}

static bool endpoint_same(const void *arg, uint32_t value, const void *key)
{
	const struct mesh *m = arg;

	return !memcmp(m->endpoints[value].address, key, 16);
}

static struct lookup *endpoints_index(const struct mesh *m)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (!l || !lookup_init(l, m->endpoint_count)) {
		free(l);
		return NULL;
	}
	for (uint32_t i = 0; i < m->endpoint_count; i++) {
		uint64_t hash = table_hash(m->endpoints[i].address, 16, 0);

		if (lookup_find(l, hash, endpoint_same, m, m->endpoints[i].address) == MESH_NONE)
			lookup_add(l, hash, i);
	}
	return l;
}

/* The table is made at the first question; of two readers who ask at once one throws his away. */
uint32_t mesh_endpoint_find(const struct mesh *m, const uint8_t address[16])
{
	struct lookup *l = __atomic_load_n(&m->index->endpoints, __ATOMIC_ACQUIRE), *none = NULL;

	if (!l) {
		l = endpoints_index(m);
		if (!l)
			return MESH_NONE;
		if (!__atomic_compare_exchange_n(&m->index->endpoints, &none, l, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			lookup_free(l);
			free(l);
			l = none;
		}
	}
	return lookup_find(l, table_hash(address, 16, 0), endpoint_same, m, address);
}
