/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: from the requested address to an endpoint: frontend, route, split, pool, endpoint, then
 * the service's limits and counters. One generation is looked up and used for all steps. */
#pragma once

#include "bpf/lib/route.bpf.h"

#define NSEC		  1000000000ull
#define GENERATIONS	  4	       /* generation changes tolerated during one decision */
#define DATAGRAMS_STAY_NS (300 * NSEC) /* between two datagrams */

/* Not a verdict: the decision needs more facts about the client, |ask->asks|. */
#define MESH_ASKS 255

/* ---- session affinity */

static __always_inline void sticky_key_fill(struct sticky_key *key, const struct mesh_ask *ask)
{
	key->client = ask->cookie ? ask->cookie : ask->client;
	key->asked = ask->key;
	key->kind = ask->cookie ? STICKY_SOCKET : STICKY_AFFINITY;
}

/* The number of the endpoint in |kept|, MESH_NONE: it is not usable. */
static __always_inline __u32 sticky_number(struct scan_walk *w, const struct mesh_ask *ask,
					   const struct sticky *kept)
{
	const struct weft_mesh_endpoint *e;
	__u32 number = kept->number;

	w->s->wanted = kept->endpoint;
	if (kept->generation != ask->generation || kept->pool != ask->pool) {
		scan_wanted(w->s);
		number = w->s->best;
	}
	e = number < w->s->count ? scan_endpoint(w, number) : NULL;
	return e && e->state == w->s->wanted && scan_usable(w->s, e) ? number : MESH_NONE;
}

/* The endpoint that this client used before, MESH_NONE: none, expired, or not usable. Each use
 * extends the affinity by |stay_ns|. */
__weak __noinline int sticky_find(struct scan *s, const struct mesh_ask *ask, __u64 stay_ns)
{
	__u64 now = bpf_ktime_get_ns();
	struct sticky_key key = {};
	struct scan_walk w;
	struct sticky *kept;
	__u32 number;

	if (!s || !ask || !scan_open(&w, s))
		return MESH_NONE;
	sticky_key_fill(&key, ask);
	kept = bpf_map_lookup_elem(&weft_sticky, &key);
	if (!kept || kept->until_ns < now)
		return MESH_NONE;
	number = sticky_number(&w, ask, kept);
	if (number == MESH_NONE || ask->simulate)
		return number;
	kept->until_ns = now + stay_ns;
	kept->generation = ask->generation;
	kept->pool = ask->pool;
	kept->number = number;
	return number;
}

__weak __noinline int sticky_keep(const struct mesh_ask *ask, __u32 number, __u64 stay_ns)
{
	struct sticky kept = {.until_ns = bpf_ktime_get_ns() + stay_ns, .number = number};
	struct sticky_key key = {};

	if (!ask)
		return 0;
	kept.generation = ask->generation;
	kept.pool = ask->pool;
	kept.endpoint = ask->endpoint_state;
	sticky_key_fill(&key, ask);
	return bpf_map_update_elem(&weft_sticky, &key, &kept, BPF_ANY);
}

/* ---- limits */

/* Takes a token if there is one: |per_second| tokens a second; an unused one lasts a second. */
static __always_inline bool rate_take(struct weft_service_state *state, __u32 per_second)
{
	__u64 now = bpf_ktime_get_ns();

	for (int i = 0; i < 4; i++) {
		__u64 last = state->tokens_ns;
		__u64 next = (last + NSEC > now ? last : now - NSEC) + NSEC / per_second;

		if (next > now)
			return false;
		if (__sync_val_compare_and_swap(&state->tokens_ns, last, next) == last)
			return true;
	}
	return true; /* lost the race four times: the winners took tokens, so this is rare */
}

/* Counts a new connection unless it exceeds the limit. */
static __always_inline bool service_enter(const struct weft_mesh_service *service,
					  struct weft_service_state *state)
{
	__u32 before = __sync_fetch_and_add(&state->connections, 1);

	if (!service->max_connections || before < service->max_connections)
		return true;
	__sync_fetch_and_add(&state->connections, -1);
	return false;
}

/* Returns a token that was not used. */
static __always_inline void rate_give_back(struct weft_service_state *state, __u32 per_second)
{
	__sync_fetch_and_add(&state->tokens_ns, -(NSEC / per_second));
}

/* A WEFT_VERDICT_*. */
static __always_inline int limits_pass(struct mesh_ask *ask,
				       const struct weft_mesh_service *service)
{
	struct weft_service_state *state = service_state(ask->service_state);
	struct weft_endpoint_state *endpoint;
	__u32 key = ask->endpoint_state;

	endpoint = bpf_map_lookup_elem(&weft_endpoints, &key);
	if (ask->simulate || !state || !endpoint)
		return WEFT_VERDICT_ALLOWED;
	if ((service->connects_per_second && !rate_take(state, service->connects_per_second)) ||
	    (ask->counts && !service_enter(service, state))) {
		__sync_fetch_and_add(&state->overflow, 1);
		return WEFT_VERDICT_OVERFLOW;
	}
	ask->entered = 1;
	if (ask->counts)
		__sync_fetch_and_add(&endpoint->connections, 1);
	return WEFT_VERDICT_ALLOWED;
}

/* Counts a connection that policy allows, too: it goes to its endpoint. */
static __always_inline void connect_sent(const struct mesh_ask *ask)
{
	struct weft_service_state *state = service_state(ask->service_state);
	struct weft_endpoint_state *endpoint;
	__u32 key = ask->endpoint_state;

	endpoint = bpf_map_lookup_elem(&weft_endpoints, &key);
	if (!ask->entered || !state || !endpoint)
		return;
	__sync_fetch_and_add(&state->connects, 1);
	__sync_fetch_and_add(&endpoint->connects, 1);
}

/* Uncounts a connection that limits_pass counted. */
static __always_inline void count_out(__u32 service, __u32 endpoint, bool failed)
{
	struct weft_endpoint_state *e = bpf_map_lookup_elem(&weft_endpoints, &endpoint);
	struct weft_service_state *s = service_state(service);

	if (s)
		__sync_fetch_and_add(&s->connections, -1);
	if (!e)
		return;
	__sync_fetch_and_add(&e->connections, -1);
	if (failed)
		__sync_fetch_and_add(&e->failures, 1);
}

/* Undoes the effects of a connect that policy denies: its token, its count, and the affinity of the
 * datagrams of its socket. */
__weak __noinline int connect_taken_back(const struct mesh_ask *ask)
{
	const struct weft_mesh_service *service;
	struct weft_service_state *state;
	struct sticky_key key = {};
	struct mesh m;

	if (!ask || !ask->entered)
		return 0;
	if (ask->counts)
		count_out(ask->service_state, ask->endpoint_state, false);
	if (ask->cookie) {
		sticky_key_fill(&key, ask);
		bpf_map_delete_elem(&weft_sticky, &key);
	}
	if (!mesh_open(&m) || m.header->generation != ask->generation)
		return 0;
	service = mesh_cell(m.arena, ask->service);
	state = service_state(ask->service_state);
	if (service && state && service->connects_per_second)
		rate_give_back(state, service->connects_per_second);
	return 0;
}

/* ---- the decision */

static __always_inline void count_no_endpoint(__u32 service)
{
	struct weft_service_state *state = service_state(service);

	if (state)
		__sync_fetch_and_add(&state->no_endpoint, 1);
}

static __always_inline void endpoint_take(struct mesh_ask *ask, __u32 cell,
					  const struct weft_mesh_endpoint *e)
{
	ask->endpoint = cell;
	ask->endpoint_state = e->state;
	__builtin_memcpy(ask->addr, e->addr, 16);
	ask->port = e->port;
}

/* How long a client stays with its endpoint, 0: no affinity. */
static __always_inline __u64 faithful_ns(const struct mesh_ask *ask,
					 const struct weft_mesh_service *service)
{
	return ask->cookie ? DATAGRAMS_STAY_NS : service->affinity_s * NSEC;
}

static __always_inline void scan_start(struct scan *s, const struct mesh_ask *ask,
				       const struct weft_mesh_pool *pool)
{
	s->client = ask->client;
	s->pool = ask->pool;
	s->base = pool->first;
	s->count = pool->endpoints;
	s->can_v4 = ask->can_v4;
	s->can_v6 = ask->can_v6;
	s->simulate = ask->simulate;
}

/* Fills in the endpoint; |ask->endpoint| 0: none is usable. Returns 1 if it is the one that the
 * client used before. */
__weak __noinline int endpoint_find(struct mesh_ask *ask, __u64 stay_ns)
{
	const struct weft_mesh_endpoint *e;
	const struct weft_mesh_pool *pool;
	__u32 number = MESH_NONE;
	struct scan s = {};
	struct scan_walk w;
	bool stayed;

	if (!ask)
		return 0;
	s.generation = ask->generation;
	pool = scan_open(&w, &s) ? mesh_cell(w.m.arena, ask->pool) : NULL;
	if (!pool)
		return 0;
	scan_start(&s, ask, pool);
	if (stay_ns)
		number = sticky_find(&s, ask, stay_ns);
	stayed = number != MESH_NONE;
	if (!stayed)
		number = pool_choose(&s);
	e = number == MESH_NONE ? NULL : mesh_cell(w.m.arena, pool->first + number);
	if (!e)
		return 0;
	endpoint_take(ask, pool->first + number, e);
	if (stay_ns && !stayed && !ask->simulate)
		sticky_keep(ask, number, stay_ns);
	return stayed;
}

static __always_inline int service_decide(const struct weft_mesh_front *front,
					  const struct weft_mesh_service *service,
					  struct mesh_ask *ask)
{
	__u32 route = front->match ? ask->route : front->route;
	__u64 stay_ns = faithful_ns(ask, service);
	bool stayed = false;

	ask->service_state = service->state;
	if (!route)
		return WEFT_VERDICT_ALLOWED;
	split_pool(ask, route, stay_ns != 0);
	ask->service = front->service;
	if (ask->pool)
		stayed = endpoint_find(ask, stay_ns);
	if (!ask->endpoint)
		return WEFT_VERDICT_NO_ENDPOINT;
	/* only the first datagram of a socket counts as a connect */
	return stayed && ask->cookie ? WEFT_VERDICT_ALLOWED : limits_pass(ask, service);
}

/* Whether the decision needs more facts about the client than |ask| has. */
static __always_inline bool ask_lacks(const struct mesh_ask *ask, __u32 asks)
{
	return (asks & WEFT_ASKS_ADDR && !ask->client) ||
	       (asks & WEFT_ASKS_ROUTE && ask->route_generation != ask->generation);
}

/* Decides by the generation in force; returns NO_ENDPOINT when another comes into force. */
__weak __noinline int decide_once(struct mesh_ask *ask)
{
	const struct weft_mesh_service *service;
	const struct weft_mesh_front *front;
	struct mesh m;

	if (!ask)
		return WEFT_VERDICT_ALLOWED;
	ask->service = ask->pool = ask->endpoint = 0;
	ask->entered = 0;
	if (!mesh_open(&m))
		return WEFT_VERDICT_ALLOWED;
	ask->generation = m.header->generation;
	front = mesh_find(&m, &m.header->fronts, &ask->key);
	service = front ? mesh_cell(m.arena, front->service) : NULL;
	if (!service)
		return WEFT_VERDICT_ALLOWED;
	ask->asks = front->asks;
	ask->match = front->match;
	return ask_lacks(ask, front->asks) ? MESH_ASKS : service_decide(front, service, ask);
}

static __always_inline bool generation_is(__u64 generation)
{
	struct mesh m;

	return mesh_open(&m) && m.header->generation == generation;
}

/* Decides about a connection to |ask->key|: a WEFT_VERDICT_*, or MESH_ASKS. Allowed with
 * |ask->service| 0: the address belongs to no service. Otherwise allowed: it goes to |ask->addr|,
 * |ask->port|; with |ask->counts| it was counted: call count_out when it ends. */
__weak __noinline int mesh_decide(struct mesh_ask *ask)
{
	int verdict = WEFT_VERDICT_ALLOWED;

	if (!ask)
		return verdict;
	for (int i = 0; i < GENERATIONS; i++) {
		verdict = decide_once(ask);
		if (verdict != WEFT_VERDICT_NO_ENDPOINT || generation_is(ask->generation))
			break;
	}
	if (verdict == WEFT_VERDICT_NO_ENDPOINT && !ask->simulate)
		count_no_endpoint(ask->service_state);
	return verdict;
}
