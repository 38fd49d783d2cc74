/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 2: reading packet headers. A cursor walks the packet; each packet_* function reads one
 * header, moves past it and returns the type of what follows, or -1 when the header does not fit or
 * is not valid. */
#pragma once

#include "bpf/lib/kernel.bpf.h"

#define ETHERTYPE_IPV4	 0x0800
#define ETHERTYPE_IPV6	 0x86dd
#define ETHERTYPE_8021Q	 0x8100
#define ETHERTYPE_8021AD 0x88a8

#define PACKET_MAX_VLANS 2
#define TCP_FLAG_SYN	 0x02
#define TCP_FLAG_ACK	 0x10

struct packet_cursor {
	void *next;
	void *end;
};

/* Facts from the headers of one IP packet that are not in the flow key. */
struct packet {
	__u32 ip_bytes;	    /* IP header and payload as the header says; 0 = not said (jumbogram) */
	__u32 header_bytes; /* IP header(s) and the header of TCP or UDP, which each GSO segment
			       repeats */
	__u8 tcp_flags;
	__u8 later_fragment; /* carries no transport header */
};

struct packet_ethernet {
	__u8 addresses[12];
	__be16 type;
} __attribute__((packed));

struct packet_vlan {
	__be16 tci;
	__be16 type;
};

struct packet_ipv4 {
	__u8 version_ihl;
	__u8 tos;
	__be16 total_bytes;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__be16 checksum;
	__u8 source[4];
	__u8 destination[4];
};

struct packet_ports {
	__be16 source;
	__be16 destination;
};

struct packet_tcp {
	__be16 source;
	__be16 destination;
	__be32 seq;
	__be32 ack;
	__u8 offset;
	__u8 flags;
	__be16 window;
	__be16 checksum;
	__be16 urgent;
};

/* The header of |size| bytes at the cursor, which does not move; NULL when it does not fit. */
static __always_inline void *packet_peek(const struct packet_cursor *c, __u32 size)
{
	return c->next + size <= c->end ? c->next : NULL;
}

/* Ethernet with up to PACKET_MAX_VLANS tags in the packet (a tag that the card stripped is not in
 * it). Returns the EtherType in host order. */
static __always_inline int packet_read_ethernet(struct packet_cursor *c)
{
	struct packet_ethernet *ethernet = packet_peek(c, sizeof(*ethernet));
	struct packet_vlan *vlan;
	__be16 type;

	if (!ethernet)
		return -1;
	type = ethernet->type;
	c->next += sizeof(*ethernet);
	for (int i = 0; i < PACKET_MAX_VLANS; i++) {
		if (type != bpf_htons(ETHERTYPE_8021Q) && type != bpf_htons(ETHERTYPE_8021AD))
			break;
		vlan = packet_peek(c, sizeof(*vlan));
		if (!vlan)
			return -1;
		type = vlan->type;
		c->next += sizeof(*vlan);
	}
	return bpf_ntohs(type);
}

static __always_inline void packet_map_ipv4(__u8 mapped[16], const __u8 addr[4])
{
	__u32 *word = (__u32 *)mapped;

	word[0] = 0;
	word[1] = 0;
	word[2] = bpf_htonl(0xffff);
	__builtin_memcpy(&word[3], addr, 4);
}

/* RFC 791. Fills addresses and lengths; returns the protocol. */
static __always_inline int packet_read_ipv4(struct packet_cursor *c, struct weft_flow_key *key,
					    struct packet *p)
{
	struct packet_ipv4 *ip = packet_peek(c, sizeof(*ip));
	__u32 header_bytes;

	if (!ip || ip->version_ihl >> 4 != 4)
		return -1;
	header_bytes = (ip->version_ihl & 0x0f) * 4;
	if (header_bytes < sizeof(*ip))
		return -1;
	packet_map_ipv4(key->source_addr, ip->source);
	packet_map_ipv4(key->destination_addr, ip->destination);
	p->ip_bytes = bpf_ntohs(ip->total_bytes);
	p->header_bytes = header_bytes;
	p->later_fragment = (ip->fragment & bpf_htons(0x1fff)) != 0;
	c->next += header_bytes;
	return ip->protocol;
}

/* Ports and flags of TCP (RFC 9293), ports of UDP (RFC 768); other protocols have none. If the
 * header does not fit, the ports stay 0: the IP packet is counted all the same. */
static __always_inline void packet_read_transport(struct packet_cursor *c,
						  struct weft_flow_key *key, struct packet *p)
{
	struct packet_ports *ports;
	struct packet_tcp *tcp;

	if (p->later_fragment || (key->protocol != IPPROTO_TCP && key->protocol != IPPROTO_UDP))
		return;
	ports = packet_peek(c, 8);
	if (!ports)
		return;
	key->source_port = bpf_ntohs(ports->source);
	key->destination_port = bpf_ntohs(ports->destination);
	if (key->protocol == IPPROTO_UDP) {
		p->header_bytes += 8;
		return;
	}
	tcp = packet_peek(c, sizeof(*tcp));
	if (!tcp)
		return;
	p->header_bytes += (tcp->offset >> 4) * 4;
	p->tcp_flags = tcp->flags;
}
