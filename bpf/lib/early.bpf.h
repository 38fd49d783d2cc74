/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: payload that arrives with the ACK that completes a handshake: the hook sees it at the
 * listening socket and keeps it until the connection has a socket of its own. */
#pragma once

#include "bpf/lib/capture.bpf.h"

/* At the listener. */
__weak __noinline int early_keep(struct __sk_buff *skb, __u32 offset, __u32 bytes, __u32 seq)
{
	struct weft_tuple tuple = {};
	struct end_key key = {};
	__u32 zero = 0, kept = bytes < EARLY_BYTES ? bytes : EARLY_BYTES;
	struct early *early = bpf_map_lookup_elem(&weft_scratch, &zero);
	struct bpf_sock *sk = skb->sk;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || !early || !tuple_of_packet(skb, WEFT_INGRESS, &tuple))
		return 0;
	kept = size_within(kept, EARLY_BYTES);
	if (!kept || bpf_skb_load_bytes(skb, offset, early->data, kept))
		return 0;
	early->time_ns = bpf_ktime_get_ns();
	early->bytes = bytes;
	end_key_fill(&key, &tuple, netns_of_sock(sk), seq);
	bpf_map_update_elem(&weft_early, &key, early, BPF_ANY);
	return 0;
}

static __always_inline void early_mark(const struct conn_state *state, const struct early *early)
{
	struct arrival arrival = {.time_ns = early->time_ns,
				  .end_seq = state->ingress_seq + early->bytes,
				  .bytes = early->bytes};

	mark_send(state->cookie, &arrival);
}

static __always_inline void early_segment(const struct conn_state *state, const struct early *early,
					  struct weft_settings *set)
{
	struct capture c = {.cookie = state->cookie,
			    .time_ns = early->time_ns,
			    .seq = state->ingress_seq,
			    .bytes = early->bytes,
			    .flags = WEFT_SEGMENT_RAW,
			    .direction = WEFT_INGRESS};
	struct small_record *record = record_reserve(small_record, set, &c);
	__u32 bytes = early->bytes < EARLY_BYTES ? early->bytes : EARLY_BYTES;

	if (!record)
		return;
	bpf_probe_read_kernel(record->data, EARLY_BYTES, early->data);
	segment_fill(&record->segment, &c, 0, bytes);
	event_submit(record, set);
	count(WEFT_COUNT_COPIED_BYTES, bytes);
	if (early->bytes > bytes)
		count(WEFT_COUNT_SKIPPED_BYTES, early->bytes - bytes);
}

/* When the connection is established: what arrived before is told now, and the direction goes on
 * after it. |mine| is this end's, in |netns_ino|. */
static __always_inline void early_tell(const struct end_key *mine, __u32 netns_ino,
				       struct conn_state *state, struct weft_settings *set)
{
	struct stream_state *s = &state->streams[WEFT_INGRESS];
	struct end_key key = *mine, peer = {};
	struct early *early;

	key.egress_seq = netns_ino;
	early = bpf_map_lookup_elem(&weft_early, &key);
	if (!early)
		return;
	__builtin_memcpy(peer.local_addr, mine->remote_addr, 16);
	__builtin_memcpy(peer.remote_addr, mine->local_addr, 16);
	peer.local_port = mine->remote_port;
	peer.remote_port = mine->local_port;
	peer.egress_seq = mine->ingress_seq;
	peer.ingress_seq = mine->egress_seq;
	state->last_direction = WEFT_INGRESS;
	state->head_request = early->data[0] == 'H' && early->data[1] == 'E';
	s->mode = WALK_HTTP1_RAW;
	if (bpf_map_lookup_elem(&weft_ends, &peer)) {
		s->mode = WALK_HTTP1;
		early_mark(state, early);
	} else {
		early_segment(state, early, set);
	}
	s->position = early->bytes;
	s->wanted = early->bytes;
	s->next += early->bytes;
	bpf_map_delete_elem(&weft_early, &key);
}
