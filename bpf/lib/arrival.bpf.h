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

/* |key| as the server sees it. |seq| 0: not known. */
__weak __noinline int source_of_packet(const struct end_key *key, __u32 seq, __u64 generation)
{
	struct identity_search s = {.generation = generation};
	struct weft_mesh_key address = {};
	struct end_key turned = {};
	struct knock *knock;

	if (!key)
		return 0;
	key_turn(&turned, key);
	knock = bpf_map_lookup_elem(&weft_knocks, &turned);
	if (knock && (!seq || knock->seq == seq)) {
		s.facts = knock->facts;
		__builtin_memcpy(s.addr, key->remote_addr, 16);
		identity_of_facts(&s);
	}
	if (s.identity)
		return s.identity;
	__builtin_memcpy(address.addr, key->remote_addr, 16);
	return identity_of_addr(&address, generation);
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
