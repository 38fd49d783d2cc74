// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hooks: sk_msg and sk_skb of weft_sockets, tp_btf sock_recv_length, cgroup/setsockopt; attached
 * only while a service is accelerated. A message of an enrolled socket is redirected to its peer's
 * queue, bypassing TCP, or passes to TCP; it is never lost or refused. Emits SEGMENT, MARK and OPEN
 * as payload.bpf.c does; redirected bytes are counted at sender and receiver. */
#include "bpf/lib/framing_message.bpf.h"

#include "bpf/lib/redirect.bpf.h"

#define MSG_PEEK     0x2
#define MSG_WAITALL  0x100
#define MSG_ERRQUEUE 0x2000
#define SOL_SOCKET   1
#define SOL_TCP	     6
#define SO_RCVLOWAT  18
#define SO_ZEROCOPY  60
#define TCP_REPAIR   19
#define TCP_ULP	     31

const volatile bool redirect_sticky = true;

/* From now on by TCP: redirected bytes are read before those that come by TCP. */
static __always_inline int pass(struct enrolled *e, __u32 why)
{
	if (redirect_sticky)
		e->mode = LANE_PASS;
	count(why, 1);
	return SK_PASS;
}

/* The first message decides for its direction: it is redirected if the other end is ready now, as
 * then nothing of it is in flight by TCP. */
static __always_inline bool peer_ready(struct enrolled *e)
{
	struct pair *pair = bpf_map_lookup_elem(&weft_pairs, &e->pair);

	if (!pair || !pair->server || pair->ambiguous)
		return false;
	if (e->role == WEFT_ROLE_CLIENT)
		e->peer = pair->server;
	e->mode = LANE_REDIRECT;
	return true;
}

/* Announces a connection that is new to the current agent. */
static __always_inline void midstream_announce(struct bpf_sock *sk, const struct enrolled *e,
					       const struct conn_state *state)
{
	struct weft_open *open = lifecycle_reserve(weft_open, WEFT_EVENT_OPEN);
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	bool client = e->role == WEFT_ROLE_CLIENT;
	struct weft_tuple *t;

	if (!open)
		return;
	t = &open->tuple;
	__builtin_memcpy(t->local_addr, client ? e->pair.local_addr : e->pair.remote_addr, 16);
	__builtin_memcpy(t->remote_addr, client ? e->pair.remote_addr : e->pair.local_addr, 16);
	t->local_port = client ? e->pair.local_port : e->pair.remote_port;
	t->remote_port = client ? e->pair.remote_port : e->pair.local_port;
	open->cookie = state->cookie;
	open->flags = WEFT_OPEN_MIDSTREAM;
	open->role = state->role;
	open->egress_seq = state->egress_seq;
	open->ingress_seq = state->ingress_seq;
	if (owner)
		open->owner = *owner;
	bpf_ringbuf_submit(open, BPF_RB_NO_WAKEUP);
}

/* Tells the receiver of a direction change: whether a request begins, and whether its response has
 * a body. A 100 Continue is no direction change. A separate function, to save stack. */
static __noinline int direction_change_announce(struct sk_msg_md *msg, const struct capture *c,
						struct enrolled *e, struct weft_lane *lane)
{
	struct first_bytes f;

	if (e->announced || !first_bytes_load(msg, c, 0, &f) || is_continue(&f, c->bytes))
		return 0;
	e->announced = 1;
	lane->overlaps |= e->role == WEFT_ROLE_SERVER && !is_final(&f);
	lane->request = begins_request(msg, c, 0, &f);
	lane->head_request = begins(&f, "HEAD ", 5);
	lane->changes++;
	return 0;
}

static __always_inline void arrival_report_peer(const struct enrolled *e, const struct capture *c,
						__u32 end_seq, __u32 bytes)
{
	struct arrival arrival = {.time_ns = c->time_ns, .end_seq = end_seq, .bytes = bytes};

	mark_send(e->peer, &arrival);
}

static __always_inline __u8 mode_announced(__u8 mode)
{
	return mode == STREAM_HTTP1_CHUNKS || mode == STREAM_REST ? STREAM_HTTP1 : mode;
}

/* No agent reads, or the protocol is unknown: only the stream offset advances. */
static __always_inline void message_count(struct stream_state *s, __u32 bytes)
{
	s->started = 1;
	stream_move(s, s->next + bytes);
}

/* Parses the message as if it were the next packet of the direction. */
static __always_inline void message_follow(struct sk_msg_md *msg, struct conn_state *state,
					   struct enrolled *e, struct weft_lane *lane)
{
	struct stream_state *s = &state->streams[WEFT_EGRESS];
	struct capture c = {.cookie = state->cookie, .seq = s->next, .bytes = msg->size};

	if ((__u64)msg->data_end - (__u64)msg->data < msg->size)
		bpf_msg_pull_data(msg, 0, msg->size, 0);
	c.time_ns = bpf_ktime_get_ns();
	deferred_take(state, &c.arrival);
	if (state->last_direction != WEFT_EGRESS)
		e->announced = 0;
	direction_change_announce(msg, &c, e, lane);
	message_stream(msg, &c, state, s);
	lane->mode = mode_announced(s->mode);
	lane->overlaps |= pipeline_overlaps(state, WEFT_EGRESS);
	if (c.arrival.bytes)
		mark_send(state->cookie, &c.arrival);
	if (!is_opaque(state))
		arrival_report_peer(e, &c, s->next, msg->size);
}

static __always_inline void message_look(struct sk_msg_md *msg, struct bpf_sock *sk,
					 struct enrolled *e, struct weft_lane *lane)
{
	struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);
	struct weft_settings *set = settings();

	if (!state || !set)
		return;
	if (!set->capture ||
	    bpf_ktime_get_ns() - set->reader.heartbeat_ns > WEFT_HEARTBEAT_MAX_NS) {
		state->epoch = 0;
		message_count(&state->streams[WEFT_EGRESS], msg->size);
		return;
	}
	if (state->epoch != set->reader.epoch) {
		midstream_begin(state, set->reader.epoch);
		midstream_announce(sk, e, state);
	}
	lane_take(e, state);
	if (is_opaque(state))
		message_count(&state->streams[WEFT_EGRESS], msg->size);
	else
		message_follow(msg, state, e, lane);
}

/* A stream goes back to TCP; later connections of the client's program are not accelerated. */
static __noinline int stream_pass(struct enrolled *e)
{
	struct pair *pair = bpf_map_lookup_elem(&weft_pairs, &e->pair);

	if (pair)
		reader_judge(&pair->reader, false);
	return pass(e, WEFT_COUNT_REDIRECT_STREAM);
}

static __always_inline __u64 bytes_heard(struct bpf_sock *sk, const struct enrolled *e)
{
	struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);
	struct weft_lane *own = bpf_map_lookup_elem(&weft_lanes, &e->cookie);

	return (own ? own->bytes : 0) + (state ? state->streams[WEFT_INGRESS].position : 0);
}

SEC("sk_msg")
int redirect_msg(struct sk_msg_md *msg)
{
	struct bpf_sock *sk = msg->sk;
	struct weft_lane *lane;
	struct enrolled *e;
	__u32 bytes = msg->size;

	if (!sk)
		return SK_PASS;
	e = bpf_sk_storage_get(&weft_enrolled, sk, 0, 0);
	if (!e || e->mode == LANE_PASS)
		return SK_PASS;
	if (e->mode == LANE_NEW && !peer_ready(e))
		return pass(e, WEFT_COUNT_REDIRECT_LATE);
	lane = bpf_map_lookup_elem(&weft_lanes, &e->peer);
	if (!lane || lane->closed)
		return pass(e, WEFT_COUNT_REDIRECT_CLOSED);
	if (!lane_has_room(lane, bytes))
		return pass(e, WEFT_COUNT_REDIRECT_FULL);
	if (runs_on(e, bytes_heard(sk, e)))
		return stream_pass(e);
	if (bpf_msg_redirect_hash(msg, &weft_sockets, &e->peer, BPF_F_INGRESS) != SK_PASS)
		return pass(e, WEFT_COUNT_REDIRECT_CLOSED);
	__sync_fetch_and_add(&lane->bytes, bytes);
	lane->messages++;
	e->sent_bytes += bytes;
	e->sent_messages++;
	count(WEFT_COUNT_REDIRECT_MESSAGES, 1);
	count(WEFT_COUNT_REDIRECT_BYTES, bytes);
	message_look(msg, sk, e, lane);
	return SK_PASS;
}

/* With this program data that arrives by TCP uses the same queue as redirected data; without it
 * FIONREAD does not include it. */
SEC("sk_skb/verdict")
int redirect_skb(struct __sk_buff *skb)
{
	return SK_PASS;
}

/* Whether a client reads a stream. */
static __always_inline bool reads_on(struct enrolled *e, struct sock *sk)
{
	struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);

	return state && e->role == WEFT_ROLE_CLIENT &&
	       runs_on(e, state->streams[WEFT_EGRESS].position);
}

/* A read in a trial: MSG_WAITALL returns early with redirected bytes, so it fails the trial. */
static __always_inline void trial_read(struct enrolled *e, struct sock *sk, __u32 bytes, int flags)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	e->read += bytes;
	if ((flags & MSG_WAITALL) || reads_on(e, sk))
		trial_judge(e, false);
	else if (++e->reads >= TRIAL_READS && tcp && read_by_recv_only(e, tcp->copied_seq))
		trial_judge(e, true);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(redirect_read, struct sock *sk, int ret, int flags)
{
	struct weft_lane *lane;
	struct enrolled *e;

	if (ret <= 0 || (flags & (MSG_PEEK | MSG_ERRQUEUE)))
		return 0;
	e = bpf_sk_storage_get(&weft_enrolled, sk, 0, 0);
	if (!e || e->mode == LANE_NONE)
		return 0;
	if (e->mode == LANE_TRIAL) {
		trial_read(e, sk, ret, flags);
		return 0;
	}
	lane = bpf_map_lookup_elem(&weft_lanes, &e->cookie);
	if (!lane)
		return 0;
	__sync_fetch_and_add(&lane->read, ret);
	if (flags & MSG_WAITALL)
		lane->closed = 1;
	return 0;
}

/* Socket options that do not work with redirected bytes. */
static __always_inline bool excludes(int level, int option)
{
	if (level == SOL_SOCKET)
		return option == SO_RCVLOWAT || option == SO_ZEROCOPY;
	return level == SOL_TCP && (option == TCP_ULP || option == TCP_REPAIR);
}

SEC("cgroup/setsockopt")
int redirect_option(struct bpf_sockopt *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct enrolled *e;
	int level = ctx->level, option = ctx->optname;

	ctx->optlen = 0; /* 0: the kernel uses the caller's value unchanged, whatever its length */
	if (!excludes(level, option) || !sk || sk->protocol != IPPROTO_TCP)
		return 1;
	e = bpf_sk_storage_get(&weft_enrolled, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!e)
		return 1;
	e->excluded = 1;
	if (e->mode >= LANE_NEW)
		lane_close(e->cookie);
	else if (e->mode == LANE_TRIAL)
		trial_judge(e, false);
	return 1;
}
