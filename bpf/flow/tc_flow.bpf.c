// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* L4 flow counters at an interface's TC hooks, in both directions: TCX links, or classifiers of a
 * clsact qdisc. Emits nothing: it counts in weft_flows. May lose a packet's count when the flow
 * table has no room (FLOW_INSERT) or an IP header cannot be read (FLOW_PARSE). Never changes or
 * redirects a packet: the next program runs. */
#include "bpf/lib/flow.bpf.h"

/* TC_ACT_UNSPEC of clsact and TCX_NEXT have the same value */
#define TC_GO_ON (-1)

/* Ethernet, two VLAN tags, IPv6, some extension headers, TCP: what is pulled into the linear part
 * when the sender left it in pages. */
#define TC_HEADROOM_BYTES 192

struct tc_usual {
	struct packet_ethernet ethernet;
	struct packet_ipv4 ip;
	struct packet_tcp tcp;
} __attribute__((packed));

/* A global function: verified once, not at each call. */
__noinline int tc_read(struct __sk_buff *skb, struct weft_flow_key *key, struct packet *p,
		       __u32 *ret_l3_offset)
{
	struct packet_cursor c = {(void *)(long)skb->data, (void *)(long)skb->data_end};
	int type;

	if (!key || !p || !ret_l3_offset)
		return FLOW_UNREADABLE;
	type = packet_read_ethernet(&c);
	*ret_l3_offset = c.next - (void *)(long)skb->data;
	if (type < 0)
		return FLOW_UNREADABLE;
	return flow_parse(&c, type, key, p);
}

/* Whether the transport header is missing though the protocol has ports. */
static __always_inline bool tc_lacks_ports(const struct weft_flow_key *key, const struct packet *p)
{
	return !p->later_fragment && !key->source_port && !key->destination_port &&
	       (key->protocol == IPPROTO_TCP || key->protocol == IPPROTO_UDP);
}

static __always_inline void tc_add(struct __sk_buff *skb, __u8 direction, __u32 l3_offset,
				   struct weft_flow_key *key, const struct packet *p)
{
	struct flow_frame frame = {.ip_bytes = skb->len - l3_offset,
				   .ifindex = skb->ifindex,
				   .gso_segs = skb->gso_segs,
				   .gso_bytes = skb->gso_size,
				   .direction = direction};

	flow_count(&frame, key, p);
}

/* The slow path: any frame. */
static __noinline int tc_count(struct __sk_buff *skb, __u8 direction)
{
	struct weft_flow_key key = {};
	struct packet p = {};
	__u32 linear_bytes = skb->data_end - skb->data;
	__u32 l3_offset;
	int found = tc_read(skb, &key, &p, &l3_offset);

	if (linear_bytes < skb->len && linear_bytes < TC_HEADROOM_BYTES &&
	    (found == FLOW_UNREADABLE || (found == FLOW_COUNTED && tc_lacks_ports(&key, &p)))) {
		bpf_skb_pull_data(skb, skb->len < TC_HEADROOM_BYTES ? skb->len : TC_HEADROOM_BYTES);
		__builtin_memset(&key, 0, sizeof(key));
		__builtin_memset(&p, 0, sizeof(p));
		found = tc_read(skb, &key, &p, &l3_offset);
	}
	if (found == FLOW_UNREADABLE)
		count_lost(WEFT_LOST_FLOW_PARSE);
	if (found != FLOW_COUNTED)
		return TC_GO_ON;
	tc_add(skb, direction, l3_offset, &key, &p);
	return TC_GO_ON;
}

/* The fast path: TCP in IPv4 without options, as straight-line code, since most of the cost of a
 * run is instruction cache misses. Returns whether the frame was such a one. */
static __always_inline bool tc_count_usual(struct __sk_buff *skb, __u8 direction)
{
	struct tc_usual *f = (void *)(long)skb->data;
	struct weft_flow_key key = {.protocol = IPPROTO_TCP};
	struct packet p = {};

	if ((void *)(f + 1) > (void *)(long)skb->data_end ||
	    f->ethernet.type != bpf_htons(ETHERTYPE_IPV4) || f->ip.version_ihl != 0x45 ||
	    f->ip.protocol != IPPROTO_TCP || (f->ip.fragment & bpf_htons(0x3fff)))
		return false;
	packet_map_ipv4(key.source_addr, f->ip.source);
	packet_map_ipv4(key.destination_addr, f->ip.destination);
	key.source_port = bpf_ntohs(f->tcp.source);
	key.destination_port = bpf_ntohs(f->tcp.destination);
	p.ip_bytes = bpf_ntohs(f->ip.total_bytes);
	p.header_bytes = sizeof(f->ip) + (f->tcp.offset >> 4) * 4;
	p.tcp_flags = f->tcp.flags;
	tc_add(skb, direction, sizeof(f->ethernet), &key, &p);
	return true;
}

SEC("tcx/ingress")
int weft_tc_ingress(struct __sk_buff *skb)
{
	return tc_count_usual(skb, WEFT_INGRESS) ? TC_GO_ON : tc_count(skb, WEFT_INGRESS);
}

SEC("tcx/egress")
int weft_tc_egress(struct __sk_buff *skb)
{
	return tc_count_usual(skb, WEFT_EGRESS) ? TC_GO_ON : tc_count(skb, WEFT_EGRESS);
}
