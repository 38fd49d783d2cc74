// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Iterator, run when user space reads it: connections that live and are to be ended, because a
 * policy in force denies them and says so, or because their endpoint was ejected and is to be left.
 * Writes struct weft_verdict for each, ends nothing itself, loses nothing. Each end of a connection
 * is judged as when it began; now its addresses are known. `mesh_ends_files` does it where the
 * kernel refuses iterators over a map; it misses connections until they are accepted. */
#include "bpf/lib/attempt.bpf.h"
#include "bpf/lib/files.bpf.h"

#define ENDINGS_CGROUPS 16 /* levels of a tree that is walked up */

struct ending {
	struct authorize a;
	struct end_key key; /* as this end sees it; egress_seq: of the client's SYN */
	__u8 verdict;	    /* WEFT_VERDICT_* */
	bool server;
};

/* ---- who holds a socket */

/* A program of its own, so that it is verified once for any |cgroup|. */
__weak __noinline int cgroups_of(__u64 cgroup, struct identity_facts *f)
{
	struct cgroup *at = (void *)cgroup;

	if (!f)
		return 0;
	for (int i = 0; i < ENDINGS_CGROUPS && at; i++) {
		__u32 below = (__u32)BPF_CORE_READ(at, level) - 1;

		asm volatile("" : "+r"(below));
		if (below < IDENTITY_CGROUPS)
			f->cgroups[below] = BPF_CORE_READ(at, kn, id);
		at = BPF_CORE_READ(at, self.parent, cgroup);
	}
	return 0;
}

/* By what is known of the process. */
static __noinline int holder_of_process(struct sock *sk, const struct ending *e)
{
	struct identity_search s = {.generation = e->a.question.generation};
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);

	cgroups_of((__u64)BPF_CORE_READ(sk, sk_cgrp_data.cgroup), &s.facts);
	s.facts.netns_ino = sk->__sk_common.skc_net.net->ns.inum;
	s.facts.uid = WEFT_NUMBER_NONE;
	if (owner) {
		s.facts.exe = weft_hash_name(owner->exe);
		s.facts.uid = owner->uid;
	}
	__builtin_memcpy(s.addr, e->key.local_addr, 16);
	identity_of_facts(&s);
	return s.identity;
}

/* By the address of this end. A function of its own: the stack of all that calls each other is
 * bounded. */
static __noinline int holder_of_address(const struct ending *e)
{
	struct weft_mesh_key key = {.port = e->server ? e->key.local_port : 0};

	__builtin_memcpy(key.addr, e->key.local_addr, 16);
	return identity_of_addr(&key, e->a.question.generation);
}

static __always_inline __u32 holder_of(struct sock *sk, const struct ending *e)
{
	__u32 identity = holder_of_process(sk, e);

	return identity ? identity : holder_of_address(e);
}

/* ---- policy */

static __always_inline void ask_client(struct sock *sk, struct ending *e)
{
	struct weft_mesh_key key = {.port = e->key.remote_port};

	__builtin_memcpy(key.addr, e->key.remote_addr, 16);
	e->a.source = holder_of(sk, e);
	e->a.target = identity_of_addr(&key, e->a.question.generation);
	__builtin_memcpy(e->a.question.source_addr, e->key.local_addr, 16);
	__builtin_memcpy(e->a.question.target_addr, e->key.remote_addr, 16);
	e->a.question.target_port = e->key.remote_port;
}

static __always_inline void ask_server(struct sock *sk, struct ending *e)
{
	e->a.source = source_of_syn(&e->key, e->a.question.generation);
	e->a.target = target_of_packet(&e->key, e->a.question.generation);
	if (!e->a.target)
		e->a.target = holder_of(sk, e);
	__builtin_memcpy(e->a.question.source_addr, e->key.remote_addr, 16);
	__builtin_memcpy(e->a.question.target_addr, e->key.local_addr, 16);
	e->a.question.target_port = e->key.local_port;
}

/* A generation that comes into force meanwhile is followed by a walk of its own. */
static __always_inline bool is_forbidden(struct sock *sk, struct ending *e)
{
	struct mesh m;

	if (!mesh_open(&m) || !(m.header->flags & WEFT_MESH_ENDS))
		return false;
	e->a.question.generation = m.header->generation;
	if (e->server)
		ask_server(sk, e);
	else
		ask_client(sk, e);
	authorize_ask(&e->a);
	return e->a.answer.action == WEFT_ACTION_DENY && e->a.answer.ends;
}

/* ---- endpoints that are to be left */

/* Of a connection, or of a datagram socket that is connected. */
static __always_inline const struct mesh_pick *pick_of(struct sock *sk)
{
	const struct mesh_pick *pick = bpf_sk_storage_get(&weft_picks, sk, 0, 0);
	__u32 phase = sock_is_udp(sk) ? PICK_CHOSEN : PICK_ESTABLISHED;

	return pick && pick->phase == phase ? pick : NULL;
}

/* A WEFT_VERDICT_*, 0: it may stay. */
static __always_inline __u8 left_verdict(struct sock *sk)
{
	const struct mesh_pick *pick = pick_of(sk);
	const struct weft_endpoint_state *state;
	__u32 number = pick ? pick->endpoint : 0;

	state = pick ? bpf_map_lookup_elem(&weft_endpoints, &number) : NULL;
	if (!state)
		return 0;
	if (state->flags & WEFT_EJECTED && state->flags & WEFT_EJECTED_CLOSE)
		return WEFT_VERDICT_EJECTED;
	return state->flags & WEFT_GONE && sock_is_udp(sk) ? WEFT_VERDICT_GONE : 0;
}

static __always_inline void ending_is_left(struct ending *e, __u8 verdict)
{
	e->verdict = verdict;
	e->a.answer.policy = e->a.source_number = e->a.target_number = WEFT_NUMBER_NONE;
}

/* ---- the walk */

static __noinline int ending_write(struct seq_file *seq, struct sock *sk, const struct ending *e)
{
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	const struct mesh_pick *pick = pick_of(sk);
	struct weft_verdict v = {};

	event_fill(&v.event, WEFT_EVENT_VERDICT, sizeof(v), bpf_ktime_get_ns());
	v.event.cpu = WEFT_CPU_NONE;
	verdict_fill(&v, &e->a);
	v.verdict = e->verdict;
	tuple_fill(&v.tuple, sk);
	if (owner)
		v.owner = *owner;
	if (pick) {
		v.service = pick->service;
		v.endpoint = pick->endpoint;
	}
	v.cookie = bpf_get_socket_cookie(sk);
	v.place = e->server ? WEFT_PLACE_ACCEPT : WEFT_PLACE_CONNECT;
	v.protocol = sk->sk_protocol;
	return (int)bpf_seq_write(seq, &v, sizeof(v));
}

static __noinline int key_of_sock(struct sock *sk, struct end_key *ret_key)
{
	struct weft_tuple tuple = {};

	tuple_fill(&tuple, sk);
	end_key_fill(ret_key, &tuple, 0, 0);
	return 0;
}

/* 0, or a negative errno when the reader's buffer is full (it comes again). */
static __noinline int ending_look(struct seq_file *seq, struct sock *sk)
{
	const struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);
	struct ending e = {.verdict = WEFT_VERDICT_ENDED};
	__u8 left;

	if (!state || !state->cookie || state->role == WEFT_ROLE_UNKNOWN)
		return 0;
	e.server = state->role == WEFT_ROLE_SERVER;
	key_of_sock(sk, &e.key);
	e.key.egress_seq = state->ingress_seq - 1;
	left = left_verdict(sk);
	if (left)
		ending_is_left(&e, left);
	else if (!is_forbidden(sk, &e))
		return 0;
	return ending_write(seq, sk, &e);
}

/* The same of datagram sockets, which no policy ends. */
static __noinline int datagrams_look(struct seq_file *seq, struct sock *sk)
{
	__u8 left = sock_is_udp(sk) ? left_verdict(sk) : 0;
	struct ending e = {};
	struct mesh m;

	if (!left)
		return 0;
	ending_is_left(&e, left);
	e.a.question.generation = mesh_open(&m) ? m.header->generation : 0;
	return ending_write(seq, sk, &e);
}

SEC("iter/bpf_sk_storage_map")
int mesh_endings(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;

	if (sk)
		ending_look(ctx->meta->seq, sk);
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int mesh_end_datagr(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;

	if (sk)
		datagrams_look(ctx->meta->seq, sk);
	return 0;
}

static __always_inline int file_look(struct seq_file *seq, struct sock *sk)
{
	return sock_is_udp(sk) ? datagrams_look(seq, sk) : ending_look(seq, sk);
}

SEC("iter/task_file")
int mesh_ends_files(struct bpf_iter__task_file *ctx)
{
	struct sock *sk = any_sock_of_file(ctx->task, ctx->file);
	__u64 *walked = NULL;

	if (sk && (sock_is_tcp(sk) || sock_is_udp(sk)))
		walked = walk_enter(sk, ctx->meta);
	if (walked && !file_look(ctx->meta->seq, sk))
		*walked = ctx->meta->session_id;
	return 0;
}
