/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 6: the workloads at the two ends of a connection, as its server's end determines them. */
#pragma once

#include "bpf/lib/authorize.bpf.h"
#include "bpf/lib/netns.bpf.h"

/* Separate functions: the stack of a call chain is limited to 512 bytes. */
__weak __noinline int source_of_addr(const struct end_key *key, __u64 generation)
{
	struct weft_mesh_key address = {};

	if (!key)
		return 0;
	__builtin_memcpy(address.addr, key->remote_addr, 16);
	return identity_of_addr(&address, generation);
}

/* The SYN owner of |arrived|, given as the server sees it; egress_seq: of the SYN. */
static __noinline struct knock *syn_owner_find(const struct end_key *arrived)
{
	struct end_key reversed = {};

	key_reverse(&reversed, arrived);
	reversed.egress_seq = arrived->egress_seq;
	return bpf_map_lookup_elem(&weft_knocks, &reversed);
}

/* The workload of the process that sent the SYN. */
__weak __noinline int source_by_process(const struct end_key *arrived,
					const struct knock *syn_owner, __u64 generation)
{
	struct identity_search s = {.generation = generation};

	if (!arrived || !syn_owner)
		return 0;
	__builtin_memcpy(s.addr, arrived->remote_addr, 16);
	identity_of_facts(&s, &syn_owner->facts);
	return s.identity;
}

#define PLACE_UNKNOWN (IDENTITY_MANY - 1) /* not a valid cell */

/* The source of the SYN |arrived|: the workload of the sending process if it is on this node, else
 * of the network namespace or address noted with its SYN, else of the source address. The entry is
 * read at once, because another SYN may replace it. */
static __always_inline __u32 source_of_syn(const struct end_key *arrived, __u64 generation)
{
	const struct knock *syn_owner = syn_owner_find(arrived);
	__u32 place =
		syn_owner && syn_owner->generation == generation ? syn_owner->place : PLACE_UNKNOWN;
	__u32 identity = syn_owner ? source_by_process(arrived, syn_owner, generation) : 0;

	if (identity)
		return identity;
	return place != PLACE_UNKNOWN ? place : source_of_addr(arrived, generation);
}

/* Where source_of_syn is IDENTITY_MANY: the struct net whose addresses tell which workloads it may
 * be, else 0. It stops there: this call chain has the maximum of frames. */
static __always_inline __u64 source_net(const struct end_key *arrived, __u64 generation)
{
	const struct knock *syn_owner = syn_owner_find(arrived);

	if (!syn_owner || syn_owner->generation != generation || syn_owner->place != IDENTITY_MANY)
		return 0;
	return net_if_there(syn_owner->net, syn_owner->facts.netns_ino);
}

__weak __noinline int target_of_packet(const struct end_key *key, __u64 generation)
{
	struct weft_mesh_key address = {};

	if (!key)
		return 0;
	__builtin_memcpy(address.addr, key->local_addr, 16);
	address.port = key->local_port;
	return identity_of_addr(&address, generation);
}
