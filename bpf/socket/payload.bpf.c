// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hook: cgroup_skb egress and ingress on the root of the cgroup2 tree: every socket of every
 * namespace. Emits SEGMENT records of what is not body, MARK records where the peer's end is
 * captured, OPEN for connections discovered midstream. Counts what full accept queues refuse. May
 * lose records when the ring is full (counted). Always passes the packet. */
#include "bpf/lib/opening.bpf.h"
#include "bpf/lib/queue.bpf.h"
#include "bpf/lib/redirect.bpf.h"
#include "bpf/lib/framing.bpf.h"

#define PASS 1

/* Announces a connection that is older than the agent with its first packet with payload. If the
 * programs saw its handshake, its role and first sequence numbers are known all the same. */
static __always_inline void midstream_announce(const struct __sk_buff *skb, struct bpf_sock *sk,
					       struct conn_state *state, __u8 direction)
{
	struct weft_open *open = lifecycle_reserve(weft_open, WEFT_EVENT_OPEN);
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);

	if (!open)
		return;
	open->cookie = state->cookie;
	open->flags = WEFT_OPEN_MIDSTREAM;
	open->role = state->role;
	open->egress_seq = state->egress_seq;
	open->ingress_seq = state->ingress_seq;
	tuple_of_packet(skb, direction, &open->tuple);
	if (owner)
		open->owner = *owner;
	bpf_ringbuf_submit(open, BPF_RB_NO_WAKEUP);
}

/* Sequence numbers of a connection whose handshake was not seen: those of the packet by which it is
 * discovered. Both ends see the same packet, so user space can match them. */
static __always_inline void place(struct conn_state *state, const struct payload *p, __u8 direction)
{
	if (state->egress_seq || state->ingress_seq)
		return;
	state->egress_seq = direction == WEFT_EGRESS ? p->seq : p->ack;
	state->ingress_seq = direction == WEFT_EGRESS ? p->ack : p->seq;
}

/* The connection is new to the current agent. */
static __noinline struct conn_state *conn_discover(struct __sk_buff *skb, struct bpf_sock *sk,
						   const struct payload *p, __u32 epoch,
						   __u8 direction)
{
	struct conn_state *state =
		bpf_sk_storage_get(&weft_conns, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (!state) {
		count_lost(WEFT_LOST_STORAGE);
		return NULL;
	}
	state->cookie = bpf_get_socket_cookie(skb);
	midstream_begin(state, epoch);
	place(state, p, direction);
	midstream_announce(skb, sk, state, direction);
	return state;
}

static __always_inline bool is_begun(struct bpf_sock *sk)
{
	const struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);

	return state && state->begun;
}

/* A server may send before the handshake is complete (TCP Fast Open): its end begins now. */
static __noinline int begin_now(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct conn_state *state =
		bpf_sk_storage_get(&weft_conns, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (tcp && state && state->role != WEFT_ROLE_CLIENT)
		conn_begin(tcp, state, bpf_get_socket_cookie(skb), WEFT_ROLE_SERVER);
	return 0;
}

/* Stores payload that passes before the connection begins; false: it has begun. It may begin at the
 * same time on another CPU. */
static __always_inline bool is_kept(struct __sk_buff *skb, struct bpf_sock *sk,
				    const struct payload *p, __u8 direction)
{
	if (sk->state == BPF_TCP_SYN_RECV)
		begin_now(skb, sk);
	else if (sk->state != BPF_TCP_LISTEN && sk->state != BPF_TCP_SYN_SENT)
		return false;
	if (is_begun(sk))
		return false;
	if (direction == WEFT_INGRESS)
		queue_look(skb);
	if (p->bytes)
		early_keep(skb, p->offset, p->bytes, p->seq, direction);
	return !is_begun(sk);
}

/* The socket's connection, announced to the current agent. */
static __always_inline struct conn_state *state_of(struct __sk_buff *skb, struct bpf_sock *sk,
						   const struct payload *p, __u32 epoch,
						   __u8 direction)
{
	struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);

	return state && state->epoch == epoch ? state : conn_discover(skb, sk, p, epoch, direction);
}

/* No agent reads: bytes are only counted, and the next agent discovers the connection midstream. An
 * agent that ends switches capture off; one that was killed or gets no CPU for too long is detected
 * by its heartbeat. */
static __noinline int look_counting(struct __sk_buff *skb, struct bpf_sock *sk, struct capture *c,
				    const struct payload *p)
{
	struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);
	struct weft_settings *set = settings();
	struct stream_state *s;

	if (set && set->capture) {
		count(WEFT_COUNT_SEGMENTS_SEEN, 1);
		count_lost(WEFT_LOST_UNHEARD);
	}
	if (!state)
		return PASS;
	state->epoch = 0;
	s = c->direction == WEFT_EGRESS ? &state->streams[WEFT_EGRESS]
					: &state->streams[WEFT_INGRESS];
	c->seq = p->seq + seq_past(sk, state, c->direction);
	c->bytes = p->bytes;
	stream_count(c, s);
	return PASS;
}

/* A FIN without payload: reports the end of a body that lasts until close; the deferred arrival is
 * sent, as no response may follow. */
static __noinline int look_fin(struct bpf_sock *sk, struct capture *c, const struct payload *p)
{
	struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);
	struct weft_settings *set = settings();

	if (!state || !set || state->epoch != set->reader.epoch || !set->capture)
		return PASS;
	deferred_flush(state);
	if (c->direction != WEFT_EGRESS || state->streams[WEFT_EGRESS].mode != STREAM_REST)
		return PASS;
	c->cookie = state->cookie;
	c->time_ns = bpf_ktime_get_ns();
	c->protocol = WEFT_PROTOCOL_HTTP1;
	c->seq = p->seq + seq_past(sk, state, c->direction);
	capture_end(c, 0);
	return PASS;
}

/* Egress: the next record carries the deferred arrival. */
static __always_inline void look_out(struct __sk_buff *skb, struct capture *c,
				     struct conn_state *state)
{
	deferred_take(state, &c->arrival);
	stream_follow(skb, c, state, &state->streams[WEFT_EGRESS]);
	if (overlaps_unannounced(state))
		overlaps_announce(skb, state);
	if (c->arrival.bytes)
		mark_send(state->cookie, &c->arrival);
}

/* Whether the packet's ACK does not cover all that this end has sent. */
static __always_inline bool is_early(struct bpf_sock *sk, struct conn_state *state,
				     const struct payload *p)
{
	const struct stream_state *sent = &state->streams[WEFT_EGRESS];

	return sent->started && p->ack + seq_past(sk, state, WEFT_EGRESS) != sent->next;
}

static __always_inline int look(struct __sk_buff *skb, __u8 direction)
{
	struct weft_settings *set = settings();
	struct capture c = {.direction = direction};
	struct conn_state *state;
	struct payload p;
	struct bpf_sock *sk;
	__u32 past;

	if (!set || !payload_find(skb, &p))
		return direction == WEFT_INGRESS ? queue_look(skb) : PASS;
	sk = skb->sk;
	if (!sk)
		return PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return PASS;
	if (is_kept(skb, sk, &p, direction))
		return PASS;
	if (!p.bytes)
		return look_fin(sk, &c, &p);
	c.fin = p.fin;
	c.time_ns = bpf_ktime_get_ns();
	if (!set->capture || c.time_ns - set->reader.heartbeat_ns > WEFT_HEARTBEAT_MAX_NS)
		return look_counting(skb, sk, &c, &p);
	state = state_of(skb, sk, &p, set->reader.epoch, direction);
	if (!state)
		return PASS;
	count_about(WEFT_COUNT_PACKETS, 1);
	past = seq_past(sk, state, direction);
	c.cookie = state->cookie;
	c.seq = p.seq + past;
	c.offset = p.offset;
	c.bytes = p.bytes;
	if (state->streams[WEFT_INGRESS].holes)
		stream_sync(&state->streams[WEFT_INGRESS], sk, seq_past(sk, state, WEFT_INGRESS));
	if (direction == WEFT_INGRESS &&
	    (state->peer == PEER_LOCAL ||
	     (state->peer == PEER_UNKNOWN && peer_is_local(skb, state))))
		c.flags |= CAPTURE_MARK_ONLY;
	if (direction == WEFT_INGRESS)
		c.early = is_early(sk, state, &p);
	if (direction == WEFT_EGRESS)
		look_out(skb, &c, state);
	else
		stream_follow(skb, &c, state, &state->streams[WEFT_INGRESS]);
	return PASS;
}

SEC("cgroup_skb/egress")
int payload_out(struct __sk_buff *skb)
{
	return look(skb, WEFT_EGRESS);
}

SEC("cgroup_skb/ingress")
int payload_in(struct __sk_buff *skb)
{
	return look(skb, WEFT_INGRESS);
}
