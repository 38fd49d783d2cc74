/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 6: the sender of a datagram, if it was a process of this node. */
#pragma once

#include "bpf/lib/arrival.bpf.h"
#include "bpf/lib/talk.bpf.h"

#define SENDER_REFRESH_NS 1000000000ull
#define SENDER_LASTS_NS	  3000000000ull
#define SENDER_NONE	  0x7fffffff /* not a cell */

#define LOOPBACK_IFINDEX 1 /* include/net/flow.h */
#define PACKET_LOOPBACK	 5 /* include/uapi/linux/if_packet.h */

/* |own|: a namespace of an unprivileged user. Users can create any number of these, so they share
 * one place in the list. */
static __always_inline void sender_enlist(const struct end_key *ends, __u32 netns_ino, bool own)
{
	struct sender_list *list = bpf_map_lookup_elem(&weft_sending, ends);
	struct sender_list fresh = {};
	__u32 place = SENDERS_OF_ROOT;

	if (!list) {
		fresh.netns_ino[own ? SENDERS_OF_ROOT : 0] = netns_ino;
		bpf_map_update_elem(&weft_sending, ends, &fresh, BPF_ANY);
		return;
	}
	for (int i = 0; i < SENDERS_LISTED; i++)
		if (list->netns_ino[i] == netns_ino)
			return;
	if (!own)
		place = (__sync_fetch_and_add(&list->next, 1) + 1) % SENDERS_OF_ROOT;
	asm volatile("" : "+r"(place)); /* else "unbounded min value" */
	list->netns_ino[place & (SENDERS_LISTED - 1)] = netns_ino;
}

/* The socket |cookie| sends from and to |ends|. Returns whether its entry needs an update. */
static __always_inline bool sender_is_due(const struct sender_key *key, __u64 cookie,
					  __u64 generation)
{
	const struct sender *sender = bpf_map_lookup_elem(&weft_senders, key);

	return !sender || sender->cookie != cookie || sender->generation != generation ||
	       bpf_ktime_get_ns() - sender->seen_ns > SENDER_REFRESH_NS;
}

/* Separate functions: the stack of a call chain is limited. */
static __noinline struct sender *sender_find(const struct end_key *arrived, __u32 netns_ino)
{
	struct sender_key key = {};
	struct sender *sender;

	key_reverse(&key.ends, arrived);
	key.ends.egress_seq = arrived->egress_seq;
	key.netns_ino = netns_ino;
	sender = bpf_map_lookup_elem(&weft_senders, &key);
	if (!sender || bpf_ktime_get_ns() - sender->seen_ns > SENDER_LASTS_NS)
		return NULL;
	return sender;
}

/* The workload, by matchers, of a process in |netns_ino| that has recently sent datagrams like
 * |arrived|; SENDER_NONE: there is no such process. */
__weak __noinline int sender_process(const struct end_key *arrived, __u32 netns_ino,
				     __u64 generation)
{
	struct identity_search s = {.generation = generation};
	struct sender *sender = arrived ? sender_find(arrived, netns_ino) : NULL;

	if (!sender)
		return SENDER_NONE;
	__builtin_memcpy(s.addr, arrived->remote_addr, 16);
	identity_of_facts(&s, &sender->facts);
	return s.identity;
}

/* The same by the noted network namespace or address of the sender, else by the source address.
 * SENDER_NONE: nothing was noted, and the address belongs to no workload. */
__weak __noinline int sender_place(const struct end_key *arrived, __u32 netns_ino, __u64 generation)
{
	__u32 place = PLACE_UNKNOWN;
	struct sender *sender;
	bool fresh = false;
	int by_address;

	if (!arrived)
		return 0;
	sender = sender_find(arrived, netns_ino);
	if (sender) {
		place = sender->place;
		fresh = sender->generation == generation;
	}
	if (fresh && place != PLACE_UNKNOWN)
		return (int)place;
	by_address = source_of_addr(arrived, generation);
	return by_address || place != PLACE_UNKNOWN ? by_address : SENDER_NONE;
}

static __always_inline int sender_in(const struct end_key *arrived, __u32 netns_ino,
				     __u64 generation)
{
	int identity = sender_process(arrived, netns_ino, generation);

	return identity ? identity : sender_place(arrived, netns_ino, generation);
}

/* Like source_net, for the case that sender_in is IDENTITY_MANY. */
static __noinline __u64 sender_net(const struct end_key *arrived, __u32 netns_ino, __u64 generation)
{
	const struct sender *sender = sender_find(arrived, netns_ino);

	if (!sender || sender->generation != generation || sender->place != IDENTITY_MANY)
		return 0;
	return net_if_there(sender->net, netns_ino);
}

/* The |number|th network namespace that |arrived| was sent from, 0: there is none. */
__weak __noinline int sender_netns(const struct end_key *arrived, __u32 number)
{
	const struct sender_list *list;
	struct end_key reversed = {};

	if (!arrived)
		return 0;
	key_reverse(&reversed, arrived);
	reversed.egress_seq = arrived->egress_seq;
	list = bpf_map_lookup_elem(&weft_sending, &reversed);
	return list ? list->netns_ino[number & (SENDERS_LISTED - 1)] : 0;
}

/* ---- datagrams that return to the network namespace of their sender */

static __always_inline bool came_back(const struct __sk_buff *skb)
{
	return skb->ingress_ifindex == LOOPBACK_IFINDEX || skb->pkt_type == PACKET_LOOPBACK;
}

/* It arrived through a VRF, which hides whether it was looped back. */
static __always_inline bool may_have_come_back(const struct __sk_buff *skb)
{
	const struct sk_buff *inner = kernel_address(skb);
	const struct net_device *dev = BPF_CORE_READ(inner, dev);

	return dev && BPF_CORE_READ_BITFIELD_PROBED(dev, priv_flags) &
			      bpf_core_enum_value(enum netdev_priv_flags, IFF_L3MDEV_MASTER);
}

/* Whether |ends| came from outside the network namespace in which it arrives, although a process
 * there sends from the same address, which the namespace does not have (IP_TRANSPARENT,
 * IPV6_FREEBIND). */
__weak __noinline int datagram_is_foreign(struct __sk_buff *skb, const struct end_key *ends)
{
	struct weft_mesh_key address = {};
	struct bpf_sock *sk = skb->sk;

	if (came_back(skb) || may_have_come_back(skb) ||
	    !bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop))
		return false;
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || !ends || !sender_find(ends, netns_of_sock(sk)))
		return false;
	__builtin_memcpy(address.addr, ends->remote_addr, 16);
	return !net_has_addr(net_of_sock(sk), &address);
}
