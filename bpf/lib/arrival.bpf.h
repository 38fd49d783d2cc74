/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 6: who the two ends of a connection are, as its server sees them. */
#pragma once

#include "bpf/lib/authorize.bpf.h"

static __always_inline void key_turn(struct end_key *out, const struct end_key *key)
{
	__builtin_memcpy(out->local_addr, key->remote_addr, 16);
	__builtin_memcpy(out->remote_addr, key->local_addr, 16);
	out->local_port = key->remote_port;
	out->remote_port = key->local_port;
}

/* Functions of their own: the stack of all that calls each other is bounded. |key| is as the server
 * sees it; |seq| 0: not known. */
static __noinline struct knock *knock_find(const struct end_key *key, __u32 seq)
{
	struct end_key turned = {};
	struct knock *knock;

	key_turn(&turned, key);
	knock = bpf_map_lookup_elem(&weft_knocks, &turned);
	return knock && seq && knock->seq != seq ? NULL : knock;
}

/* By the process that sent the SYN. */
__weak __noinline int source_by_process(const struct end_key *key, __u32 seq, __u64 generation)
{
	struct identity_search s = {.generation = generation};
	struct knock *knock = key ? knock_find(key, seq) : NULL;

	if (!knock)
		return 0;
	s.facts = knock->facts;
	__builtin_memcpy(s.addr, key->remote_addr, 16);
	identity_of_facts(&s);
	return s.identity;
}

/* By its address, or by its network namespace. */
__weak __noinline int source_by_place(const struct end_key *key, __u32 seq, __u64 generation)
{
	struct weft_mesh_key address = {};
	struct knock *knock;
	__u32 identity;

	if (!key)
		return 0;
	__builtin_memcpy(address.addr, key->remote_addr, 16);
	identity = identity_of_addr(&address, generation);
	if (identity)
		return identity;
	knock = knock_find(key, seq);
	return knock && knock->generation == generation ? knock->place : 0;
}

static __always_inline __u32 source_of_packet(const struct end_key *key, __u32 seq,
					      __u64 generation)
{
	__u32 identity = source_by_process(key, seq, generation);

	return identity ? identity : source_by_place(key, seq, generation);
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
