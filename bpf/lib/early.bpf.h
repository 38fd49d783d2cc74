/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: payload of a handshake, which is kept until the connection is established: what arrives
 * with the ACK that completes it, which the hook sees at the listening socket, and what a client
 * sends with its SYN (TCP Fast Open, RFC 7413). */
#pragma once

#include "bpf/lib/capture.bpf.h"
#include "bpf/lib/pipeline.bpf.h"

/* At the listener; WEFT_EGRESS: at the socket that connects. */
__weak __noinline int early_keep(struct __sk_buff *skb, __u32 offset, __u32 bytes, __u32 seq,
				 __u32 direction)
{
	struct weft_tuple tuple = {};
	struct end_key key = {};
	__u32 zero = 0, kept = bytes < EARLY_BYTES ? bytes : EARLY_BYTES;
	struct early *early = bpf_map_lookup_elem(&weft_scratch, &zero);
	struct bpf_sock *sk = skb->sk;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || !early || !tuple_of_packet(skb, direction, &tuple))
		return 0;
	kept = size_within(kept, EARLY_BYTES);
	if (!kept || bpf_skb_load_bytes(skb, offset, early->data, kept))
		return 0;
	early->time_ns = bpf_ktime_get_ns();
	early->bytes = bytes;
	early->seq = seq;
	end_key_fill(&key, &tuple, netns_of_sock(sk), direction == WEFT_EGRESS ? 0 : seq);
	bpf_map_update_elem(&weft_early, &key, early, BPF_ANY);
	return 0;
}

static __always_inline void early_mark(const struct conn_state *state, const struct early *early)
{
	struct arrival arrival = {.time_ns = early->time_ns,
				  .end_seq = early->seq + early->bytes,
				  .bytes = early->bytes};

	mark_send(state->cookie, &arrival);
}

static __always_inline void early_segment(const struct conn_state *state, const struct early *early,
					  struct weft_settings *set, __u8 direction)
{
	struct capture c = {.cookie = state->cookie,
			    .time_ns = early->time_ns,
			    .seq = early->seq,
			    .bytes = early->bytes,
			    .flags = WEFT_SEGMENT_RAW,
			    .direction = direction};
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

static __always_inline void early_begin(struct conn_state *state, struct stream_state *s,
					const struct early *early, __u8 direction)
{
	state->last_direction = direction;
	pipeline_ask(state, early->data[0] == 'H' && early->data[1] == 'E');
	s->mode = WALK_HTTP1_RAW;
	s->position = early->bytes;
	s->wanted = early->bytes;
	s->next = early->seq + early->bytes;
}

/* At the client's end, in |netns_ino|: what its SYN carried. |acked|: how much of that the server
 * took; of anything else the rest comes again. */
static __always_inline void early_sent(const struct end_key *mine, __u32 netns_ino,
				       struct conn_state *state, struct weft_settings *set,
				       __u32 acked)
{
	struct end_key key = *mine;
	struct early *early;

	key.egress_seq = netns_ino;
	key.ingress_seq = 0;
	early = bpf_map_lookup_elem(&weft_early, &key);
	if (!early)
		return;
	if (early->seq == state->egress_seq && early->bytes == acked) {
		early_begin(state, &state->streams[WEFT_EGRESS], early, WEFT_EGRESS);
		early_segment(state, early, set, WEFT_EGRESS);
	}
	bpf_map_delete_elem(&weft_early, &key);
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
	early_begin(state, s, early, WEFT_INGRESS);
	if (bpf_map_lookup_elem(&weft_ends, &peer)) {
		s->mode = WALK_HTTP1;
		early_mark(state, early);
	} else {
		early_segment(state, early, set, WEFT_INGRESS);
	}
	bpf_map_delete_elem(&weft_early, &key);
}
