/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: who a network namespace is, by the addresses of its devices: what is known of one of
 * them is known of the processes that it belongs to. What was found is kept as long as the
 * namespace is as it was. An address that just comes or goes may be missed. Kernels without
 * bpf_loop (before 5.17) look at the first few alone. */
#pragma once

#include "bpf/lib/identity.bpf.h"

/* Workloads of one namespace; with more what arrives is denied: as servers, as clients that come
 * from an address which is none's. */
#define NETNS_WORKLOADS 64
#define NETNS_SOURCES	8

#define NETNS_DEVICES	       1024
#define NETNS_ADDRS	       256 /* of one device and family */
#define NETNS_DEVICES_UNROLLED 12
#define NETNS_ADDRS_UNROLLED   4

#define NETNS_SEEK 0xffffffffu

/* IPv6 counts an address only when it can be used. */
#define NETNS_LASTS_NS 100000000ull
#define NETNS_UNKNOWN  (~0ull)

/* Packets to these addresses never leave their network namespace. */
static __always_inline bool addr_is_loopback(const __u8 addr[16])
{
	__u32 words[4];

	__builtin_memcpy(words, addr, 16);
	if (mesh_addr_is_v4(addr))
		return addr[12] == 127;
	return !words[0] && !words[1] && !words[2] && words[3] == bpf_htonl(1);
}

struct netns_walk {
	__u64 generation;
	__u64 device, devices; /* list_head: where the walk is, where it ends */
	__u64 addr, addrs;     /* the same inside a device; IPv4: in_ifaddr */
	struct weft_mesh_key key;
	__u32 skip; /* so many before the one that is asked for; NETNS_SEEK: all but |last| */
	__u32 last; /* cell */
	__u32 found;
};

/* Looks at |w->key|. Neighbours of one workload count as one. 1: found. */
static __always_inline long netns_visit(struct netns_walk *w)
{
	__u32 identity = identity_of_addr(&w->key, w->generation);

	if (!identity || (identity == w->last) != (w->skip == NETNS_SEEK))
		return 0;
	w->last = identity;
	if (w->skip && w->skip != NETNS_SEEK) {
		w->skip--;
		return 0;
	}
	w->found = identity;
	return 1;
}

typedef long (*netns_visitor)(struct netns_walk *w);

/* One address, to |visit|. */
static __always_inline long netns_addr4_to(struct netns_walk *w, netns_visitor visit)
{
	const struct in_ifaddr *addr = (const void *)w->addr;

	if (!addr)
		return 1;
	addr_from_v4(w->key.addr, BPF_CORE_READ(addr, ifa_local));
	w->addr = (__u64)BPF_CORE_READ(addr, ifa_next);
	return visit(w);
}

static __always_inline long netns_addr6_to(struct netns_walk *w, netns_visitor visit)
{
	const struct list_head *at = (const void *)w->addr;
	const struct inet6_ifaddr *addr;

	if (!at || w->addr == w->addrs)
		return 1;
	addr = (const void *)(w->addr - bpf_core_field_offset(struct inet6_ifaddr, if_list));
	BPF_CORE_READ_INTO(&w->key.addr, addr, addr);
	w->addr = (__u64)BPF_CORE_READ(at, next);
	return visit(w);
}

typedef long (*netns_step)(__u32 index, void *walk);

static __always_inline void netns_loop(netns_step each, __u32 most, __u32 unrolled,
				       struct netns_walk *w)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(most, each, w, 0);
		return;
	}
	for (__u32 i = 0; i < unrolled; i++)
		if (each(i, w))
			break;
}

/* One device, its addresses to |addr4| and |addr6|. */
static __always_inline long netns_device_to(struct netns_walk *w, netns_step addr4,
					    netns_step addr6)
{
	const struct list_head *at = (const void *)w->device;
	const struct net_device *dev;
	struct inet6_dev *dev6;

	if (!at || w->device == w->devices)
		return 1;
	dev = (const void *)(w->device - bpf_core_field_offset(struct net_device, dev_list));
	w->device = (__u64)BPF_CORE_READ(at, next);
	w->addr = (__u64)BPF_CORE_READ(dev, ip_ptr, ifa_list);
	netns_loop(addr4, NETNS_ADDRS, NETNS_ADDRS_UNROLLED, w);
	dev6 = BPF_CORE_READ(dev, ip6_ptr);
	if (!dev6 || w->found)
		return w->found != 0;
	w->addrs = (__u64)dev6 + bpf_core_field_offset(struct inet6_dev, addr_list);
	w->addr = (__u64)BPF_CORE_READ(dev6, addr_list.next);
	netns_loop(addr6, NETNS_ADDRS, NETNS_ADDRS_UNROLLED, w);
	return w->found != 0;
}

static long netns_addr4(__u32 index, void *walk)
{
	return netns_addr4_to(walk, netns_visit);
}

static long netns_addr6(__u32 index, void *walk)
{
	return netns_addr6_to(walk, netns_visit);
}

static long netns_device(__u32 index, void *walk)
{
	return netns_device_to(walk, netns_addr4, netns_addr6);
}

/* From the first device of |net| (a struct net) on. */
static __always_inline void netns_devices(struct netns_walk *w, __u64 net, netns_step device)
{
	const struct net *from = (const void *)net;

	w->devices = net + bpf_core_field_offset(struct net, dev_base_head);
	w->device = (__u64)BPF_CORE_READ(from, dev_base_head.next);
	netns_loop(device, NETNS_DEVICES, NETNS_DEVICES_UNROLLED, w);
}

/* ---- what was found, as long as the namespace counts no change of its devices and addresses */

/* 0: this kernel does not count, or not all of it. */
static __always_inline __u64 netns_cookie(__u64 net)
{
	const struct net *from = (const void *)net;

	if (!bpf_core_field_exists(struct net, net_cookie) ||
	    !bpf_core_field_exists(struct net, dev_base_seq) ||
	    !bpf_core_field_exists(struct netns_ipv4, dev_addr_genid) ||
	    !bpf_core_field_exists(struct netns_ipv6, dev_addr_genid))
		return 0;
	return BPF_CORE_READ(from, net_cookie);
}

/* All three only grow, and so does their sum. */
__weak __noinline int netns_changes(__u64 net)
{
	const struct net *from = (const void *)net;

	return (int)(BPF_CORE_READ(from, dev_base_seq) +
		     (__u32)BPF_CORE_READ(from, ipv4.dev_addr_genid.counter) +
		     (__u32)BPF_CORE_READ(from, ipv6.dev_addr_genid.counter));
}

/* The answer that |identity| is to |key|. */
static __always_inline __u64 netns_answer(const struct net_key *key, __u64 generation,
					  __u32 changes, __u32 identity)
{
	__u32 words[] = {(__u32)key->cookie, key->cookie >> 32, key->port,
			 key->number,	     (__u32)generation, changes};

	return (__u64)weft_hash(words, 6, generation >> 32) << 32 | identity;
}

/* NETNS_UNKNOWN, or who was found. */
__weak __noinline __u64 netns_recall(__u64 net, __u64 generation, __u32 port, __u32 skip)
{
	struct net_key key = {netns_cookie(net), port, skip};
	const struct net_found *found = NULL;
	__u64 answer;

	if (key.cookie)
		found = bpf_map_lookup_elem(&weft_nets, &key);
	if (!found || bpf_ktime_get_ns() > found->until_ns)
		return NETNS_UNKNOWN;
	answer = *(const volatile __u64 *)&found->answer;
	if (answer != netns_answer(&key, generation, netns_changes(net), (__u32)answer))
		return NETNS_UNKNOWN;
	return (__u32)answer;
}

/* |found|: the cell, and above it the changes as of before the search. */
__weak __noinline int netns_keep(__u64 net, __u64 generation, __u32 port, __u32 skip, __u64 found)
{
	struct net_key key = {netns_cookie(net), port, skip};
	struct net_found kept = {.until_ns = bpf_ktime_get_ns() + NETNS_LASTS_NS};
	struct mesh m;

	if (!key.cookie || !mesh_open(&m) ||
	    m.header->generation != generation) /* then nothing is found */
		return 0;
	kept.answer = netns_answer(&key, generation, found >> 32, (__u32)found);
	return bpf_map_update_elem(&weft_nets, &key, &kept, BPF_ANY);
}

/* Who the network namespace |net| (a struct net) is, at |port|: the one after |skip| others, 0:
 * there are no more. One that comes again after another counts again. */
__weak __noinline int identity_of_net(__u64 net, __u64 generation, __u32 port, __u32 skip)
{
	struct netns_walk w = {.generation = generation, .key.port = port, .skip = skip};
	__u64 found;

	if (!net)
		return 0;
	found = netns_recall(net, generation, port, skip);
	if (found != NETNS_UNKNOWN)
		return found;
	found = (__u64)(__u32)netns_changes(net) << 32;
	netns_devices(&w, net, netns_device);
	netns_keep(net, generation, port, skip, found | w.found);
	return w.found;
}

/* |net|, 0 when that struct net is gone and another one, or something else, is in its place. */
static __always_inline __u64 net_if_there(__u64 net, __u32 netns_ino)
{
	const struct net *former = (const void *)net;

	return former && BPF_CORE_READ(former, ns.inum) == netns_ino ? net : 0;
}

/* Who it is as a client; IDENTITY_MANY: more than one workload. */
static __always_inline __u32 identity_of_netns(__u64 net, __u64 generation)
{
	__u32 first = identity_of_net(net, generation, 0, 0);

	if (first && identity_of_net(net, generation, 0, 1))
		return IDENTITY_MANY;
	return first;
}

/* Whether one of its addresses is |identity|'s. */
__weak __noinline int identity_is_of_net(__u64 net, __u64 generation, __u32 identity)
{
	struct netns_walk w = {.generation = generation, .last = identity, .skip = NETNS_SEEK};

	if (!net)
		return 0;
	netns_devices(&w, net, netns_device);
	return w.found != 0;
}

/* Who a client in |net| is that sends from the address |key|. A process may send from one that its
 * network namespace does not have (IP_FREEBIND, IP_TRANSPARENT, ip_nonlocal_bind): that says
 * nothing of it. Each has those of its loopback. Where only the first few can be looked at, the
 * address is believed. */
static __always_inline __u32 identity_in_net(const struct weft_mesh_key *key, __u64 net,
					     __u64 generation)
{
	__u32 held = identity_of_addr(key, generation), all;

	if (held && (addr_is_loopback(key->addr) ||
		     !bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)))
		return held;
	all = identity_of_netns(net, generation);
	if (held && all == IDENTITY_MANY && identity_is_of_net(net, generation, held))
		return held;
	return all;
}

/* ---- whether a network namespace has an address */

struct has_walk {
	struct netns_walk walk; /* first: what is handed to the steps of it */
	__u8 addr[16];
};

static __always_inline long has_visit(struct netns_walk *w)
{
	const struct has_walk *has = (const void *)w;

	w->found = addr_is(w->key.addr, has->addr);
	return w->found;
}

static long has_addr4(__u32 index, void *walk)
{
	return netns_addr4_to(walk, has_visit);
}

static long has_addr6(__u32 index, void *walk)
{
	return netns_addr6_to(walk, has_visit);
}

static long has_device(__u32 index, void *walk)
{
	return netns_device_to(walk, has_addr4, has_addr6);
}

/* A function of its own, so that it is verified once. */
__weak __noinline int net_has_addr(__u64 net, const struct weft_mesh_key *address)
{
	struct has_walk w = {};

	if (!net || !address)
		return 0;
	if (addr_is_loopback(address->addr))
		return 1;
	__builtin_memcpy(w.addr, address->addr, 16);
	netns_devices(&w.walk, net, has_device);
	return w.walk.found;
}
