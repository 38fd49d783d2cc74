/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: the workload of a network namespace, by the addresses of its devices: a workload that
 * has one of them is taken for the workload of the namespace's processes. Results are cached until
 * the namespace changes. An address that is just being added or removed may be missed. Kernels
 * without bpf_loop (before 5.17) look at the first few addresses only. */
#pragma once

#include "bpf/lib/identity.bpf.h"

/* Maximum number of workloads of one namespace, as servers and as clients whose address belongs to
 * no workload; with more, connections are denied. */
#define NETNS_WORKLOADS 64
#define NETNS_SOURCES	8

#define NETNS_DEVICES	       1024
#define NETNS_ADDRS	       256 /* of one device and family */
#define NETNS_DEVICES_UNROLLED 12
#define NETNS_ADDRS_UNROLLED   4

#define NETNS_SEEK 0xffffffffu

/* Lifetime of a cached result: IPv6 changes its generation count only once an address is usable. */
#define NETNS_LASTS_NS 100000000ull
#define NETNS_UNKNOWN  (~0ull)

/* Whether packets to this address never leave their network namespace. */
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
	__u64 device, devices; /* list_head: the current one, the end of the list */
	__u64 addr, addrs;     /* the same for the addresses of a device; IPv4: in_ifaddr */
	struct weft_mesh_key key;
	__u32 skip; /* number of workloads to skip; NETNS_SEEK: look for |last| */
	__u32 last; /* cell */
	__u32 found;
};

/* Looks up |w->key|. Consecutive addresses of one workload count as one. 1: found. */
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

/* Passes one address to |visit| and advances. */
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

/* Passes the addresses of one device to |addr4| and |addr6| and advances. */
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

/* All devices of |net| (a struct net). */
static __always_inline void netns_devices(struct netns_walk *w, __u64 net, netns_step device)
{
	const struct net *from = (const void *)net;

	w->devices = net + bpf_core_field_offset(struct net, dev_base_head);
	w->device = (__u64)BPF_CORE_READ(from, dev_base_head.next);
	netns_loop(device, NETNS_DEVICES, NETNS_DEVICES_UNROLLED, w);
}

/* ---- cached results, valid until the namespace counts a change of its devices and addresses */

/* The key of the cache; 0: this kernel does not count all of these changes. */
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

/* The change counter: all three only grow, and so does their sum. */
__weak __noinline int netns_changes(__u64 net)
{
	const struct net *from = (const void *)net;

	return (int)(BPF_CORE_READ(from, dev_base_seq) +
		     (__u32)BPF_CORE_READ(from, ipv4.dev_addr_genid.counter) +
		     (__u32)BPF_CORE_READ(from, ipv6.dev_addr_genid.counter));
}

/* The cached value: |identity|, and above it a hash of what it was found for. */
static __always_inline __u64 netns_answer(const struct net_key *key, __u64 generation,
					  __u32 changes, __u32 identity)
{
	__u32 words[] = {(__u32)key->cookie, key->cookie >> 32, key->port,
			 key->number,	     (__u32)generation, changes};

	return (__u64)weft_hash(words, 6, generation >> 32) << 32 | identity;
}

/* The cached result, NETNS_UNKNOWN: there is none. */
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

/* Caches |found|: the cell, and above it the change counter as of before the search. */
__weak __noinline int netns_keep(__u64 net, __u64 generation, __u32 port, __u32 skip, __u64 found)
{
	struct net_key key = {netns_cookie(net), port, skip};
	struct net_found kept = {.until_ns = bpf_ktime_get_ns() + NETNS_LASTS_NS};
	struct mesh m;

	if (!key.cookie || !mesh_open(&m) ||
	    m.header->generation != generation) /* then the search found nothing */
		return 0;
	kept.answer = netns_answer(&key, generation, found >> 32, (__u32)found);
	return bpf_map_update_elem(&weft_nets, &key, &kept, BPF_ANY);
}

/* The workload of the network namespace |net| (a struct net), at |port|, after |skip| others; 0:
 * there are no more. A workload that occurs again after another one counts again. */
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

/* |net|, or 0 when that struct net was freed and its memory holds something else. */
static __always_inline __u64 net_if_there(__u64 net, __u32 netns_ino)
{
	const struct net *former = (const void *)net;

	return former && BPF_CORE_READ(former, ns.inum) == netns_ino ? net : 0;
}

/* Its workload as a client; IDENTITY_MANY: there are several. */
static __always_inline __u32 identity_of_netns(__u64 net, __u64 generation)
{
	__u32 first = identity_of_net(net, generation, 0, 0);

	if (first && identity_of_net(net, generation, 0, 1))
		return IDENTITY_MANY;
	return first;
}

/* Whether one of its addresses belongs to |identity|. */
__weak __noinline int identity_is_of_net(__u64 net, __u64 generation, __u32 identity)
{
	struct netns_walk w = {.generation = generation, .last = identity, .skip = NETNS_SEEK};

	if (!net)
		return 0;
	netns_devices(&w, net, netns_device);
	return w.found != 0;
}

/* The workload of a client in |net| that sends from the address |key|. A process may send from an
 * address that its network namespace does not have (IP_FREEBIND, IP_TRANSPARENT, ip_nonlocal_bind);
 * that address does not identify it. Loopback addresses are always its own. Where only the first
 * few addresses can be looked at, the address is trusted. */
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
	struct netns_walk walk; /* first member: the steps get a pointer to it */
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

/* A global function, so that it is verified once. */
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
