/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: selection of an endpoint from a pool. Tier: the healthier a tier is, the larger its
 * share of the pool's connections, as Envoy's priorities with an overprovisioning factor of 1.4.
 * Endpoint: by the pool's algorithm; ejected endpoints are skipped, and if several random tries
 * find none that is usable, all are scanned. */
#pragma once

#include "bpf/lib/scan.bpf.h"

#define TRIES		 8   /* random tries before a scan */
#define LEAST_SCAN	 128 /* endpoints: all are compared up to this size, else LEAST_CHOICES */
#define LEAST_CHOICES	 4
#define OVERPROVISIONING 140 /* percent */

/* ---- algorithms, in the tier of |s|; the result is |s->best| */

/* Alias method: the slot |slot| of the tier, or its alias if |chance| is above |keep|. */
static __always_inline __u32 alias_select(const struct scan_walk *w, __u32 slot, __u32 chance)
{
	const struct weft_mesh_endpoint *e = scan_endpoint(w, slot);

	return e && chance > e->keep ? e->alias : slot;
}

static __always_inline __u32 random_below(__u32 count)
{
	return (__u64)bpf_get_prandom_u32() * count >> 32;
}

static __always_inline __u32 slot_random(const struct scan_walk *w)
{
	return alias_select(w, random_below(w->s->count), bpf_get_prandom_u32());
}

__weak __noinline int choose_random(struct scan *s)
{
	struct scan_walk w;

	if (!s || !scan_open(&w, s))
		return 0;
	for (int i = 0; i < TRIES; i++)
		if (scan_take(&w, slot_random(&w)))
			return 0;
	return 0;
}

/* The slot of number |n| of the rotation. The share of its numbers that a slot gives to its alias
 * is spread evenly over them (golden ratio). */
static __always_inline __u32 slot_round_robin(const struct scan_walk *w, __u64 n)
{
	__u32 count = w->s->count;

	return alias_select(w, n % count, (__u32)(n / count) * 0x9e3779b9u);
}

__weak __noinline int choose_round_robin(struct scan *s, struct weft_pool_state *state)
{
	struct scan_walk w;

	if (!s || !state || !scan_open(&w, s))
		return 0;
	for (int i = 0; i < TRIES; i++) {
		__u64 n = s->simulate ? state->rotation + i
				      : __sync_fetch_and_add(&state->rotation, 1);

		if (scan_take(&w, slot_round_robin(&w, n)))
			return 0;
	}
	return 0;
}

static __always_inline bool group_has(const struct weft_mesh_endpoint *e, const struct scan *s,
				      __u32 slot)
{
	return s->first + slot - e->group.first < e->group.endpoints;
}

/* Least connections among a few: |slot| and random others of its group. */
__weak __noinline int choose_of_some(struct scan *s, __u32 slot)
{
	const struct weft_mesh_endpoint *e;
	struct scan_walk w;

	if (!s || !scan_open(&w, s))
		return 0;
	e = scan_endpoint(&w, slot);
	for (int i = 0; i < LEAST_CHOICES && e; i++) {
		if (group_has(e, s, slot))
			scan_least_try(&w, slot, true);
		slot = slot_random(&w);
	}
	return 0;
}

/* A random choice selects the group; the least loaded endpoint in it is the result. */
static __always_inline void tier_least(const struct scan_walk *w)
{
	struct scan *s = w->s;
	__u32 first = s->first, count = s->count, slot = slot_random(w);
	const struct weft_mesh_endpoint *e = scan_endpoint(w, slot);

	if (!e)
		return;
	if (e->group.endpoints > LEAST_SCAN) {
		choose_of_some(s, slot);
		return;
	}
	s->first = e->group.first;
	s->count = e->group.endpoints;
	scan_least(s);
	s->first = first;
	s->count = count;
}

static __always_inline __u32 maglev_slot(const struct scan_walk *w,
					 const struct weft_mesh_pool *pool, __u32 entry)
{
	const __u32 *numbers = mesh_cell(w->m.arena, pool->maglev + entry / 16);

	return numbers ? numbers[entry & 15] - w->s->first : MESH_NONE;
}

__weak __noinline int choose_maglev(struct scan *s)
{
	const struct weft_mesh_pool *pool;
	struct scan_walk w;
	__u32 entry;

	if (!s || !scan_open(&w, s))
		return 0;
	pool = mesh_cell(w.m.arena, s->pool);
	if (!pool || !pool->maglev_slots)
		return 0;
	entry = (__u32)(s->client ^ s->client >> 32) % pool->maglev_slots;
	for (int i = 0; i < TRIES; i++) {
		if (scan_take(&w, maglev_slot(&w, pool, entry)))
			return 0;
		entry = entry + 1 < pool->maglev_slots ? entry + 1 : 0;
	}
	return 0;
}

/* Tries the pool's algorithm; scans the tier if that finds no usable endpoint. */
static __always_inline void tier_choose(const struct scan_walk *w,
					const struct weft_mesh_pool *pool,
					struct weft_pool_state *state)
{
	struct scan *s = w->s;

	s->best = MESH_NONE;
	if (!s->count)
		return;
	if (pool->balance == WEFT_BALANCE_ROUND_ROBIN && state)
		choose_round_robin(s, state);
	else if (pool->balance == WEFT_BALANCE_LEAST)
		tier_least(w);
	else if (pool->balance == WEFT_BALANCE_MAGLEV)
		choose_maglev(s);
	else
		choose_random(s);
	if (s->best != MESH_NONE)
		return;
	if (pool->balance == WEFT_BALANCE_MAGLEV)
		scan_faithful(s);
	else
		scan_any(s);
}

/* ---- which tier */

struct shares {
	__u8 upper[WEFT_POOL_TIERS];
	__u8 total;
	__u8 panic;
	__u16 generation;
};

_Static_assert(sizeof(struct shares) == sizeof(__u64), "shares are written at once");

static __always_inline void scan_tier(struct scan *s, const struct weft_mesh_pool *pool, __u32 tier)
{
	s->first = pool->tier[tier & (WEFT_POOL_TIERS - 1)].first;
	s->count = pool->tier[tier & (WEFT_POOL_TIERS - 1)].endpoints;
}

/* The share of a tier in percent: its overprovisioned health; in panic, its size. */
static __always_inline __u32 tier_share(const struct shares *shares, __u32 size, __u32 healthy,
					__u32 all)
{
	__u32 having = shares->panic ? size : healthy;
	__u64 part;

	if (!having)
		return 0;
	part = shares->panic ? (__u64)size * 100 / all : (__u64)healthy * OVERPROVISIONING / size;
	return part < 1 ? 1 : part > 100 ? 100 : part;
}

static __always_inline void shares_make(struct scan *s, const struct weft_mesh_pool *pool,
					struct shares *shares)
{
	__u32 healthy[WEFT_POOL_TIERS] = {};
	__u32 all = 0, all_healthy = 0, used = 0;

	for (__u32 t = 0; t < WEFT_POOL_TIERS; t++) {
		scan_tier(s, pool, t);
		scan_healthy(s);
		healthy[t] = s->total;
		all += s->count;
		all_healthy += healthy[t];
	}
	shares->panic = (__u64)all_healthy * 100 < (__u64)all * pool->min_health_percent;
	for (__u32 t = 0; t < WEFT_POOL_TIERS; t++) {
		used += tier_share(shares, pool->tier[t].endpoints, healthy[t], all);
		used = used < 100 ? used : 100;
		shares->upper[t] = used;
	}
	shares->total = used;
}

/* The shares in force. Outdated shares are computed again, which scans all endpoints; the interval
 * grows with their number. */
static __always_inline void shares_read(struct scan *s, const struct weft_mesh_pool *pool,
					struct weft_pool_state *state, struct shares *shares)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 *kept = (__u64 *)state->upper;

	*(__u64 *)shares = *kept;
	if (shares->generation == (__u16)s->generation &&
	    now - state->checked_ns < WEFT_POOL_HEALTH_NS + pool->endpoints * 1000ull)
		return;
	shares_make(s, pool, shares);
	shares->generation = s->generation;
	*kept = *(__u64 *)shares;
	state->checked_ns = now;
}

static __always_inline __u32 tier_draw(const struct shares *shares)
{
	__u32 point = random_below(shares->total);
	__u32 tier = 0;

	for (__u32 t = 0; t < WEFT_POOL_TIERS - 1; t++)
		tier += point >= shares->upper[t];
	return tier;
}

/* ---- the pool */

/* Falls back to the other tiers when the drawn tier has no usable endpoint. */
static __always_inline void pool_rest(struct scan *s, const struct weft_mesh_pool *pool)
{
	for (__u32 t = 0; t < WEFT_POOL_TIERS && s->best == MESH_NONE; t++) {
		scan_tier(s, pool, t);
		scan_any(s);
	}
}

/* Selects an endpoint of the pool |s->pool|. Returns its number, MESH_NONE: none is usable. */
__weak __noinline int pool_choose(struct scan *s)
{
	const struct weft_mesh_pool *pool;
	struct weft_pool_state *state;
	struct shares shares = {};
	struct scan_walk w;
	__u32 key, tier = 0;

	if (!s || !scan_open(&w, s))
		return MESH_NONE;
	pool = mesh_cell(w.m.arena, s->pool);
	if (!pool)
		return MESH_NONE;
	key = pool->state;
	state = bpf_map_lookup_elem(&weft_services, &key);
	if (state && (pool->tiers > 1 || pool->min_health_percent)) {
		shares_read(s, pool, state, &shares);
		s->panic = shares.panic;
		tier = tier_draw(&shares);
	}
	scan_tier(s, pool, tier);
	tier_choose(&w, pool, state);
	if (s->best == MESH_NONE && pool->tiers > 1)
		pool_rest(s, pool);
	return s->best;
}
