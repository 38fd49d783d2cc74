/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 2: counting packets per flow in weft_flows.
 *
 * Which counters equal each other: a large segment (TSO, GSO, GRO, LRO) is counted as the packets
 * it becomes or became: packets = gso_segs, bytes = IP length + (gso_segs - 1) * (IP and transport
 * headers). So for each flow packets and bytes are those of a capture on the wire, packets of a TCP
 * flow equal tcp_info.tcpi_segs_out of its sender, and the sum over the flows leaving an interface
 * equals the counters of its queueing discipline, which counts 14 bytes of Ethernet more per
 * packet: qdisc packets = packets, qdisc bytes = bytes + 14 * packets.
 * /sys/class/net/.../statistics of a real card count wire packets (Ethernet included, often also a
 * CRC); those of veth and bridge count a large segment as one packet: they equal only while
 * offloads are off. Frames that are not IP (ARP, LLDP) are in those counters and in no flow. */
#pragma once

#include "bpf/lib/emit.bpf.h"
#include "bpf/lib/packet_ipv6.bpf.h"

#define FLOW_COUNTED	0
#define FLOW_NOT_IP	1
#define FLOW_UNREADABLE 2

/* One packet or large segment as the hook sees it. */
struct flow_frame {
	__u32 ip_bytes; /* from the IP header to the end of the frame, padding included */
	__u32 ifindex;
	__u32 gso_segs;	 /* 0 or 1: one packet */
	__u32 gso_bytes; /* payload of each segment, 0: one packet */
	__u8 direction;	 /* WEFT_EGRESS, WEFT_INGRESS */
};

static __always_inline __u64 flow_now_ns(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ktime_get_coarse_ns))
		return bpf_ktime_get_coarse_ns();
	return bpf_ktime_get_ns();
}

/* Adds to this CPU's part of a flow. No atomics: no other CPU writes it, and programs of one
 * direction do not nest. */
static __always_inline void flow_add(struct weft_flow *flow, __u64 packets, __u64 bytes,
				     __u8 tcp_flags, __u64 now_ns)
{
	flow->packets += packets;
	flow->bytes += bytes;
	if (!flow->first_ns)
		flow->first_ns = now_ns;
	flow->last_ns = now_ns;
	flow->tcp_flags_seen |= tcp_flags;
	if ((tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN)
		flow->syn_count++;
}

/* Creates the flow of |key|; NULL (counted as lost) when there is no room. */
static __noinline struct weft_flow *flow_make(const struct weft_flow_key *key)
{
	struct weft_flow empty = {}, *flow;

	if (!bpf_map_update_elem(&weft_flows, key, &empty, BPF_NOEXIST))
		count(WEFT_COUNT_FLOWS_SEEN, 1);
	flow = bpf_map_lookup_elem(&weft_flows, key);
	if (!flow)
		count_lost(WEFT_LOST_FLOW_INSERT);
	return flow;
}

static __always_inline struct weft_flow *flow_get(const struct weft_flow_key *key)
{
	struct weft_flow *flow = bpf_map_lookup_elem(&weft_flows, key);

	return flow ? flow : flow_make(key);
}

/* The number of packets in a frame. Senders outside the kernel (virtio, tun) may leave gso_segs
 * 0. */
static __always_inline __u32 flow_packets(const struct flow_frame *frame, const struct packet *p,
					  __u32 ip_bytes)
{
	if (frame->gso_segs)
		return frame->gso_segs;
	if (!frame->gso_bytes || ip_bytes <= p->header_bytes)
		return 1;
	return (ip_bytes - p->header_bytes + frame->gso_bytes - 1) / frame->gso_bytes;
}

/* Reads the IP packet of EtherType |type| at the cursor into |key| and |p|, both zeroed before. */
static __always_inline int flow_parse(struct packet_cursor *c, int type, struct weft_flow_key *key,
				      struct packet *p)
{
	int protocol;

	if (type == ETHERTYPE_IPV4)
		protocol = packet_read_ipv4(c, key, p);
	else if (type == ETHERTYPE_IPV6)
		protocol = packet_read_ipv6(c, key, p);
	else
		return FLOW_NOT_IP;
	if (protocol < 0)
		return FLOW_UNREADABLE;
	key->protocol = protocol;
	packet_read_transport(c, key, p);
	return FLOW_COUNTED;
}

/* Counts a parsed packet. */
static __always_inline void flow_count(const struct flow_frame *frame, struct weft_flow_key *key,
				       const struct packet *p)
{
	__u32 ip_bytes =
		p->ip_bytes && p->ip_bytes < frame->ip_bytes ? p->ip_bytes : frame->ip_bytes;
	__u64 packets = flow_packets(frame, p, ip_bytes);
	struct weft_flow *flow;

	key->ifindex = frame->ifindex;
	key->direction = frame->direction;
	flow = flow_get(key);
	if (flow)
		flow_add(flow, packets, ip_bytes + (packets - 1) * p->header_bytes, p->tcp_flags,
			 flow_now_ns());
}
