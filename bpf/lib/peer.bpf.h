/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 3: what one end of a connection learns of the other end on the same node. */
#pragma once

#include "bpf/lib/packet_tcp.bpf.h"

/* The other end's key, built from a packet in |direction|, for which it is the opposite one. */
static __always_inline bool peer_key(const struct __sk_buff *skb, const struct conn_state *state,
				     __u8 direction, struct end_key *key)
{
	struct weft_tuple peer = {};

	if (!tuple_of_packet(skb, !direction, &peer))
		return false;
	end_key_fill(key, &peer, state->ingress_seq, state->egress_seq);
	return true;
}

/* Whether the other end of the connection is captured on this node; called once per connection. A
 * separate function: the stack of a call chain is limited (512 bytes). */
static __noinline bool peer_is_local(const struct __sk_buff *skb, struct conn_state *state)
{
	struct end_key key = {};

	if (!peer_key(skb, state, WEFT_INGRESS, &key))
		return false;
	state->peer = bpf_map_lookup_elem(&weft_ends, &key) ? PEER_LOCAL : PEER_REMOTE;
	return state->peer == PEER_LOCAL;
}

/* Whether the other end pipelines requests. A remote end tells nothing; a local one that is not
 * found any more counts as pipelining. */
static __noinline bool peer_overlaps(const struct __sk_buff *skb, const struct conn_state *state)
{
	struct end_key key = {};
	__u64 *end;

	if (state->peer != PEER_LOCAL || !peer_key(skb, state, WEFT_EGRESS, &key))
		return state->peer == PEER_LOCAL;
	end = bpf_map_lookup_elem(&weft_ends, &key);
	return !end || (*end & END_OVERLAPS);
}

static __always_inline bool overlaps_unannounced(const struct conn_state *state)
{
	return state->overlaps == OVERLAPS_HERE ||
	       (state->overlaps == OVERLAPS_NOT &&
		state->streams[WEFT_EGRESS].mode == STREAM_HTTP1_RAW);
}

/* Tells the other end, before the current packet arrives there. */
static __noinline int overlaps_announce(const struct __sk_buff *skb, struct conn_state *state)
{
	struct weft_tuple mine = {};
	struct end_key key = {};
	__u64 *end;

	state->overlaps = OVERLAPS_ANNOUNCED;
	if (!tuple_of_packet(skb, WEFT_EGRESS, &mine))
		return 0;
	end_key_fill(&key, &mine, state->egress_seq, state->ingress_seq);
	end = bpf_map_lookup_elem(&weft_ends, &key);
	if (end)
		*end |= END_OVERLAPS;
	return 0;
}
