// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* L4 flow counters where a network card's driver hands packets over, before the stack sees or
 * refuses them. Emits nothing: it counts in weft_flows, in the place of the TC ingress program of
 * that interface. May lose a packet's count when the flow table has no room (FLOW_INSERT) or an IP
 * header cannot be read (FLOW_PARSE). Passes everything. */
#include "bpf/lib/flow.bpf.h"

static __always_inline __u32 xdp_frame_bytes(struct xdp_md *xdp)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_xdp_get_buff_len))
		return bpf_xdp_get_buff_len(xdp);
	return xdp->data_end - xdp->data;
}

/* frags: only headers are read, so frames of several buffers (jumbo MTU) are welcome */
SEC("xdp.frags")
int weft_xdp(struct xdp_md *xdp)
{
	struct packet_cursor c = {(void *)(long)xdp->data, (void *)(long)xdp->data_end};
	struct flow_frame frame = {.ifindex = xdp->ingress_ifindex, .direction = WEFT_INGRESS};
	struct weft_flow_key key = {};
	struct packet p = {};
	int type = packet_read_ethernet(&c);
	__u32 l3_offset = c.next - (void *)(long)xdp->data;
	int found = type < 0 ? FLOW_UNREADABLE : flow_parse(&c, type, &key, &p);

	if (found == FLOW_UNREADABLE)
		count_lost(WEFT_LOST_FLOW_PARSE);
	if (found != FLOW_COUNTED)
		return XDP_PASS;
	frame.ip_bytes = xdp_frame_bytes(xdp) - l3_offset;
	flow_count(&frame, &key, &p);
	return XDP_PASS;
}
