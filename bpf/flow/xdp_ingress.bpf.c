// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* L4 flow counters at the driver of a network card, before the stack sees or drops a packet. Emits
 * nothing: it counts in weft_flows, in place of the TC ingress program of that interface. May lose
 * a packet's count when the flow table has no room (FLOW_INSERT) or an IP header cannot be read
 * (FLOW_PARSE). Passes everything. */
#include "bpf/lib/flow.bpf.h"

static __always_inline __u32 xdp_frame_bytes(struct xdp_md *xdp)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_xdp_get_buff_len))
		return bpf_xdp_get_buff_len(xdp);
	return xdp->data_end - xdp->data;
}

/* A global function: verified once and its outcomes merged. */
__noinline int xdp_read(struct xdp_md *xdp, struct weft_flow_key *key, struct packet *p,
			__u32 *ret_l3_offset)
{
	struct packet_cursor c = {(void *)(long)xdp->data, (void *)(long)xdp->data_end};
	int type;

	if (!key || !p || !ret_l3_offset)
		return FLOW_UNREADABLE;
	type = packet_read_ethernet(&c);
	*ret_l3_offset = c.next - (void *)(long)xdp->data;
	return type < 0 ? FLOW_UNREADABLE : flow_parse(&c, type, key, p);
}

/* frags: only headers are read, so frames of several buffers (jumbo MTU) are supported */
SEC("xdp.frags")
int weft_xdp(struct xdp_md *xdp)
{
	struct flow_frame frame = {.ifindex = xdp->ingress_ifindex, .direction = WEFT_INGRESS};
	struct weft_flow_key key = {};
	struct packet p = {};
	__u32 l3_offset;
	int found = xdp_read(xdp, &key, &p, &l3_offset);

	if (found == FLOW_UNREADABLE)
		count_lost(WEFT_LOST_FLOW_PARSE);
	if (found != FLOW_COUNTED)
		return XDP_PASS;
	frame.ip_bytes = xdp_frame_bytes(xdp) - l3_offset;
	flow_count(&frame, &key, &p);
	return XDP_PASS;
}
