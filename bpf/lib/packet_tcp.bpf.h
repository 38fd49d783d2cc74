/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 2: the TCP header and payload of a packet at a socket hook (data starts at the IP header).
 */
#pragma once

#include "bpf/lib/conn.bpf.h"
#include "bpf/lib/packet_ipv6.bpf.h"

struct payload {
	__u32 offset; /* of the payload's first byte from the IP header */
	__u32 bytes;
	__u32 seq; /* of the payload's first byte */
	__u32 ack; /* the packet's acknowledgment number */
	bool fin;  /* the packet has FIN */
};

#define TRANSPORT_NEAR 4096 /* bound for direct packet access; more headers than any sender has */

/* Offset of the transport header from the IP header, as the kernel parsed it before the socket's
 * hook. 0: not available. */
static __always_inline __u32 transport_offset(const struct __sk_buff *skb)
{
	const struct sk_buff *packet = kernel_address(skb);

	return (__u16)(BPF_CORE_READ(packet, transport_header) -
		       BPF_CORE_READ(packet, network_header));
}

/* TCP after IPv6 extension headers (RFC 8200 4). Only for packets of a TCP socket. */
static __noinline __u32 tcp_find_far(const struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	__u32 offset;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || sk->protocol != IPPROTO_TCP)
		return 0;
	offset = transport_offset(skb);
	if (offset >= TRANSPORT_NEAR)
		return 0;
	asm volatile("" : "+r"(offset)); /* lets the verifier see the bound in the returned value */
	return offset & (TRANSPORT_NEAR - 1);
}

/* Offset of the TCP header from the IP header; 0: not TCP. Packets over 64 KiB (BIG TCP, usual on
 * loopback) have a hop-by-hop header with their length (RFC 2675). */
static __always_inline __u32 tcp_find(const struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct iphdr *v4 = data;
	struct ipv6hdr *v6 = data;
	__u8 *jumbo = (__u8 *)(v6 + 1);

	if ((void *)(v4 + 1) > end)
		return 0;
	if (v4->version == 4)
		return v4->protocol == IPPROTO_TCP ? v4->ihl * 4 : 0;
	if ((void *)(v6 + 1) > end)
		return 0;
	if (v6->nexthdr == IPPROTO_TCP)
		return sizeof(*v6);
	if (v6->nexthdr == 0 && (void *)(jumbo + 8) <= end && jumbo[0] == IPPROTO_TCP &&
	    jumbo[1] == 0)
		return sizeof(*v6) + 8;
	return tcp_find_far(skb);
}

/* Finds the payload with direct packet access. False: not TCP, or neither payload nor FIN. The
 * headers are always in the linear part at these hooks. */
static __always_inline bool payload_find(const struct __sk_buff *skb, struct payload *p)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct tcphdr *tcp;

	p->offset = tcp_find(skb);
	if (!p->offset)
		return false;
	tcp = data + p->offset;
	if ((void *)(tcp + 1) > end)
		return false;
	p->offset += tcp->doff * 4;
	p->seq = bpf_ntohl(tcp->seq) + tcp->syn;
	p->ack = bpf_ntohl(tcp->ack_seq);
	if (skb->len < p->offset)
		return false;
	p->bytes = skb->len - p->offset;
	p->fin = tcp->fin;
	return p->bytes || p->fin;
}

/* The addresses of the packet as the end at the hook sees them: egress as the sender does. */
static __always_inline bool tuple_of_packet(const struct __sk_buff *skb, __u8 direction,
					    struct weft_tuple *t)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct iphdr *v4 = data;
	struct ipv6hdr *v6 = data;
	bool out = direction == WEFT_EGRESS;
	struct tcphdr *tcp;

	if ((void *)(v6 + 1) > end) /* also long enough for IPv4 with TCP */
		return false;
	if (v4->version == 4) {
		addr_from_v4(out ? t->local_addr : t->remote_addr, v4->saddr);
		addr_from_v4(out ? t->remote_addr : t->local_addr, v4->daddr);
	} else {
		__builtin_memcpy(out ? t->local_addr : t->remote_addr, &v6->saddr, 16);
		__builtin_memcpy(out ? t->remote_addr : t->local_addr, &v6->daddr, 16);
	}
	tcp = data + tcp_find(skb);
	if ((void *)(tcp + 1) > end)
		return false;
	t->local_port = bpf_ntohs(out ? tcp->source : tcp->dest);
	t->remote_port = bpf_ntohs(out ? tcp->dest : tcp->source);
	return true;
}
