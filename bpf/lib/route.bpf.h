/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: the question that a connection is, the first of a front's routes that takes it, and one
 * of the pools that the route is split between. */
#pragma once

#include "bpf/lib/balance.bpf.h"
#include "bpf/lib/policy.bpf.h"

#define ROUTES_UNROLLED 16 /* on kernels without bpf_loop (before 5.17) */

/* The question and what is found; in the order that the kernel half fills it. */
struct mesh_ask {
	struct weft_mesh_key key;
	__u8 can_v4; /* the socket reaches endpoints of this family */
	__u8 can_v6;
	__u8 counts;   /* a connection comes of it: bounded, counted in and out */
	__u8 simulate; /* nothing is counted */
	__u64 client;  /* hash of the client's address, 0: not asked for yet (WEFT_ASKS_ADDR) */
	__u64 cookie;  /* datagrams: of the socket, which stays with its endpoint; else 0 */
	__u64 route_generation; /* that |route| is of, 0: not asked for yet (WEFT_ASKS_ROUTE) */
	__u32 route;		/* cell of the route that takes it, 0 = none does */
	/* found */
	__u32 service; /* cell, 0 = not a service's address */
	__u64 generation;
	__u32 pool;
	__u32 endpoint;
	__u32 service_state;
	__u32 endpoint_state;
	__u8 addr[16];
	__u16 port;
	__u16 entered; /* it passed the service's limits: connect_sent or connect_taken_back is due
			*/
	__u32 asks;    /* WEFT_ASKS_* of the service */
	__u32 match;   /* and its step */
};

static __always_inline struct weft_service_state *service_state(__u32 index)
{
	return bpf_map_lookup_elem(&weft_services, &index);
}

/* ---- split */

/* What a route's split goes by: a client that is to stay with its endpoint (|faithful|) always
 * draws the same number; the others one after another numbers that are spread evenly (golden
 * ratio), so that the shares are right after few connections. */
static __always_inline __u32 split_draw(const struct mesh_ask *ask, bool faithful)
{
	struct weft_service_state *state = service_state(ask->service_state);
	__u64 who = ask->cookie ? ask->cookie : ask->client;
	__u32 words[2] = {(__u32)who, who >> 32};

	if (faithful || !state)
		return weft_hash(words, 2, 7);
	if (ask->simulate)
		return (__u32)state->rotation * 0x9e3779b9u;
	return (__u32)__sync_fetch_and_add(&state->rotation, 1) * 0x9e3779b9u;
}

/* The pool whose share holds |point| in one cell of a route, 0: it is in a later one. */
static __always_inline __u32 split_find(const struct weft_mesh_route *route, __u32 point)
{
	for (__u32 i = 0; i < WEFT_ROUTE_SPLITS; i++)
		if (point < route->split[i].upper)
			return route->split[i].pool;
	return 0;
}

/* The walk over the cells of the route that is taken. */
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

/* Draws a pool from a route: |ask->pool|, 0: it leads nowhere. */
__weak __noinline int split_pool(struct mesh_ask *ask, __u32 route, __u32 faithful)
{
	struct mesh m;

	if (ask && mesh_open(&m) && m.header->generation == ask->generation)
		ask->pool = split_choose(m.arena, route, split_draw(ask, faithful));
	return 0;
}

/* ---- routes */

/* What matches ask about. Who is not known, or may be one of several, has no class: then only the
 * routes for everybody are for it. */
static __always_inline void match_question(struct weft_policy_question *q, const struct mesh *m,
					   const struct mesh_ask *ask, __u32 source)
{
	const struct weft_mesh_identity *who = source ? mesh_cell(m->arena, source) : NULL;

	q->step = ask->match;
	q->class_number = who ? who->class_number : WEFT_NUMBER_NONE;
	q->namespace_number = q->principal_number = WEFT_NUMBER_NONE;
	q->generation = ask->generation;
	q->target_port = ask->key.port;
	__builtin_memcpy(q->target_addr, ask->key.addr, 16);
}

/* Fills in the route that takes the connection of |source|: cell of weft_mesh_identity, 0 or
 * IDENTITY_MANY. Called from programs alone: the walk over steps needs a deep stack. */
__weak __noinline int route_match(struct mesh_ask *ask, __u32 source)
{
	struct weft_policy_question question = {};
	struct weft_policy_answer answer;
	struct mesh m;

	if (!ask || !mesh_open(&m))
		return 0;
	match_question(&question, &m, ask, source);
	policy_walk(&question, &answer);
	ask->route = answer.action == WEFT_ACTION_ALLOW ? answer.policy : 0;
	ask->route_generation = ask->generation;
	return 0;
}
