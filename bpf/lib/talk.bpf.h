/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 3: state of datagram flows: which end sent first. */
#pragma once

#include "bpf/lib/emit.bpf.h"
#include "bpf/lib/talk_maps.bpf.h"

#define TALK_LASTS_NS	180000000000ull /* idle timeout, as in stateful packet filters */
#define TALK_REFRESH_NS 1000000000ull
#define TALK_REPORT_NS	10000000000ull

static __always_inline bool is_datagram(__u32 protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

static __always_inline bool talk_lives(const struct talk *talk)
{
	return talk && talk->last_ns && bpf_ktime_get_ns() - talk->last_ns < TALK_LASTS_NS;
}

static __always_inline bool talk_is_due(const struct talk *talk)
{
	return !talk || bpf_ktime_get_ns() - talk->last_ns > TALK_REFRESH_NS;
}

/* A datagram of a flow passes. */
static __always_inline void talk_go_on(void *map, const struct talk_key *key)
{
	struct talk fresh = {.last_ns = bpf_ktime_get_ns()};
	struct talk *talk = bpf_map_lookup_elem(map, key);

	if (!talk)
		bpf_map_update_elem(map, key, &fresh, BPF_ANY);
	else if (fresh.last_ns - talk->last_ns > TALK_REFRESH_NS)
		talk->last_ns = fresh.last_ns;
}

/* Policies of |generation| were evaluated for a datagram. Returns whether a record is due. */
static __always_inline bool talk_judged(void *map, const struct talk_key *key, __u64 generation)
{
	struct talk fresh = {.told_ns = bpf_ktime_get_ns(), .told_generation = generation};
	struct talk *talk = bpf_map_lookup_elem(map, key);

	if (talk && talk->told_generation == generation &&
	    fresh.told_ns - talk->told_ns < TALK_REPORT_NS)
		return false;
	if (talk)
		fresh.last_ns = talk->last_ns;
	bpf_map_update_elem(map, key, &fresh, BPF_ANY);
	return true;
}
