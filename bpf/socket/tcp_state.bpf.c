// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hook: tp_btf inet_sock_set_state (twice), tcp_send_reset, tcp_receive_reset. Emits OPEN, CLOSE
 * and LISTEN; may lose them when the ring is full (counted). Context: any; connect() and listen()
 * run in the caller's task. */
#include "bpf/lib/early.bpf.h"
#include "bpf/lib/held.bpf.h"
#include "bpf/lib/redirect.bpf.h"

#define ENETUNREACH  101
#define ETIMEDOUT    110
#define ECONNREFUSED 111
#define EHOSTUNREACH 113

static __always_inline void remember_owner(struct sock *sk)
{
	struct weft_owner *owner =
		bpf_sk_storage_get(&weft_owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (owner)
		owner_learn(owner);
}

static __always_inline void copy_owner(struct weft_owner *out, struct sock *sk)
{
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);

	if (owner)
		*out = *owner;
}

static __always_inline void connect_started(struct sock *sk)
{
	struct conn_state *state =
		bpf_sk_storage_get(&weft_conns, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	remember_owner(sk);
	if (!state) {
		count_lost(WEFT_LOST_STORAGE);
		return;
	}
	__builtin_memset(state, 0, sizeof(*state));
	state->started_ns = bpf_ktime_get_ns();
	state->role = WEFT_ROLE_CLIENT;
}

/* The first byte has its place before it is seen: packets may come in any order. */
static __always_inline void stream_begin(struct stream_state *s, __u32 seq)
{
	s->started = 1;
	s->next = seq;
}

/* What the server took of what the client's SYN carried (RFC 7413); the SYN itself counts as one.
 */
static __always_inline __u32 syn_data_acked(const struct tcp_sock *tcp,
					    const struct conn_state *state)
{
	__u32 acked = (__u32)tcp->bytes_acked;

	return state->role == WEFT_ROLE_CLIENT && acked > 1 ? acked - 1 : 0;
}

static __always_inline void established(struct sock *sk, int old_state)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct weft_settings *set = settings();
	struct end_key key = {};
	struct conn_state *state;
	struct weft_open *open;
	__u32 acked;

	state = bpf_sk_storage_get(&weft_conns, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!state || !tcp || !set) {
		count_lost(WEFT_LOST_STORAGE);
		return;
	}
	state->cookie = bpf_get_socket_cookie(sk);
	state->opened_ns = bpf_ktime_get_ns();
	state->epoch = set->epoch;
	state->last_direction = 2;
	state->role = old_state == TCP_SYN_SENT ? WEFT_ROLE_CLIENT : WEFT_ROLE_SERVER;
	if (is_repaired(tcp))
		state->end_flags |= WEFT_END_REPAIRED;
	acked = syn_data_acked(tcp, state);
	state->egress_seq = tcp->snd_una - acked;
	state->ingress_seq = tcp->rcv_nxt - (__u32)tcp->bytes_received;
	stream_begin(&state->streams[WEFT_EGRESS], state->egress_seq);
	stream_begin(&state->streams[WEFT_INGRESS], state->ingress_seq);
	open = lifecycle_reserve(weft_open, WEFT_EVENT_OPEN);
	if (!open)
		return;
	tuple_fill(&open->tuple, sk);
	copy_owner(&open->owner, sk);
	open->cookie = state->cookie;
	open->role = state->role;
	open->egress_seq = state->egress_seq;
	open->ingress_seq = state->ingress_seq;
	open->handshake_us = state->started_ns ? (state->opened_ns - state->started_ns) / 1000
					       : tcp->srtt_us >> 3;
	if (!state->started_ns)
		state->started_ns = state->opened_ns;
	end_key_fill(&key, &open->tuple, state->egress_seq, state->ingress_seq);
	bpf_map_update_elem(&weft_ends, &key, &state->cookie, BPF_ANY);
	bpf_ringbuf_submit(open, BPF_RB_NO_WAKEUP);
	if (!set->capture)
		return;
	if (state->role == WEFT_ROLE_SERVER)
		early_tell(&key, sk->__sk_common.skc_net.net->ns.inum, state, set);
	else if (acked)
		early_sent(&key, sk->__sk_common.skc_net.net->ns.inum, state, set, acked);
}

/* Left without an error while something was open: its own end, or, after shutdown(), what the other
 * end has not acknowledged. */
static __always_inline bool is_aborted(const struct sock *sk, const struct tcp_sock *tcp,
				       const struct conn_state *state, int old_state)
{
	bool open = old_state == TCP_ESTABLISHED || old_state == TCP_CLOSE_WAIT;
	bool lived = state->opened_ns || state->joined;

	if (sk->sk_err || (state->end_flags & WEFT_END_RESET_RECEIVED))
		return false;
	return open || (lived && tcp && tcp->snd_una != tcp->write_seq);
}

/* The state is left before the RST of an own abort is sent. A path that is known to be broken is
 * what the kernel gives up with, instead of the time. */
static __always_inline __u32 failure_flags(const struct sock *sk, const struct tcp_sock *tcp,
					   const struct conn_state *state, int old_state)
{
	int error = sk->sk_err;
	bool gave_up = error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH;

	if (is_aborted(sk, tcp, state, old_state))
		return WEFT_END_RESET_SENT;
	if (state->opened_ns || state->joined)
		return gave_up ? WEFT_END_TIMEOUT : 0;
	return WEFT_END_FAILED | (error == ECONNREFUSED ? WEFT_END_REFUSED : 0) |
	       (gave_up ? WEFT_END_TIMEOUT : 0);
}

static __always_inline void closed(struct sock *sk, int old_state)
{
	struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);
	struct weft_settings *set = settings();
	struct end_key key = {};
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct weft_close *close;

	if (!state)
		return;
	if (set && state->epoch == set->epoch && set->capture)
		held_flush(state);
	close = lifecycle_reserve(weft_close, WEFT_EVENT_CLOSE);
	if (!close) {
		bpf_sk_storage_delete(&weft_conns, sk);
		return;
	}
	state->end_flags |= failure_flags(sk, tcp, state, old_state);
	if (old_state == TCP_LAST_ACK)
		state->end_flags |= WEFT_END_PEER_FIRST;
	if (tcp && is_repaired(tcp))
		state->end_flags |= WEFT_END_REPAIRED;
	tuple_fill(&close->tuple, sk);
	copy_owner(&close->owner, sk);
	close->cookie = bpf_get_socket_cookie(sk);
	close->role = state->role;
	close->age_ms = (close->event.time_ns - state->started_ns) / 1000000;
	counters_fill(&close->counters, tcp, state);
	redirected_add(&close->counters, sk, state);
	end_key_fill(&key, &close->tuple, state->egress_seq, state->ingress_seq);
	bpf_map_delete_elem(&weft_ends, &key);
	bpf_ringbuf_submit(close, BPF_RB_NO_WAKEUP);
	bpf_sk_storage_delete(&weft_conns, sk);
}

static __always_inline void listening(struct sock *sk)
{
	struct weft_listen *listen;

	remember_owner(sk);
	listen = lifecycle_reserve(weft_listen, WEFT_EVENT_LISTEN);
	if (!listen)
		return;
	tuple_fill(&listen->tuple, sk);
	copy_owner(&listen->owner, sk);
	listen->cookie = bpf_get_socket_cookie(sk);
	listen->backlog_max = sk->sk_max_ack_backlog;
	bpf_ringbuf_submit(listen, BPF_RB_NO_WAKEUP);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, struct sock *sk, int old_state, int new_state)
{
	if (!sock_is_tcp(sk))
		return 0;
	if (new_state == TCP_SYN_SENT)
		connect_started(sk);
	else if (new_state == TCP_LISTEN)
		listening(sk);
	else if (new_state == TCP_ESTABLISHED)
		established(sk, old_state);
	else if (new_state == TCP_CLOSE && old_state != TCP_LISTEN)
		closed(sk, old_state);
	return 0;
}

/* While a program runs the kernel leaves it out where it would interrupt itself: a timer's
 * interrupt in the middle of it lets a whole batch of packets in, and none of the changes they
 * bring would be told (`recursion_misses` of bpf_prog_info). Of two equal programs one is never
 * running then. What the first has done is not done again; sockets begin to connect and to listen
 * in calls of their programs, which interrupt nobody. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state_twin, struct sock *sk, int old_state, int new_state)
{
	struct conn_state *state;

	if (new_state != TCP_ESTABLISHED && new_state != TCP_CLOSE)
		return 0;
	if (!sock_is_tcp(sk) || old_state == TCP_LISTEN)
		return 0;
	state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);
	if (new_state == TCP_CLOSE && state)
		closed(sk, old_state);
	else if (new_state == TCP_ESTABLISHED && (!state || !state->opened_ns))
		established(sk, old_state);
	return 0;
}

static __always_inline void note_end(struct sock *sk, __u32 flag)
{
	struct conn_state *state;

	if (!sk)
		return;
	state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);
	if (state)
		state->end_flags |= flag;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(tcp_reset_out, struct sock *sk)
{
	note_end(sk, WEFT_END_RESET_SENT);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(tcp_reset_in, struct sock *sk)
{
	note_end(sk, WEFT_END_RESET_RECEIVED);
	return 0;
}
