/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 6: the endpoint binding of a socket, stored with the socket, and uncounted exactly once. */
#pragma once

#include "bpf/lib/sock_addr.bpf.h"

/* Uncounts the connection if it is counted. */
static __always_inline void binding_end(struct mesh_pick *binding, bool failed)
{
	if (__sync_lock_test_and_set(&binding->phase, BINDING_NONE) != BINDING_NONE &&
	    binding->service != MESH_NONE)
		count_out(binding->service, binding->endpoint, failed);
}

/* Advances the phase only if it is |from|, so only forward and only once. */
static __always_inline void binding_advance(struct mesh_pick *binding, __u32 from, __u32 to)
{
	__sync_val_compare_and_swap(&binding->phase, from, to);
}

static __always_inline void binding_fill(struct mesh_pick *binding,
					 const struct mesh_request *request)
{
	__builtin_memcpy(binding->asked_addr, request->key.addr, 16);
	__builtin_memcpy(binding->endpoint_addr, request->addr, 16);
	binding->asked_port = request->key.port;
	binding->endpoint_port = request->port;
	binding->endpoint = request->endpoint_state;
	binding->service = request->entered ? request->service_state : MESH_NONE;
	binding->phase = BINDING_SELECTED;
}

static __always_inline bool binding_is_to(const struct mesh_pick *binding, const __u8 addr[16],
					  __u16 port)
{
	__u64 a[2], b[2];

	__builtin_memcpy(a, binding->endpoint_addr, 16);
	__builtin_memcpy(b, addr, 16);
	return a[0] == b[0] && a[1] == b[1] && binding->endpoint_port == port;
}

/* Whether it binds the address that |request| asked for to the endpoint that it was given. */
static __always_inline bool binding_is_for(const struct mesh_pick *binding,
					   const struct mesh_request *request)
{
	return binding_is_to(binding, request->addr, request->port) &&
	       binding->asked_port == request->key.port &&
	       addr_is(binding->asked_addr, request->key.addr);
}

/* Clears the binding: the socket connects elsewhere. Entries of datagrams stay. */
static __always_inline void binding_clear(struct mesh_pick *binding)
{
	binding_end(binding, false);
	binding->asked_port = binding->endpoint_port = 0;
}

/* ---- datagrams: the service address of the latest one to an endpoint */

static __always_inline void requested_key_fill(struct asked_key *key, __u64 cookie,
					       const __u8 addr[16], __u16 port)
{
	key->cookie = cookie;
	__builtin_memcpy(key->addr, addr, 16);
	key->port = port;
}

/* A datagram to |key| asked for |addr|, |port|. */
static __always_inline void requested_put(const struct asked_key *key, const __u8 addr[16],
					  __u16 port)
{
	const struct asked *before = bpf_map_lookup_elem(&weft_asked, key);
	struct asked asked = {.port = port};

	if (before && before->port == port && addr_is(before->addr, addr))
		return;
	__builtin_memcpy(asked.addr, addr, 16);
	bpf_map_update_elem(&weft_asked, key, &asked, BPF_ANY);
}

/* Removes the entry of a socket that connects to |addr|, |port| now. */
static __always_inline void requested_forget(const struct mesh_pick *binding, __u64 cookie,
					     const __u8 addr[16], __u16 port)
{
	struct asked_key key = {};

	if (!binding || !binding->asked)
		return;
	requested_key_fill(&key, cookie, addr, port);
	bpf_map_delete_elem(&weft_asked, &key);
}
