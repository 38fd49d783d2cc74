/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 7: the framing parsers for a message of sk_msg instead of a packet. It is the same code: a
 * global function is verified with one type of context, so functions with a context are compiled
 * again under another name. */
#pragma once

#include "bpf/lib/peer.bpf.h"
#include "bpf/lib/pipeline.bpf.h"

#define MESSAGE_BYTES_MAX (1u << 20) /* a power of two */

/* Replaces bpf_skb_load_bytes, which sk_msg does not have. */
static __always_inline long message_load(const struct sk_msg_md *msg, __u32 at, void *out,
					 __u32 bytes)
{
	void *data = (void *)(long)msg->data;

	if ((__u64)msg->data_end - (__u64)data < (__u64)at + bytes)
		return -1;
	return bpf_probe_read_kernel(out, bytes, data + (at & (MESSAGE_BYTES_MAX - 1)));
}

/* Replaces peer_overlaps: weft_lane.overlaps tells this end already. */
static __always_inline bool message_peer_overlaps(const struct sk_msg_md *msg,
						  const struct conn_state *state)
{
	(void)msg;
	(void)state;
	return false;
}

#define __sk_buff		 sk_msg_md
#define bpf_skb_load_bytes	 message_load
#define capture_range		 message_range
#define head_copy		 message_head_copy
#define head_reread		 message_head_reread
#define chunk_line		 message_chunk_line
#define http1_chunk		 message_http1_chunk
#define http1_begins_response	 message_begins_response
#define http1_next		 message_http1_next
#define http1_settle_due	 message_http1_settle_due
#define line_names_http1	 message_line_names_http1
#define line_read		 message_line_read
#define peer_overlaps		 message_peer_overlaps
#define direction_change_arrived message_direction_change
#define framing_http1		 message_http1
#define framing_raw		 message_raw
#define framing_units		 message_units
#define classify		 message_classify
#define proxy_header		 message_proxy_header
#define fast_copy		 message_fast_copy
#define stream_follow		 message_stream
#include "bpf/lib/framing.bpf.h"
#undef __sk_buff
#undef bpf_skb_load_bytes
