// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Routes and endpoints are built with relative indexes, which become absolute when it is
 * known how much room they need. */
#include "mesh-config/compile/service.h"

#include "mesh-config/compile/endpoint_pool.h"
#include "mesh-config/compile/keys.h"
#include "mesh-config/compile/route.h"

#include "base/cleanup.h"

#include <errno.h>
#include <netinet/in.h>

/* ---- numbers */

/* A key that another service of this run has leads to the next key. */
static int take_service(struct compile_context *c, struct compiled *s)
{
	const struct compiled *other;

	for (;; s->key = key_add_number(s->key, 1)) {
		s->number = numbers_take(c->states, &s->key);
		if (s->number == NUMBER_NONE)
			return -ENOSPC;
		other = c->by_number[s->number];
		if (!other || other->leaves)
			return slots_cell(&c->state_cells, s->number) ? 0 : -ENOSPC;
		numbers_give(c->states, s->number);
	}
}

static int take_endpoint(struct compile_context *c, const struct compiled *s,
			 const struct mesh_endpoint *e, uint16_t port, uint32_t *ret)
{
	struct endpoint_key key = {.service = s->key, .port = port};

	*ret = NUMBER_NONE;
	if (!port)
		return 0;
	memcpy(key.address, e->address, sizeof(key.address));
	*ret = numbers_take(c->endpoints, &key);
	return *ret == NUMBER_NONE ? -ENOSPC : 0;
}

static int take_endpoints(struct compile_context *c, const struct mesh_service *from,
			  struct compiled *s)
{
	const struct mesh *m = c->mesh;
	const struct mesh_endpoint *e;
	int r = 0;

	s->endpoints = malloc((from->endpoint_count * (size_t)from->port_count + 1) *
			      sizeof(*s->endpoints));
	if (!s->endpoints)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->endpoint_count; i++) {
		e = &m->endpoints[from->endpoint_first + i];
		for (uint32_t port = 0; !r && port < from->port_count; port++)
			r = take_endpoint(c, s, e, m->target_ports[e->ports_first + port],
					  &s->endpoints[s->endpoint_count++]);
	}
	return r;
}

struct compiled *compiled_new(struct compile_context *c, uint32_t service)
{
	const struct mesh_service *from = &c->mesh->services[service];
	struct compiled *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->number = NUMBER_NONE;
	s->key = key_add_text(key_add_text(2, from->namespace_name), from->name);
	if (!take_service(c, s) && !take_endpoints(c, from, s))
		return s;
	compiled_free(c, s);
	return NULL;
}

void compiled_free(struct compile_context *c, struct compiled *s)
{
	if (!s)
		return;
	if (s->number != NUMBER_NONE)
		numbers_give(c->states, s->number);
	for (uint32_t i = 0; i < s->endpoint_count; i++)
		if (s->endpoints[i] != NUMBER_NONE)
			numbers_give(c->endpoints, s->endpoints[i]);
	for (uint32_t i = 0; i < s->pool_count; i++)
		numbers_give(c->states, s->pools[i]);
	free(s->endpoints);
	free(s->pools);
	free(s->fronts);
	free(s);
}

void compiled_inherit(struct compiled *s, struct compiled *old)
{
	s->block = old->block;
	s->block_cells = old->block_cells;
	s->fronts = old->fronts;
	s->front_count = old->front_count;
	old->block = old->block_cells = 0;
	old->fronts = NULL;
	old->front_count = 0;
}

/* ---- fronts */

bool compile_has_fronts(const struct mesh *m, const struct mesh_service *s)
{
	return s->resolution == MESH_STATIC && s->vip_count &&
	       m->traffic[s->traffic].balance != MESH_BALANCE_PASSTHROUGH;
}

/* How many addresses a prefix is served at: 0 when it is too wide. */
static uint32_t prefix_size(const struct mesh_prefix *p)
{
	return p->bits > 128 - 9 && 1u << (128 - p->bits) <= COMPILE_PREFIX_MAX
		       ? 1u << (128 - p->bits)
		       : 0;
}

static uint32_t count_fronts(const struct mesh *m, const struct mesh_service *s)
{
	uint32_t addresses = 0;

	for (uint32_t i = 0; i < s->vip_count; i++)
		addresses += prefix_size(&m->vips[s->vip_first + i].prefix);
	return addresses * s->port_count;
}

static struct weft_mesh_key front_key(const struct mesh_prefix *p, uint32_t number,
				      const struct mesh_port *port)
{
	struct weft_mesh_key key = {.port = port->port, .kind = WEFT_KEY_FRONT};

	memcpy(key.addr, p->address, sizeof(key.addr));
	key.addr[15] = (uint8_t)(key.addr[15] + number);
	key.protocol = port->protocol == MESH_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	return key;
}

static uint32_t list_fronts(const struct mesh *m, const struct mesh_service *s,
			    struct weft_mesh_key *ret)
{
	const struct mesh_prefix *p;
	uint32_t count = 0;

	for (uint32_t i = 0; i < s->vip_count; i++) {
		p = &m->vips[s->vip_first + i].prefix;
		for (uint32_t j = 0; j < prefix_size(p); j++)
			for (uint32_t port = 0; port < s->port_count; port++)
				ret[count++] = front_key(p, j, &m->ports[s->port_first + port]);
	}
	return count;
}

static bool has_key(const struct weft_mesh_key *keys, uint32_t count,
		    const struct weft_mesh_key *key)
{
	for (uint32_t i = 0; i < count; i++)
		if (!memcmp(&keys[i], key, sizeof(*key)))
			return true;
	return false;
}

/* Only what is this service's: another may have the address now. */
static void remove_front(struct compile_context *c, const struct compiled *s,
			 const struct weft_mesh_key *key)
{
	uint32_t at = cells_table_find(&c->fronts, key);
	const struct weft_mesh_front *front = cells_get(c->cells, at);

	if (at && front->service == slots_find(&c->state_cells, s->number))
		cells_table_remove(&c->fronts, key);
}

void compiled_erase(struct compile_context *c, struct compiled *s)
{
	for (uint32_t i = 0; i < s->front_count; i++)
		remove_front(c, s, &s->fronts[i]);
	s->front_count = 0;
	cells_release(c->cells, s->block, s->block_cells);
	s->block = s->block_cells = 0;
}

static int write_fronts(struct compile_context *c, const struct mesh_service *from,
			struct compiled *s, const struct port_routes *routes, uint32_t steps)
{
	const struct port_routes *of;
	struct weft_mesh_front front = {.service = slots_find(&c->state_cells, s->number)};
	int r = 0;

	for (uint32_t i = 0; !r && i < s->front_count; i++) {
		front.key = s->fronts[i];
		of = &routes[i % from->port_count];
		front.route = s->block + of->first;
		front.routes = of->count;
		front.match = of->match ? of->match + s->block + steps - 1 : 0;
		front.asks = of->asks;
		r = cells_table_put(&c->fronts, &front);
	}
	return r;
}

/* Takes away those that are no longer wanted, and lists those that are. */
static int replace_fronts(struct compile_context *c, const struct mesh_service *from,
			  struct compiled *s)
{
	uint32_t count = compile_has_fronts(c->mesh, from) ? count_fronts(c->mesh, from) : 0;
	struct weft_mesh_key *keys = calloc(count + 1, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	if (count)
		count = list_fronts(c->mesh, from, keys);
	for (uint32_t i = 0; i < s->front_count; i++)
		if (!has_key(keys, count, &s->fronts[i]))
			remove_front(c, s, &s->fronts[i]);
	free(s->fronts);
	s->fronts = keys;
	s->front_count = count;
	return 0;
}

/* ---- pools */

static uint64_t pool_key(const struct compile_context *c, const struct compiled *s,
			 const struct balance_pool *of)
{
	const struct mesh *m = c->mesh;
	const struct mesh_service *target = &m->services[of->service];
	const struct mesh_port *port = &m->ports[target->port_first + of->port];
	uint64_t key = key_add_number(s->key, c->services[of->service]->key);

	key = key_add_text(key, of->subset == MESH_NONE ? "" : m->subsets[of->subset].name);
	return of->port == MESH_NONE ? key : key_add_number(key, port->port | port->protocol << 16);
}

static int take_pools(struct compile_context *c, struct compiled *s, const struct route_plan *p)
{
	uint64_t key;

	s->pools = calloc(p->pool_count + 1, sizeof(*s->pools));
	if (!s->pools)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->pool_count; i++) {
		key = pool_key(c, s, &p->pools[i]);
		s->pools[i] = numbers_take(c->states, &key);
		if (s->pools[i] == NUMBER_NONE)
			return -ENOSPC;
		s->pool_count++;
		if (!slots_cell(&c->state_cells, s->pools[i]))
			return -ENOSPC;
	}
	return 0;
}

static int make_pools(struct compile_context *c, struct compiled *s, struct route_plan *p,
		      struct weft_mesh_pool *cells)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < p->pool_count; i++) {
		cells[i].state = s->pools[i];
		cells[i].service =
			slots_find(&c->state_cells, c->services[p->pools[i].service]->number);
		r = compile_pool(c, p->builder, &p->pools[i], &cells[i]);
	}
	return r;
}

static void write_pools(struct compile_context *c, const struct compiled *s,
			struct weft_mesh_pool *cells)
{
	for (uint32_t i = 0; i < s->pool_count; i++) {
		cells[i].first += s->block;
		if (cells[i].maglev_slots)
			cells[i].maglev += s->block;
		cells_put(c->cells, slots_find(&c->state_cells, s->pools[i]), &cells[i]);
	}
}

/* ---- the block */

/* Splits have numbers of pools in the plan: they become cells. */
static void place_routes(const struct compile_context *c, const struct compiled *s,
			 struct route_plan *p, uint32_t count)
{
	struct weft_mesh_route *route;

	for (uint32_t i = 0; i < count; i++) {
		route = cell_builder_at(p->builder, i);
		for (uint32_t j = 0; j < WEFT_ROUTE_SPLITS; j++)
			route->split[j].pool = route->split[j].upper
						       ? slots_find(&c->state_cells,
								    s->pools[route->split[j].pool])
						       : 0;
	}
}

/* Steps that end in a route name its cell. */
static void place_steps(const struct compiled *s, struct route_plan *p, uint32_t steps)
{
	struct weft_mesh_step *step = p->steps.cells;

	steps_move(&p->steps, s->block + steps);
	for (uint32_t i = 0; i < p->steps.count; i++)
		if (p->steps.lengths[i] && step[i].kind == WEFT_STEP_VERDICT)
			step[i].value.verdict.policy += s->block;
	memcpy(cell_builder_at(p->builder, steps), step,
	       p->steps.count * (size_t)WEFT_MESH_CELL_BYTES);
}

static int write_block(struct compile_context *c, struct compiled *s, struct route_plan *p,
		       uint32_t routes, uint32_t *ret_steps)
{
	uint32_t step_count = p->has_steps ? p->steps.count : 0;
	uint32_t steps = cell_builder_add(p->builder, step_count);
	uint32_t old = s->block_cells;

	*ret_steps = steps;

	if (p->builder->error)
		return p->builder->error;
	s->block_cells = p->builder->count;
	s->block = cells_realloc(c->cells, s->block, old, s->block_cells);
	if (!s->block)
		return s->block_cells ? -ENOSPC : 0;
	place_routes(c, s, p, routes);
	if (step_count)
		place_steps(s, p, steps);
	cells_put_all(c->cells, s->block, p->builder->cells, p->builder->count);
	return 0;
}

static void write_service(struct compile_context *c, const struct mesh_service *from,
			  const struct compiled *s)
{
	const struct mesh_traffic *t = &c->mesh->traffic[from->traffic];
	struct weft_mesh_service cell = {
		.key = s->key,
		.state = s->number,
		.max_connections = t->limits.max_connections,
		.connects_per_second = t->connect_rate,
		.affinity_s = from->session_affinity_s,
		.flags = from->acceleration ? WEFT_SERVICE_ACCELERATE : 0,
	};

	cells_put(c->cells, slots_find(&c->state_cells, s->number), &cell);
}

/* ---- all */

static int write_plan(struct compile_context *c, struct route_plan *p, struct compiled *s)
{
	const struct mesh_service *from = &c->mesh->services[p->service];
	cleanup_free struct port_routes *routes = calloc(from->port_count + 1, sizeof(*routes));
	cleanup_free struct weft_mesh_pool *pools = NULL;
	uint32_t all, steps;
	int r;

	if (!routes)
		return -ENOMEM;
	for (uint32_t i = 0; s->front_count && i < from->port_count; i++)
		compile_routes(p, i, &routes[i]);
	all = p->builder->count;
	pools = calloc(p->pool_count + 1, sizeof(*pools));
	r = p->builder->error ? p->builder->error : p->error;
	if (!r && p->has_steps)
		r = p->steps.error;
	if (!r && !pools)
		r = -ENOMEM;
	if (!r)
		r = take_pools(c, s, p);
	if (!r)
		r = make_pools(c, s, p, pools);
	if (!r)
		r = write_block(c, s, p, all, &steps);
	if (!r) {
		write_pools(c, s, pools);
		r = write_fronts(c, from, s, routes, steps);
	}
	return r;
}

int compile_service(struct compile_context *c, uint32_t service)
{
	const struct mesh_service *from = &c->mesh->services[service];
	struct compiled *s = c->services[service];
	struct cell_builder builder = {0};
	struct route_plan plan = {.c = c, .service = service, .builder = &builder};
	int r = replace_fronts(c, from, s);

	write_service(c, from, s);
	if (!r)
		r = write_plan(c, &plan, s);
	route_plan_free(&plan);
	cell_builder_free(&builder);
	return r ? r : cells_error(c->cells);
}
