/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: a connection begins: its stream offsets are initialized and it is announced to the
 * agent, once, by the program that sees it first. */
#pragma once

#include "bpf/lib/early.bpf.h"
#include "bpf/lib/midstream.bpf.h"

/* Sets the offset of the stream before its first byte is seen, as packets may arrive in any order.
 * |bytes| have passed already according to TCP. */
static __always_inline void stream_begin(struct stream_state *s, __u32 seq, __u32 bytes)
{
	s->started = 1;
	s->position = bytes;
	s->next = seq + bytes;
}

static __always_inline void copy_owner(struct weft_owner *out, struct sock *sk)
{
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);

	if (owner)
		*out = *owner;
}

/* How much of what this end sent before the handshake was complete (TCP Fast Open) is acknowledged.
 * A client's |bytes_acked| includes its SYN. */
static __always_inline __u32 acked_before(const struct tcp_sock *tcp,
					  const struct conn_state *state)
{
	__u32 acked = (__u32)tcp->bytes_acked;

	return state->role == WEFT_ROLE_CLIENT && acked ? acked - 1 : acked;
}

/* Initializes both streams from TCP's sequence numbers. Data that a client sent with its SYN and
 * the server did not accept is retransmitted, so only acknowledged data counts. */
static __always_inline void places_begin(const struct tcp_sock *tcp, struct conn_state *state)
{
	__u32 acked = acked_before(tcp, state), received = (__u32)tcp->bytes_received;
	bool client = state->role == WEFT_ROLE_CLIENT;

	state->egress_seq = tcp->snd_una - acked;
	state->ingress_seq = tcp->rcv_nxt - received;
	stream_begin(&state->streams[WEFT_EGRESS], state->egress_seq,
		     client ? acked : tcp->snd_nxt - state->egress_seq);
	stream_begin(&state->streams[WEFT_INGRESS], state->ingress_seq, received);
}

/* Payload passed that was not stored: before there was an agent, or because the table was full. */
static __always_inline bool is_missed(struct end_key *mine, __u32 netns_ino,
				      const struct conn_state *state)
{
	__u32 sent = (__u32)state->streams[WEFT_EGRESS].position;
	__u32 received = (__u32)state->streams[WEFT_INGRESS].position;

	if (received && !early_is(early_find(mine, netns_ino, state->ingress_seq),
				  state->ingress_seq, received))
		return true;
	return sent && (state->role == WEFT_ROLE_SERVER ||
			!early_is(early_of_syn(mine, state->egress_seq), state->egress_seq, sent));
}

static __always_inline void open_fill(struct weft_open *open, struct tcp_sock *tcp,
				      struct conn_state *state)
{
	tuple_fill(&open->tuple, (struct sock *)tcp);
	copy_owner(&open->owner, (struct sock *)tcp);
	open->cookie = state->cookie;
	open->role = state->role;
	open->isolated = is_isolated((struct sock *)tcp);
	open->egress_seq = state->egress_seq;
	open->ingress_seq = state->ingress_seq;
	open->handshake_us = state->role == WEFT_ROLE_CLIENT
				     ? (state->opened_ns - state->started_ns) / 1000
				     : tcp->srtt_us >> 3;
}

/* Exactly one of the programs that see the connection at the same time begins it. */
static __always_inline bool is_first(struct conn_state *state)
{
	return !state->opened_ns && !state->midstream &&
	       !__sync_val_compare_and_swap(&state->opened_ns, 0, bpf_ktime_get_ns());
}

/* From now on packets are followed. Stored earlier payload is reported after this. */
static __always_inline void packets_begin(struct conn_state *state, __u32 epoch)
{
	if (!state->started_ns)
		state->started_ns = state->opened_ns;
	state->epoch = epoch;
	__sync_lock_test_and_set(&state->begun, 1);
}

/* The server's handshake ended with payload, so its round trip includes the client's idle time: the
 * server waits for data (TCP_DEFER_ACCEPT), or an ACK was lost. */
static __always_inline bool is_deferred(struct end_key *mine, __u32 netns_ino,
					const struct conn_state *state)
{
	return state->role == WEFT_ROLE_SERVER && !state->streams[WEFT_INGRESS].position &&
	       early_find(mine, netns_ino, state->ingress_seq);
}

/* |tcp| is established, or payload passes before it is. */
static __noinline int conn_begin(struct tcp_sock *tcp, struct conn_state *state, __u64 cookie,
				 __u8 role)
{
	struct weft_settings *set = settings();
	struct end_key key = {};
	struct weft_open *open;
	__u32 netns_ino;
	int peer;

	if (!set || !is_first(state))
		return 0;
	state->cookie = cookie;
	state->role = role;
	state->last_direction = 2;
	if (is_repaired(tcp))
		state->end_flags |= WEFT_END_REPAIRED;
	places_begin(tcp, state);
	open = lifecycle_reserve(weft_open, WEFT_EVENT_OPEN);
	if (!open) {
		packets_begin(state, set->reader.epoch);
		return 0;
	}
	open_fill(open, tcp, state);
	netns_ino = open->tuple.netns_ino;
	end_key_fill(&key, &open->tuple, state->egress_seq, state->ingress_seq);
	bpf_map_update_elem(&weft_ends, &key, &state->cookie, BPF_ANY);
	peer = early_peer(&key, state);
	if (set->capture && is_missed(&key, netns_ino, state)) {
		midstream_begin(state, set->reader.epoch);
		open->flags = WEFT_OPEN_MIDSTREAM;
	} else if (peer == EARLY_AWAITED) {
		open->flags = WEFT_OPEN_AWAITED;
	}
	if (is_deferred(&key, netns_ino, state))
		open->handshake_us = 0;
	bpf_ringbuf_submit(open, BPF_RB_NO_WAKEUP);
	if (!state->midstream && state->streams[WEFT_EGRESS].position)
		early_sent(&key, state, set);
	packets_begin(state, set->reader.epoch);
	if (!state->midstream)
		early_report(&key, netns_ino, state, set, peer);
	return 0;
}
