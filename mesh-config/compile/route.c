// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Routes as written, then all endpoints of the port for what none of them takes. */
#include "mesh-config/compile/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- pools */

static uint32_t pool_of(struct route_plan *p, const struct balance_pool *of)
{
	uint32_t capacity = p->pool_capacity * 2 + 4;
	struct balance_pool *grown;

	if (balance_traffic(p->c->mesh, of)->balance == MESH_BALANCE_MAGLEV_SOURCE)
		p->asks |= WEFT_ASKS_ADDR;
	for (uint32_t i = 0; i < p->pool_count; i++)
		if (!memcmp(&p->pools[i], of, sizeof(*of)))
			return i;
	if (p->pool_count == p->pool_capacity) {
		grown = realloc(p->pools, capacity * sizeof(*grown));
		if (!grown) {
			p->error = -ENOMEM;
			return 0;
		}
		p->pools = grown;
		p->pool_capacity = capacity;
	}
	p->pools[p->pool_count] = *of;
	return p->pool_count++;
}

/* The port of a destination: as it says, else the one that was asked for, else its only one. */
static uint32_t destination_port(const struct mesh *m, const struct mesh_destination *d,
				 const struct mesh_port *asked)
{
	const struct mesh_service *s = &m->services[d->service];
	const struct mesh_port *ports = m->ports + s->port_first;
	uint16_t wanted = d->port ? d->port : asked->port;

	for (uint32_t i = 0; i < s->port_count; i++)
		if (ports[i].port == wanted && ports[i].protocol == asked->protocol)
			return i;
	return !d->port && s->port_count == 1 ? 0 : MESH_NONE;
}

/* ---- splits */

static uint64_t weight_sum(const struct mesh *m, const struct mesh_route *r, uint32_t *ret_splits)
{
	uint64_t sum = 0;

	*ret_splits = 0;
	for (uint32_t i = 0; i < r->destination_count; i++) {
		sum += m->destinations[r->destination_first + i].weight;
		*ret_splits += m->destinations[r->destination_first + i].weight > 0;
	}
	return sum;
}

/* Adds the cells of a route with room for |splits|; returns the first. */
static uint32_t add_route(struct route_plan *p, uint32_t splits)
{
	uint32_t cells = splits ? (splits + WEFT_ROUTE_SPLITS - 1) / WEFT_ROUTE_SPLITS : 1;
	uint32_t first = cell_builder_add(p->builder, cells);
	struct weft_mesh_route *route;

	if (p->builder->error)
		return 0;
	route = cell_builder_at(p->builder, first);
	route->splits = (uint16_t)splits;
	route->more = (uint16_t)(cells - 1);
	return first;
}

static void set_split(struct route_plan *p, uint32_t route, uint32_t split, uint32_t upper,
		      uint32_t pool)
{
	struct weft_mesh_route *at = cell_builder_at(p->builder, route + split / WEFT_ROUTE_SPLITS);

	at->split[split % WEFT_ROUTE_SPLITS].upper = upper;
	at->split[split % WEFT_ROUTE_SPLITS].pool = pool;
}

static void fill_splits(struct route_plan *p, const struct mesh_route *r, uint32_t route,
			const struct mesh_port *asked, uint64_t sum)
{
	uint32_t shift = sum > UINT32_MAX ? 32 - (uint32_t)__builtin_clzll(sum) : 0, split = 0;
	struct weft_mesh_route *first = cell_builder_at(p->builder, route);
	const struct mesh *m = p->c->mesh;
	uint64_t upper = 0;

	for (uint32_t i = 0; i < r->destination_count; i++) {
		const struct mesh_destination *d = &m->destinations[r->destination_first + i];
		struct balance_pool of = {d->service, d->subset, destination_port(m, d, asked)};

		if (!d->weight)
			continue;
		upper += d->weight;
		set_split(p, route, split++, (uint32_t)(upper >> shift), pool_of(p, &of));
	}
	first->total_weight = (uint32_t)(sum >> shift);
}

/* ---- matches */

/* The classes that |r| is for; whole cells, the caller frees them. */
static uint8_t *find_classes(const struct identity_view *v, const struct mesh_route *r)
{
	uint8_t *bits = calloc(v->class_count / WEFT_CELL_BITS + 1, WEFT_MESH_CELL_BYTES);
	const struct identity_class *k;

	for (uint32_t i = 0; bits && i < v->class_count; i++) {
		k = &v->classes[i];
		if (k->namespace_name &&
		    (!r->source_namespace[0] || !strcmp(r->source_namespace, k->namespace_name)) &&
		    mesh_labels_select(r->source_labels, k->labels))
			bits[i / 8] |= (uint8_t)(1u << i % 8);
	}
	return bits;
}

static uint32_t put_classes(struct route_plan *p, const struct mesh_route *r, uint32_t yes,
			    uint32_t no)
{
	struct weft_mesh_step step = {.kind = WEFT_STEP_CLASS, .yes = yes, .no = no};
	uint32_t count = p->c->view->class_count;
	uint8_t *bits = find_classes(p->c->view, r);

	if (!bits) {
		p->error = -ENOMEM;
		return 0;
	}
	step.value.bitmap.bits = count;
	if (count <= WEFT_STEP_BITS)
		memcpy(step.value.bitmap.bytes, bits, sizeof(step.value.bitmap.bytes));
	else
		step.first = steps_put_values(&p->steps, (const void *)bits,
					      (count + WEFT_CELL_BITS - 1) / WEFT_CELL_BITS);
	free(bits);
	return steps_put(&p->steps, &step);
}

/* One step for each prefix, the next one where it does not match. */
static uint32_t put_prefixes(struct route_plan *p, const struct mesh_route *r, uint32_t yes,
			     uint32_t no)
{
	const struct mesh_prefix *prefixes = p->c->mesh->prefixes + r->prefix_first;
	struct weft_mesh_step step;

	for (uint32_t i = r->prefix_count; i-- > 0;) {
		step = (struct weft_mesh_step){
			.kind = WEFT_STEP_TARGET_IP, .count = 1, .yes = yes, .no = no};
		memcpy(step.value.prefixes[0].addr, prefixes[i].address, 16);
		step.value.prefixes[0].bits = prefixes[i].bits;
		no = steps_put(&p->steps, &step);
	}
	return no;
}

static bool asks_for_source(const struct mesh_route *r)
{
	return r->source_namespace[0] || r->source_labels->count;
}

static bool asks(const struct mesh_route *r)
{
	return asks_for_source(r) || r->prefix_count;
}

/* The step that ends with the route at |cell|. */
static uint32_t put_taken(struct route_plan *p, uint32_t cell)
{
	struct weft_mesh_step step = {.kind = WEFT_STEP_VERDICT, .action = WEFT_ACTION_ALLOW};

	step.value.verdict.policy = cell;
	return steps_put(&p->steps, &step);
}

/* The step where the question begins whether |r|, at |cell|, is taken; else it goes on at |no|. */
static uint32_t put_match(struct route_plan *p, const struct mesh_route *r, uint32_t cell,
			  uint32_t no)
{
	uint32_t yes = put_taken(p, cell);

	if (asks_for_source(r)) {
		yes = put_classes(p, r, yes, no);
		p->asks |= WEFT_ASKS_SOURCE;
	}
	return r->prefix_count ? put_prefixes(p, r, yes, no) : yes;
}

/* ---- all routes of a port */

/* What the routes of a port are made of. */
struct placed {
	const struct mesh_route *route; /* NULL: the default */
	uint32_t cell;
};

/* A graph that finds the first route whose match holds; 0: it is always the first. */
static uint32_t put_matches(struct route_plan *p, const struct placed *routes, uint32_t count)
{
	uint32_t next;

	if (count < 2)
		return 0;
	if (!p->has_steps) {
		p->error = steps_init(&p->steps);
		p->has_steps = !p->error;
	}
	if (p->error)
		return 0;
	p->asks |= WEFT_ASKS_ROUTE;
	next = put_taken(p, routes[count - 1].cell);
	for (uint32_t i = count - 1; i-- > 0;)
		next = put_match(p, routes[i].route, routes[i].cell, next);
	if (steps_length(&p->steps, next) > WEFT_MESH_STEPS)
		p->error = -E2BIG;
	return next;
}

static uint32_t write_route(struct route_plan *p, const struct mesh_route *r,
			    const struct mesh_port *asked)
{
	uint32_t splits, route;
	uint64_t sum = weight_sum(p->c->mesh, r, &splits);

	route = add_route(p, splits);
	if (!p->builder->error && !p->error)
		fill_splits(p, r, route, asked, sum);
	return route;
}

static uint32_t write_default(struct route_plan *p, uint32_t port)
{
	struct balance_pool of = {p->service, MESH_NONE, port};
	uint32_t route = add_route(p, 1);

	if (p->builder->error)
		return 0;
	set_split(p, route, 0, 1, pool_of(p, &of));
	((struct weft_mesh_route *)cell_builder_at(p->builder, route))->total_weight = 1;
	return route;
}

void compile_routes(struct route_plan *p, uint32_t port, struct port_routes *ret)
{
	const struct mesh *m = p->c->mesh;
	const struct mesh_service *s = &m->services[p->service];
	const struct mesh_port *asked = &m->ports[s->port_first + port];
	const struct mesh_route *r = m->routes + s->route_first, *end = r + s->route_count;
	struct placed *placed = calloc(s->route_count + 1u, sizeof(*placed));
	uint32_t count = 0;
	bool closed = false;

	p->asks = s->session_affinity_s ? WEFT_ASKS_ADDR : 0;
	ret->first = p->builder->count;
	if (!placed)
		p->error = -ENOMEM;
	for (; placed && r < end && !closed; r++) {
		/* of connections: datagrams go to all endpoints */
		if (asked->protocol != MESH_TCP || (r->port && r->port != asked->port))
			continue;
		placed[count++] = (struct placed){r, write_route(p, r, asked)};
		closed = !asks(r);
	}
	if (placed && !closed)
		placed[count++] = (struct placed){NULL, write_default(p, port)};
	ret->match = p->error || p->builder->error ? 0 : put_matches(p, placed, count);
	ret->count = p->builder->count - ret->first;
	ret->asks = p->asks;
	free(placed);
}

void route_plan_free(struct route_plan *p)
{
	free(p->pools);
	if (p->has_steps)
		steps_free(&p->steps);
}
