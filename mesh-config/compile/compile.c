// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Compares the hashes of the new model with those of the last one, and lets the parts write what
 * changed. */
#include "mesh-config/compile/compile.h"

#include "mesh-config/compile/addresses.h"
#include "mesh-config/compile/adopt.h"
#include "mesh-config/compile/changes.h"
#include "mesh-config/compile/endpoint_pool.h"
#include "mesh-config/compile/keys.h"
#include "mesh-config/compile/maglev.h"
#include "mesh-config/compile/policies.h"
#include "mesh-config/compile/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS_MAX 8u /* tried when keys collide */

/* What is made anew when everything is; numbers are not. */
struct made {
	struct compile_context context;
	struct addresses *addresses;
	struct matchers matchers;
	struct policies policies;
	struct compiled **services; /* of the last run, by index */
	uint64_t *hashes;	    /* the same */
	uint32_t service_count;
	uint32_t seed;
	uint64_t salt; /* what every service depends on */
};

struct compiler {
	struct numbers *endpoints, *states;
	struct workload_ids *ids;
	struct made *made;	 /* NULL: nothing is */
	const struct mesh *mesh; /* of |made| */
	uint32_t seed;
	uint64_t generation, oldest;
	struct changes changes;
	struct compile_statistics statistics;
};

struct compiler *compiler_new(uint32_t seed)
{
	struct compiler *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->seed = seed;
	c->endpoints = numbers_new(WEFT_MESH_ENDPOINTS, sizeof(struct endpoint_key), 1);
	c->states = numbers_new(WEFT_MESH_SERVICES, sizeof(uint64_t), 2);
	c->ids = workload_ids_new();
	if (c->endpoints && c->states && c->ids)
		return c;
	compiler_free(c);
	return NULL;
}

static void made_free(struct compiler *c)
{
	struct made *d = c->made;

	if (!d)
		return;
	for (uint32_t i = 0; i < d->service_count; i++)
		compiled_free(&d->context, d->services[i]);
	policies_free(&d->policies);
	addresses_free(d->addresses);
	slots_free(&d->context.state_cells);
	cells_free(d->context.cells);
	free(d->context.by_number);
	free(d->services);
	free(d->hashes);
	free(d);
	c->made = NULL;
}

void compiler_free(struct compiler *c)
{
	if (!c)
		return;
	made_free(c);
	numbers_free(c->endpoints);
	numbers_free(c->states);
	workload_ids_free(c->ids);
	changes_free(&c->changes);
	free(c);
}

int compiler_adopt(struct compiler *c, const void *cells, uint32_t count)
{
	struct adopt_numbers n = {c->endpoints, c->states, c->ids};

	return adopt_cells(&n, cells, count);
}

/* ---- from scratch */

static int make_tables(struct compiler *c, struct made *d, const struct mesh *m)
{
	int r = cells_table_init(&d->context.fronts, d->context.cells, CELLS_TABLE_KEY, d->seed,
				 m->vip_count);

	if (!r)
		r = matchers_init(&d->matchers, d->context.cells, d->seed);
	if (r)
		return r;
	d->addresses = addresses_new(d->context.cells, c->ids, d->seed, m->address_count);
	return d->addresses ? 0 : -ENOMEM;
}

static int make(struct compiler *c, const struct mesh *m, uint32_t seed)
{
	struct made *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	c->made = d;
	c->mesh = NULL;
	d->seed = seed;
	d->context = (struct compile_context){.cells = cells_new(COMPILE_CELLS_MAX),
					      .endpoints = c->endpoints,
					      .states = c->states,
					      .ids = c->ids};
	d->context.by_number = calloc(WEFT_MESH_SERVICES, sizeof(*d->context.by_number));
	if (!d->context.cells || !d->context.by_number)
		return -ENOMEM;
	d->context.state_cells.cells = d->context.cells;
	d->policies.cells = d->context.cells;
	workload_ids_move(c->ids, d->context.cells);
	return make_tables(c, d, m);
}

/* ---- what services depend on */

/* |most|: maglev_most of it. */
static uint64_t salt_of(const struct mesh *m, uint32_t most)
{
	const struct mesh_locality *l = m->settings.node_locality;

	return key_add_number(
		key_add_text(key_add_text(key_add_text(1, l->region), l->zone), l->subzone),
		maglev_prime(most));
}

/* Routes lead to other services, and ask who the client is. */
static uint64_t add_routes(const struct compiler *c, const struct mesh *m, uint32_t service,
			   uint64_t hash)
{
	const struct mesh_service *s = &m->services[service];
	uint64_t version = workload_ids_class_version(c->ids);

	for (uint32_t i = 0; i < s->route_count; i++) {
		const struct mesh_route *r = &m->routes[s->route_first + i];

		if (r->source_namespace[0] || r->source_labels->count)
			hash = key_add_number(hash, version);
		for (uint32_t j = 0; j < r->destination_count; j++)
			hash = key_add_number(
				hash, m->service_hashes[m->destinations[r->destination_first + j]
								.service]);
	}
	return hash;
}

static uint64_t *find_hashes(const struct compiler *c, const struct mesh *m)
{
	uint64_t *hashes = malloc((m->service_count + 1) * sizeof(*hashes));

	for (uint32_t i = 0; hashes && i < m->service_count; i++) {
		hashes[i] = m->service_hashes[i] ^ c->made->salt;
		if (m->services[i].route_count)
			hashes[i] = add_routes(c, m, i, hashes[i]);
	}
	return hashes;
}

/* ---- services */

/* Services of the run before that are not in this one as they were. */
struct leaving {
	struct compiled **services;
	uint32_t count;
};

static void leave(const struct made *d, uint32_t first, uint32_t end, struct leaving *leaving)
{
	for (uint32_t i = first; i < end; i++) {
		d->services[i]->leaves = true;
		leaving->services[leaving->count++] = d->services[i];
	}
}

static int keep_same(struct compiler *c, struct compiled **next, struct leaving *leaving)
{
	struct made *d = c->made;
	uint32_t end = 0;

	leaving->services = malloc((d->service_count + 1) * sizeof(*leaving->services));
	if (!leaving->services)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->changes.count; i++) {
		const struct changes_run *r = &c->changes.runs[i];

		leave(d, end, r->old_first, leaving);
		memcpy(&next[r->new_first], &d->services[r->old_first], r->count * sizeof(*next));
		end = r->old_first + r->count;
	}
	leave(d, end, d->service_count, leaving);
	return 0;
}

/* Creates records for all changed objects, so that references find their numbers. */
static int renew(struct compiler *c, uint32_t count)
{
	struct compile_context *x = &c->made->context;
	struct compiled *s, *old;

	for (uint32_t i = 0; i < count; i++) {
		if (x->services[i])
			continue;
		s = x->services[i] = compiled_new(x, i);
		if (!s)
			return -ENOSPC;
		old = x->by_number[s->number];
		if (old)
			compiled_inherit(s, old);
		x->by_number[s->number] = s;
		c->statistics.services++;
	}
	return 0;
}

static void erase_gone(struct compile_context *x, const struct leaving *leaving)
{
	for (uint32_t i = 0; i < leaving->count; i++) {
		if (x->by_number[leaving->services[i]->number] != leaving->services[i])
			continue;
		compiled_erase(x, leaving->services[i]);
		x->by_number[leaving->services[i]->number] = NULL;
	}
}

/* |next| has NULL where a service is to be written. */
static int write_services(struct compiler *c, struct compiled **next, const struct leaving *leaving)
{
	struct compile_context *x = &c->made->context;
	uint32_t count = x->mesh->service_count;
	uint8_t *fresh = malloc(count + 1);
	int r = fresh ? 0 : -ENOMEM;

	for (uint32_t i = 0; fresh && i < count; i++)
		fresh[i] = !next[i];
	x->services = next;
	if (!r)
		r = renew(c, count);
	if (!r)
		erase_gone(x, leaving);
	for (uint32_t i = 0; !r && i < count; i++)
		if (fresh[i])
			r = compile_service(x, i);
	free(fresh);
	return r;
}

/* Ends what left; after a failure |next| may have gaps, which compiled_free bears. */
static void take_over(struct made *d, struct compiled **next, uint64_t *hashes, uint32_t count,
		      struct leaving *leaving)
{
	for (uint32_t i = 0; i < leaving->count; i++)
		compiled_free(&d->context, leaving->services[i]);
	free(leaving->services);
	free(d->services);
	free(d->hashes);
	d->services = next;
	d->hashes = hashes;
	d->service_count = count;
}

static int update_services(struct compiler *c, const struct mesh *m)
{
	struct compiled **next = calloc(m->service_count + 1, sizeof(*next));
	uint64_t *hashes = find_hashes(c, m);
	struct leaving leaving = {0};
	int r = -ENOMEM;

	if (next && hashes)
		r = changes_find(c->made->hashes, c->made->service_count, hashes, m->service_count,
				 &c->changes);
	if (!r)
		r = keep_same(c, next, &leaving);
	if (r) {
		free(next);
		free(hashes);
		return r;
	}
	r = write_services(c, next, &leaving);
	take_over(c->made, next, hashes, m->service_count, &leaving);
	return r;
}

/* ---- a run */

static bool asks_for_sources(const struct mesh *m)
{
	for (uint32_t i = 0; i < m->route_count; i++)
		if (m->routes[i].source_namespace[0] || m->routes[i].source_labels->count)
			return true;
	return false;
}

static int update_policies(struct compiler *c, const struct compile_input *in,
			   struct identity_view *view, struct error *err)
{
	bool outdated = policies_outdated(&c->made->policies, c->ids, in->mesh);
	int r = 0;

	if (outdated || asks_for_sources(in->mesh))
		r = workload_ids_view(c->ids, in->mesh, view);
	if (!r && outdated)
		r = policies_update(&c->made->policies, c->ids, view, in->mesh, err);
	if (!r)
		workload_ids_write(c->ids, &c->made->policies.of_classes,
				   outdated && c->made->policies.all);
	c->statistics.policies = outdated;
	return r;
}

static bool policies_end(const struct mesh *m)
{
	for (uint32_t i = 0; i < m->policy_count; i++)
		if (m->policies[i].end_connections)
			return true;
	return false;
}

static void write_header(struct compiler *c, const struct compile_input *in)
{
	const struct made *d = c->made;
	const struct cells_table *addresses = addresses_table(d->addresses);
	struct weft_mesh_header h = {
		.magic = WEFT_MESH_MAGIC,
		.abi_version = WEFT_ABI_VERSION,
		.generation = in->generation,
		.config_hash = in->mesh->hash,
		.seed = d->seed,
		.cells = cells_count(d->context.cells),
		.fronts = {d->context.fronts.first, d->context.fronts.mask},
		.addresses = {addresses->first, addresses->mask},
		.matchers = {d->matchers.table.first, d->matchers.table.mask},
		.prefixes = addresses_lengths(d->addresses),
	};

	h.flags = (in->mesh->policy_count ? WEFT_MESH_POLICIES : 0) |
		  (policies_end(in->mesh) ? WEFT_MESH_ENDS : 0) |
		  (matchers_ask_programs(in->mesh) ? WEFT_MESH_PROGRAMS : 0) | d->matchers.lacks |
		  (d->context.fronts.count ? WEFT_MESH_BALANCES : 0);
	cells_put(d->context.cells, 0, &h);
}

static int write_all(struct compiler *c, const struct compile_input *in, struct error *err)
{
	struct made *d = c->made;
	struct identity_view view = {0};
	int r = workload_ids_update(c->ids, c->mesh, in->mesh);

	d->context.mesh = in->mesh;
	d->context.view = &view;
	if (!r)
		r = update_policies(c, in, &view, err);
	if (!r)
		r = addresses_update(d->addresses, c->mesh, in->mesh);
	if (!r)
		r = matchers_write(&d->matchers, in->mesh, c->ids, in->names, in->name_count);
	if (!r && d->matchers.skipped) /* what they know would not be protected */
		r = error_set(err, -ENOSPC,
			      "more than %u workloads are known by one program, control group, "
			      "network namespace or user",
			      WEFT_MESH_MATCHERS);
	if (!r)
		r = update_services(c, in->mesh);
	if (!r)
		r = cells_error(d->context.cells);
	if (!r)
		write_header(c, in);
	workload_ids_view_free(&view);
	return r;
}

static void count_all(struct compiler *c)
{
	uint32_t come;

	workload_ids_come(c->ids, &come);
	c->statistics.workloads = come;
	c->statistics.cells_used = cells_count(c->made->context.cells);
	c->statistics.addresses_shared = addresses_shared(c->made->addresses);
}

static int run_once(struct compiler *c, const struct compile_input *in, uint32_t seed,
		    struct error *err)
{
	uint32_t most = maglev_most(in->mesh);
	uint64_t salt = salt_of(in->mesh, most);
	int r = 0;

	c->statistics = (struct compile_statistics){0};
	if (c->made && c->made->salt != salt)
		made_free(c);
	if (!c->made) {
		c->statistics.scratch = true;
		r = make(c, in->mesh, seed);
	}
	if (!r) {
		c->made->salt = salt;
		c->made->context.maglev_most = most;
		cells_epoch_set(c->made->context.cells, in->generation);
		r = write_all(c, in, err);
	}
	if (!r)
		count_all(c);
	if (!r && c->statistics.scratch)
		c->oldest = in->generation;
	if (r)
		made_free(c);
	return r;
}

struct question {
	const struct compile_input *in;
	enum compile_number kind;
};

static bool ask(void *arg, uint32_t number)
{
	const struct question *q = arg;

	return !q->in->idle || q->in->idle(q->in->arg, q->kind, number);
}

static void retire(struct compiler *c, const struct compile_input *in)
{
	struct question endpoints = {in, COMPILE_ENDPOINT}, states = {in, COMPILE_STATE};

	numbers_retire(c->endpoints, ask, &endpoints);
	numbers_retire(c->states, ask, &states);
	workload_ids_retire(c->ids);
}

static int explain(struct error *err, int r)
{
	switch (r) {
	case -ENOSPC:
		return error_set(err, r,
				 "the mesh is too large: at most %u cells, %u endpoints, %u "
				 "services and pools",
				 COMPILE_CELLS_MAX, WEFT_MESH_ENDPOINTS, WEFT_MESH_SERVICES);
	case -EMLINK:
		return error_set(err, -ENOSPC,
				 "more than %u workloads that differ have one address, or the "
				 "prefixes of workloads have more than %u lengths",
				 WEFT_MESH_IDENTITIES, WEFT_MESH_LENGTHS);
	case -EXFULL:
		return error_set(err, -ENOSPC, "addresses collide in the tables of the mesh");
	default:
		return error_set(err, r, "no memory to compile the mesh");
	}
}

int compiler_run(struct compiler *c, const struct compile_input *in, struct error *err)
{
	struct error why = {0};
	int r = -EXFULL;

	retire(c, in);
	for (uint32_t i = 0; r == -EXFULL && i < SEEDS_MAX; i++)
		r = run_once(c, in, c->seed + i, &why);
	c->mesh = r ? NULL : in->mesh;
	if (!r)
		c->generation = in->generation;
	else if (why.code && err)
		*err = why;
	else
		r = explain(err, r);
	return r;
}

const struct cells *compiler_cells(const struct compiler *c)
{
	return c->made->context.cells;
}

uint64_t compiler_oldest(const struct compiler *c)
{
	return c->oldest;
}

void compiler_statistics(const struct compiler *c, struct compile_statistics *ret)
{
	*ret = c->statistics;
}

/* ---- names */

static uint32_t *new_names(uint32_t count)
{
	uint32_t *names = malloc((count + 1) * sizeof(*names));

	if (names)
		memset(names, 0xff, (count + 1) * sizeof(*names));
	return names;
}

void compile_names_free(struct compile_names *n)
{
	if (!n)
		return;
	free(n->endpoints);
	free(n->endpoint_ports);
	free(n->services);
	free(n->workloads);
	free(n->workload_cells);
	free(n);
}

static void fill_endpoints(const struct mesh *m, const struct mesh_service *service,
			   const struct compiled *s, struct compile_names *n)
{
	for (uint32_t j = 0; j < s->endpoint_count; j++) {
		uint32_t endpoint = service->endpoint_first + j / service->port_count;

		if (s->endpoints[j] == NUMBER_NONE)
			continue;
		n->endpoints[s->endpoints[j]] = endpoint;
		n->endpoint_ports[s->endpoints[j]] =
			m->target_ports[m->endpoints[endpoint].ports_first +
					j % service->port_count];
	}
}

static void fill_names(const struct compiler *c, struct compile_names *n)
{
	const struct mesh *m = c->mesh;
	const struct compiled *s;

	for (uint32_t i = 0; i < c->made->service_count; i++) {
		s = c->made->services[i];
		n->services[s->number] = i;
		fill_endpoints(m, &m->services[i], s, n);
	}
	for (uint32_t i = 0; i < m->workload_count; i++) {
		uint32_t number = workload_ids_number(c->ids, i);

		n->workloads[number] = i;
		n->workload_cells[i] = workload_ids_cell(c->ids, number);
	}
}

struct compile_names *compiler_names(const struct compiler *c)
{
	struct compile_names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->generation = c->generation;
	n->endpoint_count = numbers_end(c->endpoints);
	n->service_count = numbers_end(c->states);
	n->workload_count = workload_ids_end(c->ids);
	n->endpoints = new_names(n->endpoint_count);
	n->endpoint_ports = calloc(n->endpoint_count + 1u, sizeof(*n->endpoint_ports));
	n->services = new_names(n->service_count);
	n->workloads = new_names(n->workload_count);
	n->workload_cells = new_names(c->mesh->workload_count);
	if (n->endpoints && n->endpoint_ports && n->services && n->workloads && n->workload_cells) {
		fill_names(c, n);
		return n;
	}
	compile_names_free(n);
	return NULL;
}
