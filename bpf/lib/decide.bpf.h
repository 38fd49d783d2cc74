/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: from the requested address to an endpoint: frontend, route, split, pool, endpoint, then
 * the service's limits and counters. One generation is looked up and used for all steps. */
#pragma once

#include "bpf/lib/route.bpf.h"

#define NSEC		  1000000000ull
#define GENERATIONS	  4	       /* generation changes tolerated during one decision */
#define DATAGRAMS_STAY_NS (300 * NSEC) /* between two datagrams */

/* Not a verdict: the decision needs more facts about the client, |request->asks|. */
#define MESH_ASKS 255

/* ---- session affinity */

static __always_inline void sticky_key_fill(struct sticky_key *key,
					    const struct mesh_request *request)
{
	key->client = request->cookie ? request->cookie : request->client;
	key->asked = request->key;
	key->kind = request->cookie ? STICKY_SOCKET : STICKY_AFFINITY;
}

/* The number of the endpoint in |kept|, MESH_NONE: it is not usable. */
static __always_inline __u32 sticky_number(struct scan_walk *w, const struct mesh_request *request,
					   const struct sticky *kept)
{
	const struct weft_mesh_endpoint *e;
	__u32 number = kept->number;

	w->s->wanted = kept->endpoint;
	if (kept->generation != request->generation || kept->pool != request->pool) {
		scan_wanted(w->s);
		number = w->s->best;
	}
	e = number < w->s->count ? scan_endpoint(w, number) : NULL;
	return e && e->state == w->s->wanted && scan_usable(w->s, e) ? number : MESH_NONE;
}

/* The endpoint that this client used before, MESH_NONE: none, expired, or not usable. Each use
 * extends the affinity by |stay_ns|. */
__weak __noinline int sticky_find(struct scan *s, const struct mesh_request *request, __u64 stay_ns)
{
	__u64 now = bpf_ktime_get_ns();
	struct sticky_key key = {};
	struct scan_walk w;
	struct sticky *kept;
	__u32 number;

	if (!s || !request || !scan_open(&w, s))
		return MESH_NONE;
	sticky_key_fill(&key, request);
	kept = bpf_map_lookup_elem(&weft_sticky, &key);
	if (!kept || kept->until_ns < now)
		return MESH_NONE;
	number = sticky_number(&w, request, kept);
	if (number == MESH_NONE || request->simulate)
		return number;
	kept->until_ns = now + stay_ns;
	kept->generation = request->generation;
	kept->pool = request->pool;
	kept->number = number;
	return number;
}

__weak __noinline int sticky_keep(const struct mesh_request *request, __u32 number, __u64 stay_ns)
{
	struct sticky kept = {.until_ns = bpf_ktime_get_ns() + stay_ns, .number = number};
	struct sticky_key key = {};

	if (!request)
		return 0;
	kept.generation = request->generation;
	kept.pool = request->pool;
	kept.endpoint = request->endpoint_state;
	sticky_key_fill(&key, request);
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
static __always_inline int limits_pass(struct mesh_request *request,
				       const struct weft_mesh_service *service)
{
	struct weft_service_state *state = service_state(request->service_state);
	struct weft_endpoint_state *endpoint;
	__u32 key = request->endpoint_state;

	endpoint = bpf_map_lookup_elem(&weft_endpoints, &key);
	if (request->simulate || request->isolated || !state || !endpoint)
		return WEFT_VERDICT_ALLOWED;
	if ((service->connects_per_second && !rate_take(state, service->connects_per_second)) ||
	    (request->counts && !service_enter(service, state))) {
		__sync_fetch_and_add(&state->overflow, 1);
		return WEFT_VERDICT_OVERFLOW;
	}
	request->entered = 1;
	if (request->counts)
		__sync_fetch_and_add(&endpoint->connections, 1);
	return WEFT_VERDICT_ALLOWED;
}

/* Counts a connection that policy allows, too: it goes to its endpoint. */
static __always_inline void connect_sent(const struct mesh_request *request)
{
	struct weft_service_state *state = service_state(request->service_state);
	struct weft_endpoint_state *endpoint;
	__u32 key = request->endpoint_state;

	endpoint = bpf_map_lookup_elem(&weft_endpoints, &key);
	if (!request->entered || !state || !endpoint)
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
__weak __noinline int connect_taken_back(const struct mesh_request *request)
{
	const struct weft_mesh_service *service;
	struct weft_service_state *state;
	struct sticky_key key = {};
	struct mesh m;

	if (!request || !request->entered)
		return 0;
	if (request->counts)
		count_out(request->service_state, request->endpoint_state, false);
	if (request->cookie) {
		sticky_key_fill(&key, request);
		bpf_map_delete_elem(&weft_sticky, &key);
	}
	if (!mesh_open(&m) || m.header->generation != request->generation)
		return 0;
	service = mesh_cell(m.arena, request->service);
	state = service_state(request->service_state);
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

static __always_inline void endpoint_take(struct mesh_request *request, __u32 cell,
					  const struct weft_mesh_endpoint *e)
{
	request->endpoint = cell;
	request->endpoint_state = e->state;
	__builtin_memcpy(request->addr, e->addr, 16);
	request->port = e->port;
}

/* How long a client stays with its endpoint, 0: no affinity. */
static __always_inline __u64 faithful_ns(const struct mesh_request *request,
					 const struct weft_mesh_service *service)
{
	return request->cookie ? DATAGRAMS_STAY_NS : service->affinity_s * NSEC;
}

static __always_inline void scan_start(struct scan *s, const struct mesh_request *request,
				       const struct weft_mesh_pool *pool)
{
	s->client = request->client;
	s->pool = request->pool;
	s->base = pool->first;
	s->count = pool->endpoints;
	s->can_v4 = request->can_v4;
	s->can_v6 = request->can_v6;
	s->simulate = request->simulate;
}

/* Fills in the endpoint; |request->endpoint| 0: none is usable. Returns 1 if it is the one that the
 * client used before. */
__weak __noinline int endpoint_find(struct mesh_request *request, __u64 stay_ns)
{
	const struct weft_mesh_endpoint *e;
	const struct weft_mesh_pool *pool;
	__u32 number = MESH_NONE;
	struct scan s = {};
	struct scan_walk w;
	bool stayed;

	if (!request)
		return 0;
	s.generation = request->generation;
	pool = scan_open(&w, &s) ? mesh_cell(w.m.arena, request->pool) : NULL;
	if (!pool)
		return 0;
	scan_start(&s, request, pool);
	if (stay_ns)
		number = sticky_find(&s, request, stay_ns);
	stayed = number != MESH_NONE;
	if (!stayed)
		number = pool_choose(&s);
	e = number == MESH_NONE ? NULL : mesh_cell(w.m.arena, pool->first + number);
	if (!e)
		return 0;
	endpoint_take(request, pool->first + number, e);
	if (stay_ns && !stayed && !request->simulate)
		sticky_keep(request, number, stay_ns);
	return stayed;
}

static __always_inline int service_decide(const struct weft_mesh_front *front,
					  const struct weft_mesh_service *service,
					  struct mesh_request *request)
{
	__u32 route = front->match ? request->route : front->route;
	__u64 stay_ns = faithful_ns(request, service);
	bool stayed = false;

	request->service_state = service->state;
	if (!route)
		return WEFT_VERDICT_ALLOWED;
	split_pool(request, route, stay_ns != 0);
	request->service = front->service;
	if (request->pool)
		stayed = endpoint_find(request, stay_ns);
	if (!request->endpoint)
		return WEFT_VERDICT_NO_ENDPOINT;
	/* only the first datagram of a socket counts as a connect */
	return stayed && request->cookie ? WEFT_VERDICT_ALLOWED : limits_pass(request, service);
}

/* Whether the decision needs more facts about the client than |request| has. */
static __always_inline bool request_lacks(const struct mesh_request *request, __u32 asks)
{
	return (asks & WEFT_ASKS_ADDR && !request->client) ||
	       (asks & WEFT_ASKS_ROUTE && request->route_generation != request->generation);
}

/* Decides by the generation in force; returns NO_ENDPOINT when another comes into force. */
__weak __noinline int decide_once(struct mesh_request *request)
{
	const struct weft_mesh_service *service;
	const struct weft_mesh_front *front;
	struct mesh m;

	if (!request)
		return WEFT_VERDICT_ALLOWED;
	request->service = request->pool = request->endpoint = 0;
	request->entered = 0;
	if (!mesh_open(&m))
		return WEFT_VERDICT_ALLOWED;
	request->generation = m.header->generation;
	front = mesh_find(&m, &m.header->fronts, &request->key);
	service = front ? mesh_cell(m.arena, front->service) : NULL;
	if (!service)
		return WEFT_VERDICT_ALLOWED;
	request->asks = front->asks;
	request->match = front->match;
	return request_lacks(request, front->asks) ? MESH_ASKS
						   : service_decide(front, service, request);
}

static __always_inline bool generation_is(__u64 generation)
{
	struct mesh m;

	return mesh_open(&m) && m.header->generation == generation;
}

/* Decides about a connection to |request->key|: a WEFT_VERDICT_*, or MESH_ASKS. Allowed with
 * |request->service| 0: the address belongs to no service. Otherwise allowed: it goes to
 * |request->addr|, |request->port|; with |request->counts| it was counted: call count_out when it
 * ends. */
__weak __noinline int mesh_decide(struct mesh_request *request)
{
	int verdict = WEFT_VERDICT_ALLOWED;

	if (!request)
		return verdict;
	for (int i = 0; i < GENERATIONS; i++) {
		verdict = decide_once(request);
		if (verdict != WEFT_VERDICT_NO_ENDPOINT || generation_is(request->generation))
			break;
	}
	if (verdict == WEFT_VERDICT_NO_ENDPOINT && !request->simulate && !request->isolated)
		count_no_endpoint(request->service_state);
	return verdict;
}
