// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hook: tp_btf inet_sock_set_state (twice), tcp_send_reset, tcp_receive_reset. Emits OPEN, CLOSE
 * and LISTEN; may lose them when the ring is full (counted). Context: any; connect() and listen()
 * run in the caller's task. */
#include "bpf/lib/deferred.bpf.h"
#include "bpf/lib/opening.bpf.h"
#include "bpf/lib/queue.bpf.h"
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

static __always_inline void established(struct sock *sk, int old_state)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct conn_state *state =
		bpf_sk_storage_get(&weft_conns, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	bool client;

	if (!state || !tcp) {
		count_lost(WEFT_LOST_STORAGE);
		return;
	}
	/* simultaneous open (RFC 9293 3.5) */
	client = old_state == TCP_SYN_SENT || state->role == WEFT_ROLE_CLIENT;
	conn_begin(tcp, state, bpf_get_socket_cookie(sk),
		   client ? WEFT_ROLE_CLIENT : WEFT_ROLE_SERVER);
}

/* Whether the socket was closed by an abort: without an error, while its own end was open, or,
 * after shutdown(), while sent data was not acknowledged. */
static __always_inline bool is_aborted(const struct sock *sk, const struct tcp_sock *tcp,
				       const struct conn_state *state, int old_state)
{
	bool lived = state->opened_ns || state->midstream;
	bool open = old_state == TCP_ESTABLISHED || old_state == TCP_CLOSE_WAIT ||
		    (old_state == TCP_SYN_RECV && lived);

	if (sk->sk_err || (state->end_flags & WEFT_END_RESET_RECEIVED))
		return false;
	return open || (lived && tcp && tcp->snd_una != tcp->write_seq);
}

/* For an abort of its own, the state changes before the RST is sent. When TCP gives up on a path
 * that is known to be broken, it reports that error instead of a timeout. */
static __always_inline __u32 failure_flags(const struct sock *sk, const struct tcp_sock *tcp,
					   const struct conn_state *state, int old_state)
{
	int error = sk->sk_err;
	bool gave_up = error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH;

	if (is_aborted(sk, tcp, state, old_state))
		return WEFT_END_RESET_SENT;
	if (state->opened_ns || state->midstream)
		return gave_up ? WEFT_END_TIMEOUT : 0;
	return WEFT_END_FAILED | (error == ECONNREFUSED ? WEFT_END_REFUSED : 0) |
	       (gave_up ? WEFT_END_TIMEOUT : 0) | (!error ? WEFT_END_ABANDONED : 0);
}

/* WEFT_END_LEFT, WEFT_END_PEER_LEFT, or 0: neither. close() shuts both directions down first; a
 * program that only shuts down sending may still read. The socket may outlive its program for as
 * long as TCP retransmits the FIN. */
static __always_inline __u32 is_leaving(const struct sock *sk, int new_state)
{
	if (new_state == TCP_CLOSE_WAIT)
		return WEFT_END_PEER_LEFT;
	if (new_state != TCP_FIN_WAIT1 && new_state != TCP_LAST_ACK)
		return 0;
	return sk->sk_shutdown & RCV_SHUTDOWN ? WEFT_END_LEFT : 0;
}

static __always_inline void close_fill(struct weft_close *close, struct sock *sk,
				       struct tcp_sock *tcp, const struct conn_state *state)
{
	tuple_fill(&close->tuple, sk);
	if (tcp && !close->tuple.local_port) /* a failed connect has released the port already */
		close->tuple.local_port = bpf_ntohs(tcp->inet_conn.icsk_inet.inet_sport);
	copy_owner(&close->owner, sk);
	close->cookie = bpf_get_socket_cookie(sk);
	close->role = state->role;
	close->isolated = is_isolated(sk);
	close->age_us = age_us(state->started_ns, close->event.time_ns);
	counters_fill(&close->counters, tcp, state);
	redirected_add(&close->counters, sk, state);
}

static __always_inline __u32 end_flags(const struct sock *sk, const struct tcp_sock *tcp,
				       const struct conn_state *state, int old_state)
{
	__u32 flags = failure_flags(sk, tcp, state, old_state);

	if (old_state == TCP_LAST_ACK)
		flags |= WEFT_END_PEER_FIRST;
	if (tcp && is_repaired(tcp))
		flags |= WEFT_END_REPAIRED;
	return flags;
}

static __always_inline void forget(const struct weft_close *close, const struct conn_state *state)
{
	struct end_key key = {};

	end_key_fill(&key, &close->tuple, state->egress_seq, state->ingress_seq);
	bpf_map_delete_elem(&weft_ends, &key);
}

/* |leaving|: is_leaving(); 0: the connection is closed. After the record is filled, |leaving| is
 * read back from it, so that the verifier does not explore the code in between for each case. */
static __always_inline void ending(struct sock *sk, int old_state, __u32 leaving)
{
	struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);
	struct weft_settings *set = settings();
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct weft_close *close;

	if (!state || (leaving && state->end_flags & leaving))
		return;
	if (!leaving && set && state->epoch == set->reader.epoch && set->capture)
		deferred_flush(state);
	state->end_flags |= leaving ? leaving : end_flags(sk, tcp, state, old_state);
	close = lifecycle_reserve(weft_close, WEFT_EVENT_CLOSE);
	if (!close) {
		if (!leaving)
			bpf_sk_storage_delete(&weft_conns, sk);
		return;
	}
	close->alive = leaving == WEFT_END_LEFT ? WEFT_CLOSE_LEFT
		       : leaving		? WEFT_CLOSE_PEER_LEFT
						: WEFT_CLOSE_GONE;
	close_fill(close, sk, tcp, state);
	leaving = *(volatile __u8 *)&close->alive;
	if (!leaving)
		forget(close, state);
	bpf_ringbuf_submit(close, BPF_RB_NO_WAKEUP);
	if (!leaving)
		bpf_sk_storage_delete(&weft_conns, sk);
}

static __always_inline void listening(struct sock *sk, bool ended)
{
	struct weft_listen *listen = lifecycle_reserve(weft_listen, WEFT_EVENT_LISTEN);

	if (!listen)
		return;
	copy_owner(&listen->owner, sk);
	queue_fill(listen, sk);
	listen->ended = ended;
	bpf_ringbuf_submit(listen, BPF_RB_NO_WAKEUP);
}

/* A server may close before the client's handshake is complete (TCP Fast Open). */
static __always_inline bool is_opening(int old_state, int new_state)
{
	return new_state == TCP_ESTABLISHED ||
	       (old_state == TCP_SYN_RECV && new_state == TCP_FIN_WAIT1);
}

static __always_inline bool is_ending(const struct sock *sk, int old_state, int new_state)
{
	return (new_state == TCP_CLOSE && old_state != TCP_LISTEN) || is_leaving(sk, new_state);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, struct sock *sk, int old_state, int new_state)
{
	if (!sock_is_tcp(sk))
		return 0;
	if (new_state == TCP_LISTEN)
		remember_owner(sk);
	if (new_state == TCP_SYN_SENT)
		connect_started(sk);
	else if (new_state == TCP_LISTEN || old_state == TCP_LISTEN)
		listening(sk, old_state == TCP_LISTEN);
	else if (is_opening(old_state, new_state))
		established(sk, old_state);
	else if (is_ending(sk, old_state, new_state))
		ending(sk, old_state, is_leaving(sk, new_state));
	return 0;
}

/* The kernel does not run a tracepoint program that would interrupt itself on the same CPU: if a
 * timer interrupts it, a whole batch of packets may be processed, whose state changes would be
 * missed (`recursion_misses` of bpf_prog_info). Of two equal programs one is always free to run.
 * The second has no effect on what the first has processed. The second ignores SYN_SENT and LISTEN:
 * system calls of the process enter these, which interrupt no other run. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state_twin, struct sock *sk, int old_state, int new_state)
{
	bool opening = is_opening(old_state, new_state), ends = is_ending(sk, old_state, new_state);

	if ((!opening && !ends) || !sock_is_tcp(sk))
		return 0;
	if (opening)
		established(sk, old_state);
	else
		ending(sk, old_state, is_leaving(sk, new_state));
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
