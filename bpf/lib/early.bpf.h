/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: payload that arrives or leaves before its connection is established is stored until
 * then: data at the listening socket (with the ACK that completes the handshake, or with the SYN:
 * TCP Fast Open, RFC 7413), data that a client sends with its SYN, and a server's response before
 * the client is established. */
#pragma once

#include "bpf/lib/capture.bpf.h"
#include "bpf/lib/pipeline.bpf.h"

/* How many consecutive packets are looked up: an initial window (RFC 6928). */
#define EARLY_PACKETS 10

static __always_inline struct early *early_new(const struct end_key *key)
{
	__u32 zero = 0;
	const struct early *blank = bpf_map_lookup_elem(&weft_blank, &zero);

	if (blank)
		bpf_map_update_elem(&weft_early, key, blank, BPF_ANY);
	return bpf_map_lookup_elem(&weft_early, key);
}

/* Stores payload seen at a listener, or at a socket that connects. */
__weak __noinline int early_keep(struct __sk_buff *skb, __u32 offset, __u32 bytes, __u32 seq,
				 __u32 direction)
{
	__u32 kept = size_within(bytes < EARLY_BYTES ? bytes : EARLY_BYTES, EARLY_BYTES);
	struct bpf_sock *sk = skb->sk;
	struct weft_tuple tuple = {};
	struct end_key key = {};
	struct early *early;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || !kept || !tuple_of_packet(skb, direction, &tuple))
		return 0;
	if (direction == WEFT_EGRESS)
		end_key_fill(&key, &tuple, seq, 0);
	else
		end_key_fill(&key, &tuple, netns_of_sock(sk), seq);
	early = early_new(&key);
	if (!early || bpf_skb_load_bytes(skb, offset, early->data, kept)) {
		count(WEFT_COUNT_SEGMENTS_SEEN, 1);
		count_lost(WEFT_LOST_READ_SEGMENT);
		return 0;
	}
	early->time_ns = bpf_ktime_get_ns();
	early->seq = seq;
	__sync_lock_test_and_set(&early->bytes, bytes); /* the other fields are written before */
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

/* What |mine| sent with its SYN. Both ends can look it up. */
static __always_inline struct early *early_of_syn(struct end_key *mine, __u32 seq)
{
	mine->egress_seq = seq;
	mine->ingress_seq = 0;
	return bpf_map_lookup_elem(&weft_early, mine);
}

/* What arrived at |mine| in |netns_ino|. */
static __always_inline struct early *early_find(struct end_key *mine, __u32 netns_ino, __u32 seq)
{
	mine->egress_seq = netns_ino;
	mine->ingress_seq = seq;
	return bpf_map_lookup_elem(&weft_early, mine);
}

static __always_inline bool early_is(const struct early *early, __u32 seq, __u32 bytes)
{
	return early && early->seq == seq && early->bytes == bytes;
}

/* The direction begins with |early|; another CPU may have processed a later packet already. */
static __always_inline void early_pass(struct stream_state *s, const struct early *early,
				       __u32 first_seq, __u8 mode)
{
	__u32 end = early->seq + early->bytes;

	if ((__s32)(end - s->next) > 0)
		s->next = end;
	s->position = s->next - first_seq;
	s->wanted = s->position;
	s->mode = mode;
}

static __always_inline void early_request(struct conn_state *state, const struct early *early)
{
	pipeline_request(state, early->data[0] == 'H' && early->data[1] == 'E');
}

/* At the client's end: reports the data of its SYN, which the server accepted. */
static __always_inline void early_sent(struct end_key *mine, struct conn_state *state,
				       struct weft_settings *set)
{
	struct early *early = early_of_syn(mine, state->egress_seq);

	if (!early)
		return;
	if (set->capture) {
		early_pass(&state->streams[WEFT_EGRESS], early, state->egress_seq,
			   STREAM_HTTP1_RAW);
		state->last_direction = WEFT_EGRESS;
		early_request(state, early);
		early_segment(state, early, set, WEFT_EGRESS);
	}
	bpf_map_delete_elem(&weft_early, mine);
}

/* Reports the stored packet at |mine->ingress_seq| and advances to the next one. |captured|: the
 * content was captured at the other end, which is on this node. Returns 0 when none is left. */
static __noinline int early_arrived(struct end_key *mine, struct conn_state *state,
				    struct weft_settings *set, bool captured)
{
	struct early *early = bpf_map_lookup_elem(&weft_early, mine);
	__u32 end;

	if (!early || !early->bytes)
		return 0;
	end = early->seq + early->bytes;
	early_pass(&state->streams[WEFT_INGRESS], early, state->ingress_seq,
		   !set->capture ? STREAM_NEW
		   : captured	 ? STREAM_HTTP1
				 : STREAM_HTTP1_RAW);
	if (set->capture && captured)
		early_mark(state, early);
	else if (set->capture)
		early_segment(state, early, set, WEFT_INGRESS);
	bpf_map_delete_elem(&weft_early, mine);
	mine->ingress_seq = end;
	return 1;
}

/* What is known of the other end if it is on this node. */
#define EARLY_AWAITED 1 /* its SYN was sent; it is not established yet */
#define EARLY_BEGUN   2

/* A separate function: the stack of a call chain is limited. */
static __noinline int early_peer(const struct end_key *mine, const struct conn_state *state)
{
	struct end_key peer = {};

	key_reverse(&peer, mine);
	peer.egress_seq = state->ingress_seq;
	peer.ingress_seq = state->egress_seq;
	if (bpf_map_lookup_elem(&weft_ends, &peer))
		return EARLY_BEGUN;
	return early_of_syn(&peer, state->ingress_seq) ? EARLY_AWAITED : 0;
}

/* Reports the stored ingress packets; the direction continues after them. */
static __always_inline void early_report(struct end_key *mine, __u32 netns_ino,
					 struct conn_state *state, struct weft_settings *set,
					 bool captured)
{
	struct early *early = early_find(mine, netns_ino, state->ingress_seq);

	if (!early)
		return;
	state->last_direction = WEFT_INGRESS;
	if (state->role == WEFT_ROLE_SERVER)
		early_request(state, early);
	for (int i = 0; i < EARLY_PACKETS; i++)
		if (!early_arrived(mine, state, set, captured))
			break;
}
