/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 6: one attempt to connect: its SYN, the SYN's owner, and whether it was refused. A refusal
 * applies to this attempt of this socket, not to others with the same addresses. */
#pragma once

#include "bpf/lib/arrival.bpf.h"
#include "bpf/lib/packet_tcp.bpf.h"

#define NEAR_NS	     8000000000ull /* from a SYN to its third retransmission */
#define UNDER_WAY_NS 200000000ull  /* transit of a packet between network namespaces */
#define STRANGER_NS  8000000000ull

/* ---- packets of sockets */

/* The addresses of a packet as its sender sees them (|out|) or as its receiver does. Returns false
 * when they cannot be read. */
__weak __noinline int addresses_read(const struct __sk_buff *skb, struct end_key *ret_key, bool out)
{
	struct ipv6hdr v6;
	struct iphdr v4;

	if (!ret_key || bpf_skb_load_bytes(skb, 0, &v4, sizeof(v4)))
		return false;
	if (v4.version == 4) {
		addr_from_v4(out ? ret_key->local_addr : ret_key->remote_addr, v4.saddr);
		addr_from_v4(out ? ret_key->remote_addr : ret_key->local_addr, v4.daddr);
		return true;
	}
	if (bpf_skb_load_bytes(skb, 0, &v6, sizeof(v6)))
		return false;
	__builtin_memcpy(out ? ret_key->local_addr : ret_key->remote_addr, &v6.saddr, 16);
	__builtin_memcpy(out ? ret_key->remote_addr : ret_key->local_addr, &v6.daddr, 16);
	return true;
}

/* Addresses and ports of a packet whose transport header begins with ports. */
__weak __noinline int ends_read(const struct __sk_buff *skb, struct end_key *ret_ends, bool out)
{
	__u32 offset = transport_offset(skb);
	struct packet_ports ports;

	if (!ret_ends || !offset || bpf_skb_load_bytes(skb, offset, &ports, sizeof(ports)))
		return false;
	ret_ends->local_port = bpf_ntohs(out ? ports.source : ports.destination);
	ret_ends->remote_port = bpf_ntohs(out ? ports.destination : ports.source);
	return addresses_read(skb, ret_ends, out);
}

enum syn { SYN_NONE, SYN_FOUND, SYN_UNREADABLE };

/* Whether the packet of a TCP socket is a SYN without ACK, after any IP options or extension
 * headers. Then |ret_key| holds its ends, and |ret_key->egress_seq| its sequence number. */
__weak __noinline int syn_read(const struct __sk_buff *skb, struct end_key *ret_key, bool out)
{
	__u32 offset = transport_offset(skb);
	struct tcphdr tcp;

	if (!ret_key || !offset || bpf_skb_load_bytes(skb, offset, &tcp, sizeof(tcp)))
		return SYN_UNREADABLE;
	if (!tcp.syn || tcp.ack)
		return SYN_NONE;
	ret_key->egress_seq = bpf_ntohl(tcp.seq);
	return ends_read(skb, ret_key, out) ? SYN_FOUND : SYN_UNREADABLE;
}

/* ---- refusals */

/* The next SYN of |ends|, given as the server sees them, in |netns_ino| within |lasts_ns| gets a
 * RST. A separate function, like all that record attempts: the stack of a call chain is limited. */
static __noinline int refused_expect(const struct end_key *ends, __u32 netns_ino, __u64 generation,
				     __u64 lasts_ns)
{
	struct refused_key key = {.ends = *ends, .netns_ino = netns_ino};
	struct refused refused = {generation, bpf_ktime_get_ns() + lasts_ns};

	key.ends.egress_seq = 0;
	bpf_map_update_elem(&weft_refused, &key, &refused, BPF_ANY);
	return 0;
}

/* Whether a SYN of |ends| that arrives in |netns_ino| was refused before. Consumes the entry: call
 * it once per packet. */
static __always_inline bool refused_take(const struct end_key *ends, __u32 netns_ino,
					 __u64 generation)
{
	struct refused_key key = {.ends = *ends, .netns_ino = netns_ino};
	const struct refused *refused = bpf_map_lookup_elem(&weft_refused, &key);
	bool holds;

	if (!refused)
		return false;
	holds = refused->generation == generation && bpf_ktime_get_ns() < refused->until_ns;
	bpf_map_delete_elem(&weft_refused, &key);
	return holds;
}

/* ---- SYN owners */

/* A socket of this node sends the SYN |key|. If that SYN was refused before, the server's network
 * namespace expects its retransmission. */
static __noinline int syn_owner_record(const struct end_key *key, const struct knock *fresh)
{
	struct knock *known = bpf_map_lookup_elem(&weft_knocks, key);
	struct near near = {.sent_ns = bpf_ktime_get_ns(), .seq = key->egress_seq};
	struct end_key ends = *key;

	ends.egress_seq = 0;
	bpf_map_update_elem(&weft_near, &ends, &near, BPF_ANY);
	if (!known || known->cookie != fresh->cookie) {
		bpf_map_update_elem(&weft_knocks, key, fresh, BPF_ANY);
		return 0;
	}
	if (!known->refused_generation)
		return 0;
	key_reverse(&ends, key);
	refused_expect(&ends, known->refused_netns, known->refused_generation, UNDER_WAY_NS);
	return 0;
}

/* The SYN that a socket of this node last sent to |ends|, given as the server sees them; NULL: none
 * that could still arrive. */
static __always_inline const struct near *syn_sent_lately(const struct end_key *ends)
{
	struct end_key reversed = {};
	const struct near *near;

	key_reverse(&reversed, ends);
	near = bpf_map_lookup_elem(&weft_near, &reversed);
	return near && bpf_ktime_get_ns() - near->sent_ns < NEAR_NS ? near : NULL;
}

/* The SYN |arrived| is refused by a server in |netns_ino|. For a client on this node the refusal is
 * stored with the SYN owner; for others only the addresses identify the retransmission. */
static __always_inline void syn_owner_refuse(const struct end_key *arrived, __u32 netns_ino,
					     __u64 generation)
{
	struct knock *syn_owner = syn_owner_find(arrived);

	if (!syn_owner) {
		refused_expect(arrived, netns_ino, generation, STRANGER_NS);
		return;
	}
	syn_owner->refused_netns = netns_ino;
	syn_owner->refused_generation = generation;
}
