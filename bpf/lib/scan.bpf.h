/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 3: scans over the endpoints of a tier, where a choice has to compare them all. Kernels
 * without bpf_loop (before 5.17) look at SCAN_UNROLLED of them, from a random one on. The functions
 * are global, so that each is verified once; global functions take no map, so each looks the
 * generation up again and gives up when it changed. */
#pragma once

#include "bpf/lib/mesh.bpf.h"

#define SCAN_UNROLLED 32
#define MESH_NONE     0xffffffffu

/* State of a selection: client, tier and result. */
struct scan {
	__u64 generation;
	__u64 client; /* hash of the source, for consistent choices */
	__u64 total;  /* sum of weights, best score, or a count */
	__u64 rounds; /* of the best: how many times it has used up its weight */
	__u32 pool;   /* cell */
	__u32 base;   /* cell of the pool's endpoint 0 */
	__u32 first;  /* first endpoint of the tier: number in the pool */
	__u32 count;
	__u32 start;  /* slot at which the scan begins */
	__u32 best;   /* number in the pool, MESH_NONE */
	__u32 wanted; /* index in weft_endpoints */
	__u8 can_v4;
	__u8 can_v6;
	__u8 panic; /* ejection is ignored */
	__u8 simulate;
};

struct scan_walk {
	struct mesh m;
	struct scan *s;
};

/* False: another generation came into force. */
static __always_inline bool scan_open(struct scan_walk *w, struct scan *s)
{
	w->s = s;
	return mesh_open(&w->m) && w->m.header->generation == s->generation;
}

/* The endpoint at a slot of the tier. */
static __always_inline const struct weft_mesh_endpoint *scan_endpoint(const struct scan_walk *w,
								      __u32 slot)
{
	return mesh_cell(w->m.arena, w->s->base + w->s->first + slot);
}

static __always_inline struct weft_endpoint_state *
endpoint_state(const struct weft_mesh_endpoint *e)
{
	__u32 key = e->state;

	return bpf_map_lookup_elem(&weft_endpoints, &key);
}

static __always_inline bool endpoint_ejected(const struct weft_mesh_endpoint *e)
{
	const struct weft_endpoint_state *state = endpoint_state(e);

	return state && state->flags & WEFT_EJECTED;
}

static __always_inline bool scan_usable(const struct scan *s, const struct weft_mesh_endpoint *e)
{
	if (mesh_addr_is_v4(e->addr) ? !s->can_v4 : !s->can_v6)
		return false;
	return s->panic || !endpoint_ejected(e);
}

/* Makes the endpoint at |slot| the best if it is usable. */
static __always_inline bool scan_take(const struct scan_walk *w, __u32 slot)
{
	const struct weft_mesh_endpoint *e = scan_endpoint(w, slot);

	if (!e || slot >= w->s->count || !scan_usable(w->s, e))
		return false;
	w->s->best = w->s->first + slot;
	return true;
}

static __always_inline __u32 scan_slot(const struct scan *s, __u32 index)
{
	__u32 slot = s->start + index;

	return slot < s->count ? slot : slot - s->count;
}

static __always_inline void scan_run(struct scan_walk *w, long (*each)(__u32 index, void *walk))
{
	struct scan *s = w->s;

	s->best = MESH_NONE;
	s->total = 0;
	s->start = (__u64)bpf_get_prandom_u32() * s->count >> 32;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(s->count, each, w, 0);
		return;
	}
	for (__u32 i = 0; i < SCAN_UNROLLED && i < s->count; i++)
		if (each(i, w))
			return;
}

/* Weighted reservoir sampling: each endpoint replaces the best with the probability of its weight
 * over the sum so far, so that each is chosen in proportion to its weight. */
static long any_each(__u32 index, void *walk)
{
	struct scan_walk *w = walk;
	__u32 slot = scan_slot(w->s, index);
	const struct weft_mesh_endpoint *e = scan_endpoint(w, slot);

	if (!e || !scan_usable(w->s, e))
		return 0;
	w->s->total += e->weight;
	if (((__u64)bpf_get_prandom_u32() * w->s->total) >> 32 < e->weight)
		w->s->best = w->s->first + slot;
	return 0;
}

/* A random usable endpoint, by weight. Like all functions here it sets |s->best| and returns 0. */
__weak __noinline int scan_any(struct scan *s)
{
	struct scan_walk w;

	if (!s)
		return 0;
	s->best = MESH_NONE;
	if (scan_open(&w, s))
		scan_run(&w, any_each);
	return 0;
}

/* How many times an endpoint has used up its weight, of which each connection takes |unit|, and
 * what is left of it in this round. */
static __always_inline __u64 rounds_of(const struct weft_mesh_endpoint *e,
				       const struct weft_endpoint_state *state, __u32 *ret_left)
{
	__u32 weight = e->weight ? e->weight : 1;
	__u64 used = (__u64)state->connections * e->group.unit;

	*ret_left = weight - used % weight;
	return used / weight;
}

/* Makes the endpoint the best if it has used up its weight fewer times than the best so far. Among
 * equals the probability is what is left of the weight, or, if the candidates were drawn by weight
 * already (|drawn|), the same for all. */
static __always_inline void scan_least_try(struct scan_walk *w, __u32 slot, bool drawn)
{
	const struct weft_mesh_endpoint *e = scan_endpoint(w, slot);
	const struct weft_endpoint_state *state = e ? endpoint_state(e) : NULL;
	struct scan *s = w->s;
	__u32 left;
	__u64 mine;

	if (!state || !scan_usable(s, e))
		return;
	mine = rounds_of(e, state, &left);
	if (s->best != MESH_NONE && mine > s->rounds)
		return;
	left = drawn ? 1 : left;
	s->total = s->best != MESH_NONE && mine == s->rounds ? s->total + left : left;
	if (((__u64)bpf_get_prandom_u32() * s->total) >> 32 >= left)
		return;
	s->best = s->first + slot;
	s->rounds = mine;
}

static long least_each(__u32 index, void *walk)
{
	struct scan_walk *w = walk;

	scan_least_try(w, scan_slot(w->s, index), false);
	return 0;
}

__weak __noinline int scan_least(struct scan *s)
{
	struct scan_walk w;

	if (!s)
		return 0;
	s->best = MESH_NONE;
	if (scan_open(&w, s))
		scan_run(&w, least_each);
	return 0;
}

static long faithful_each(__u32 index, void *walk)
{
	struct scan_walk *w = walk;
	__u32 slot = scan_slot(w->s, index);
	const struct weft_mesh_endpoint *e = scan_endpoint(w, slot);
	__u32 words[3] = {(__u32)w->s->client, w->s->client >> 32, e ? e->state : 0};
	__u64 score = (__u64)weft_hash(words, 3, 0) + 1;

	if (!e || score <= w->s->total || !scan_usable(w->s, e))
		return 0;
	w->s->total = score;
	w->s->best = w->s->first + slot;
	return 0;
}

/* Rendezvous hashing: the endpoint with the highest hash together with the client; the same as long
 * as it is usable. */
__weak __noinline int scan_faithful(struct scan *s)
{
	struct scan_walk w;

	if (!s)
		return 0;
	s->best = MESH_NONE;
	if (scan_open(&w, s))
		scan_run(&w, faithful_each);
	return 0;
}

static long wanted_each(__u32 index, void *walk)
{
	struct scan_walk *w = walk;
	__u32 slot = scan_slot(w->s, index);
	const struct weft_mesh_endpoint *e = scan_endpoint(w, slot);

	if (!e || e->state != w->s->wanted)
		return 0;
	w->s->best = w->s->first + slot;
	return 1;
}

/* The endpoint with the state |s->wanted|, ejected or not. */
__weak __noinline int scan_wanted(struct scan *s)
{
	struct scan_walk w;

	if (!s)
		return 0;
	s->best = MESH_NONE;
	if (scan_open(&w, s))
		scan_run(&w, wanted_each);
	return 0;
}

static long healthy_each(__u32 index, void *walk)
{
	struct scan_walk *w = walk;
	const struct weft_mesh_endpoint *e = scan_endpoint(w, index);

	w->s->total += e && !endpoint_ejected(e);
	return 0;
}

/* Counts endpoints that are not ejected: |s->total|. */
__weak __noinline int scan_healthy(struct scan *s)
{
	struct scan_walk w;

	if (!s)
		return 0;
	s->total = 0;
	if (scan_open(&w, s))
		scan_run(&w, healthy_each);
	return 0;
}
