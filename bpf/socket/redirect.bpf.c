// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hooks: sk_msg and sk_skb of weft_sockets, tp_btf sock_recv_length, cgroup/setsockopt; attached
 * only while a service is accelerated. A message of an enrolled socket goes to its peer's queue
 * past TCP, or by TCP: never lost, never refused. Emits nothing; what was redirected is counted in
 * the lane of its receiver and at its sender. */
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

/* From now on by TCP: what was redirected is read before what comes by TCP. */
static __always_inline int pass(struct enrolled *e, __u32 why)
{
	if (redirect_sticky)
		e->mode = LANE_PASS;
	count(why, 1);
	return SK_PASS;
}

/* At the first message it is decided how this direction goes: only if the other end is ready now,
 * nothing of it is on its way by TCP. */
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

/* Both walkers and decoders would see only what went by TCP: the connection is counted, not read.
 */
static __always_inline void conn_hide(struct bpf_sock *sk)
{
	struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);

	if (state)
		state->streams[WEFT_EGRESS].mode = WALK_OPAQUE;
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
	if (e->mode == LANE_NEW) {
		if (!peer_ready(e))
			return pass(e, WEFT_COUNT_REDIRECT_LATE);
		conn_hide(sk);
	}
	lane = bpf_map_lookup_elem(&weft_lanes, &e->peer);
	if (!lane || lane->closed)
		return pass(e, WEFT_COUNT_REDIRECT_CLOSED);
	if (!lane_has_room(lane, bytes))
		return pass(e, WEFT_COUNT_REDIRECT_FULL);
	if (bpf_msg_redirect_hash(msg, &weft_sockets, &e->peer, BPF_F_INGRESS) != SK_PASS)
		return pass(e, WEFT_COUNT_REDIRECT_CLOSED);
	__sync_fetch_and_add(&lane->bytes, bytes);
	lane->messages++;
	e->sent_bytes += bytes;
	e->sent_messages++;
	count(WEFT_COUNT_REDIRECT_MESSAGES, 1);
	count(WEFT_COUNT_REDIRECT_BYTES, bytes);
	return SK_PASS;
}

/* Has what comes by TCP pass through the same queue as what is redirected: without it FIONREAD does
 * not know of it. */
SEC("sk_skb/verdict")
int redirect_skb(struct __sk_buff *skb)
{
	return SK_PASS;
}

/* A connection in trial: MSG_WAITALL comes back early from redirected bytes. */
static __always_inline void trial_read(struct enrolled *e, struct sock *sk, __u32 bytes, int flags)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	e->read += bytes;
	if (flags & MSG_WAITALL)
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

/* What a socket may ask for that redirected bytes cannot give. */
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

	ctx->optlen = 0; /* the kernel takes the caller's value as it is, of whatever length */
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
