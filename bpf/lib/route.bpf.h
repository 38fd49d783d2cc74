/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: the request for a decision, the first route of a frontend that takes the connection, and
 * a pool of that route's split. */
#pragma once

#include "bpf/lib/balance.bpf.h"
#include "bpf/lib/policy.bpf.h"

#define ROUTES_UNROLLED 16 /* on kernels without bpf_loop (before 5.17) */

/* The request and the result, in the order in which they are filled. */
struct mesh_request {
	struct weft_mesh_key key;
	__u8 can_v4; /* the socket can use endpoints of this family */
	__u8 can_v6;
	__u8 counts;   /* it becomes a connection, which is limited and counted */
	__u8 simulate; /* simulation: nothing is counted */
	__u64 client;  /* hash of the client's address, 0: not determined yet (WEFT_ASKS_ADDR) */
	__u64 cookie;  /* datagrams: of the socket, which keeps its endpoint; else 0 */
	__u64 route_generation; /* of |route|, 0: not determined yet (WEFT_ASKS_ROUTE) */
	__u32 route;		/* cell of the route that takes it, 0 = none */
	/* result */
	__u32 service; /* cell, 0 = not an address of a service */
	__u64 generation;
	__u32 pool;
	__u32 endpoint;
	__u32 service_state;
	__u32 endpoint_state;
	__u8 addr[16];
	__u16 port;
	__u8 entered;  /* it passed the limits: connect_sent or connect_taken_back is due */
	__u8 isolated; /* net_is_isolated: limits and counters of services are not concerned */
	__u32 asks;    /* WEFT_ASKS_* of the frontend */
	__u32 match;   /* and its |match| step */
};

static __always_inline struct weft_service_state *service_state(__u32 index)
{
	return bpf_map_lookup_elem(&weft_services, &index);
}

/* ---- split */

/* The number that selects a pool of the split. A client with affinity (|faithful|) always draws the
 * same number. Others draw consecutive numbers that are spread evenly (golden ratio), so that the
 * shares are right after few connections. */
static __always_inline __u32 split_draw(const struct mesh_request *request, bool faithful)
{
	struct weft_service_state *state = service_state(request->service_state);
	__u64 who = request->cookie ? request->cookie : request->client;
	__u32 words[2] = {(__u32)who, who >> 32};

	if (faithful || !state)
		return weft_hash(words, 2, 7);
	if (request->simulate)
		return (__u32)state->rotation * 0x9e3779b9u;
	return (__u32)__sync_fetch_and_add(&state->rotation, 1) * 0x9e3779b9u;
}

/* The pool whose share contains |point| in one cell of a route, 0: it is in a later cell. */
static __always_inline __u32 split_find(const struct weft_mesh_route *route, __u32 point)
{
	for (__u32 i = 0; i < WEFT_ROUTE_SPLITS; i++)
		if (point < route->split[i].upper)
			return route->split[i].pool;
	return 0;
}

/* Iteration over the cells of a route. */
struct split_walk {
	void *arena;
	__u32 cell;
	__u32 point;
	__u32 pool;
};

static long split_each(__u32 index, void *walk)
{
	struct split_walk *w = walk;
	const struct weft_mesh_route *route = mesh_cell(w->arena, w->cell + index);

	w->pool = route ? split_find(route, w->point) : 0;
	return w->pool || !route;
}

static __always_inline __u32 split_choose(void *arena, __u32 cell, __u32 random)
{
	const struct weft_mesh_route *route = mesh_cell(arena, cell);
	struct split_walk w = {.arena = arena, .cell = cell};

	if (!route)
		return 0;
	w.point = (__u64)random * route->total_weight >> 32;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(route->more + 1, split_each, &w, 0);
	} else {
		for (__u32 i = 0; i < ROUTES_UNROLLED && i <= route->more; i++)
			if (split_each(i, &w))
				break;
	}
	return w.pool;
}

/* Selects a pool of a route: |request->pool|, 0: the route has no destination. */
__weak __noinline int split_pool(struct mesh_request *request, __u32 route, __u32 faithful)
{
	struct mesh m;

	if (request && mesh_open(&m) && m.header->generation == request->generation)
		request->pool = split_choose(m.arena, route, split_draw(request, faithful));
	return 0;
}

/* ---- routes */

/* The input of route matches. A source that is not known, or may be one of several workloads, has
 * no class: then only routes without a condition on the source match. */
static __always_inline void match_question(struct weft_policy_question *q, const struct mesh *m,
					   const struct mesh_request *request, __u32 source)
{
	const struct weft_mesh_identity *who = source ? mesh_cell(m->arena, source) : NULL;

	q->step = request->match;
	q->class_number = who ? who->class_number : WEFT_NUMBER_NONE;
	q->namespace_number = q->principal_number = WEFT_NUMBER_NONE;
	q->generation = request->generation;
	q->target_port = request->key.port;
	__builtin_memcpy(q->target_addr, request->key.addr, 16);
}

/* Finds the route for a connection of |source|: cell of weft_mesh_identity, 0 or IDENTITY_MANY.
 * Called directly by programs only: the evaluation of steps needs a deep stack. */
__weak __noinline int route_match(struct mesh_request *request, __u32 source)
{
	struct weft_policy_question question = {};
	struct weft_policy_answer answer;
	struct mesh m;

	if (!request || !mesh_open(&m))
		return 0;
	match_question(&question, &m, request, source);
	policy_walk(&question, &answer);
	request->route = answer.action == WEFT_ACTION_ALLOW ? answer.policy : 0;
	request->route_generation = request->generation;
	return 0;
}
