/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 2: reading the IPv6 header and its extension headers. */
#pragma once

#include "bpf/lib/packet.bpf.h"

#define PACKET_MAX_EXTENSIONS 6

/* include/linux/in6.h: the extension headers of RFC 8200 4 and related ones */
#define IPV6_HOP_BY_HOP	    0
#define IPV6_ROUTING	    43
#define IPV6_FRAGMENT	    44
#define IPV6_AUTHENTICATION 51
#define IPV6_DESTINATION    60
#define IPV6_MOBILITY	    135

struct packet_ipv6 {
	__be32 version_class_label;
	__be16 payload_bytes;
	__u8 next;
	__u8 hop_limit;
	__u8 source[16];
	__u8 destination[16];
};

struct packet_extension {
	__u8 next;
	__u8 length;
	__be16 fragment; /* of a fragment header only */
	__be32 id;
};

static __always_inline bool packet_is_extension(__u8 type)
{
	return type == IPV6_HOP_BY_HOP || type == IPV6_ROUTING || type == IPV6_FRAGMENT ||
	       type == IPV6_AUTHENTICATION || type == IPV6_DESTINATION || type == IPV6_MOBILITY;
}

/* One extension header of type |type|. Returns the next type. */
static __always_inline int packet_read_extension(struct packet_cursor *c, __u8 type,
						 struct packet *p)
{
	struct packet_extension *extension = packet_peek(c, sizeof(*extension));
	__u32 size;

	if (!extension)
		return -1;
	size = ((__u32)extension->length + 1) * 8;
	if (type == IPV6_AUTHENTICATION)
		size = ((__u32)extension->length + 2) * 4;
	if (type == IPV6_FRAGMENT) {
		size = sizeof(*extension);
		p->later_fragment = (extension->fragment & bpf_htons(0xfff8)) != 0;
	}
	p->header_bytes += size;
	c->next += size;
	return extension->next;
}

/* RFC 8200, with up to PACKET_MAX_EXTENSIONS extension headers. Fills addresses and lengths;
 * returns the first type that is not an extension header, or the type of the extension header at
 * which parsing stopped. */
static __always_inline int packet_read_ipv6(struct packet_cursor *c, struct weft_flow_key *key,
					    struct packet *p)
{
	struct packet_ipv6 *ip = packet_peek(c, sizeof(*ip));
	int type, next;

	if (!ip || (bpf_ntohl(ip->version_class_label) >> 28) != 6)
		return -1;
	__builtin_memcpy(key->source_addr, ip->source, 16);
	__builtin_memcpy(key->destination_addr, ip->destination, 16);
	p->ip_bytes = bpf_ntohs(ip->payload_bytes);
	if (p->ip_bytes)
		p->ip_bytes += sizeof(*ip);
	p->header_bytes = sizeof(*ip);
	c->next += sizeof(*ip);
	type = ip->next;
	for (int i = 0; i < PACKET_MAX_EXTENSIONS; i++) {
		if (!packet_is_extension(type) || p->later_fragment)
			break;
		next = packet_read_extension(c, type, p);
		if (next < 0)
			break;
		type = next;
	}
	return type;
}
