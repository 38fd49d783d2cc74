/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 7: what a decision may need to know of the client: the workload of the process, and the
 * address that its socket has or will have. */
#pragma once

#include "bpf/lib/policy_connect.bpf.h"

#define CLIENT_DEVICES 16 /* of a network namespace that are looked at, in the kernel's order */
#define CLIENT_ADDRS   4  /* addresses of a device */

/* include/uapi/linux/if.h, if_addr.h */
#define IFF_UP		  0x1
#define IFF_LOOPBACK	  0x8
#define IFA_F_SECONDARY	  0x01
#define IFA_F_DEPRECATED  0x20
#define IFA_F_TENTATIVE	  0x40
#define RT_SCOPE_UNIVERSE 0

/* ---- the address that a socket will have */

static __always_inline bool client_v4_of_device(const struct net_device *dev, __u8 ret_addr[16])
{
	struct in_ifaddr *a = BPF_CORE_READ(dev, ip_ptr, ifa_list);

	for (int i = 0; i < CLIENT_ADDRS && a; i++) {
		if (BPF_CORE_READ(a, ifa_scope) == RT_SCOPE_UNIVERSE &&
		    !(BPF_CORE_READ(a, ifa_flags) & IFA_F_SECONDARY)) {
			addr_from_v4(ret_addr, BPF_CORE_READ(a, ifa_local));
			return true;
		}
		a = BPF_CORE_READ(a, ifa_next);
	}
	return false;
}

static __always_inline bool client_v6_is_usable(const struct inet6_ifaddr *a, __u8 ret_addr[16])
{
	BPF_CORE_READ_INTO(ret_addr, a, addr);
	if (ret_addr[0] == 0xfe && (ret_addr[1] & 0xc0) == 0x80)
		return false;
	return !(BPF_CORE_READ(a, flags) & (IFA_F_DEPRECATED | IFA_F_TENTATIVE));
}

static __always_inline bool client_v6_of_device(const struct net_device *dev, __u8 ret_addr[16])
{
	struct inet6_dev *dev6 = BPF_CORE_READ(dev, ip6_ptr);
	struct list_head *head = dev6 ? &dev6->addr_list : NULL;
	struct list_head *at = head ? BPF_CORE_READ(head, next) : NULL;

	for (int i = 0; i < CLIENT_ADDRS && at && at != head; i++) {
		if (client_v6_is_usable((void *)at -
						bpf_core_field_offset(struct inet6_ifaddr, if_list),
					ret_addr))
			return true;
		at = BPF_CORE_READ(at, next);
	}
	return false;
}

/* The first address of the network namespace |net| (a struct net) that is valid beyond its machine.
 * The kernel chooses the same one if there is only one of this family. All 0: there is none. */
__weak __noinline int client_address(struct weft_mesh_key *ret, __u64 net, __u32 v6)
{
	struct list_head *head = &((struct net *)net)->dev_base_head;
	struct list_head *at = BPF_CORE_READ(head, next);
	struct net_device *dev;

	if (!ret)
		return 0;
	for (int i = 0; i < CLIENT_DEVICES && at && at != head; i++) {
		dev = (void *)at - bpf_core_field_offset(struct net_device, dev_list);
		at = BPF_CORE_READ(at, next);
		if ((BPF_CORE_READ(dev, flags) & (IFF_UP | IFF_LOOPBACK)) != IFF_UP)
			continue;
		if (v6 ? client_v6_of_device(dev, ret->addr) : client_v4_of_device(dev, ret->addr))
			return 1;
	}
	__builtin_memset(ret->addr, 0, 16);
	return 0;
}

/* ---- as a number */

static __always_inline __u64 client_of_addr(const __u8 addr[16])
{
	__u32 words[4];

	__builtin_memcpy(words, addr, 16);
	return (__u64)weft_hash(words, 4, 1) << 32 | weft_hash(words, 4, 2);
}

static __always_inline __u64 client_of_netns(__u64 cookie)
{
	__u32 words[2] = {(__u32)cookie, cookie >> 32};

	return (__u64)weft_hash(words, 2, 1) << 32 | weft_hash(words, 2, 2);
}

/* The client's hash: of the address that the socket is bound to, else of the address that it will
 * get, else, or if it is isolated, of its network namespace. */
static __always_inline __u64 client_of(struct bpf_sock_addr *ctx, const struct bpf_sock *sk,
				       const struct mesh_request *request)
{
	struct weft_mesh_key key = {};

	addr_of_sock(sk, key.addr);
	if (request->isolated ||
	    (addr_is_any(key.addr) && !client_address(&key, net_of_sock(sk), request->can_v6)))
		return client_of_netns(bpf_get_netns_cookie(ctx));
	return client_of_addr(key.addr);
}

/* ---- the decision */

/* mesh_decide for the current process. Returns a WEFT_VERDICT_*. */
static __always_inline int client_decide(struct bpf_sock_addr *ctx, const struct bpf_sock *sk,
					 struct mesh_request *request)
{
	int verdict = mesh_decide(request);

	for (int i = 0; i < GENERATIONS && verdict == MESH_ASKS; i++) {
		if (request->asks & WEFT_ASKS_ADDR)
			request->client = client_of(ctx, sk, request);
		if (request->asks & WEFT_ASKS_ROUTE)
			route_match(request, request->asks & WEFT_ASKS_SOURCE
						     ? source_of_current(ctx, request->generation)
						     : 0);
		verdict = mesh_decide(request);
	}
	return verdict == MESH_ASKS ? WEFT_VERDICT_NO_ENDPOINT : verdict;
}
