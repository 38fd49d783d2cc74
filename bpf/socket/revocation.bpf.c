// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Iterators, run when user space reads them: living connections that have to be ended, because a
 * policy in force denies them and ends established connections, or because their endpoint was
 * ejected with close-ejected. They write struct weft_verdict for each, end nothing themselves, lose
 * nothing. Each end of a connection is judged as when it began, except that its addresses are known
 * now. `mesh_ends_files` is used where the kernel refuses iterators over a map; it misses
 * connections that are not accepted yet. */
#include "bpf/lib/attempt.bpf.h"
#include "bpf/lib/files.bpf.h"
#include "bpf/lib/holder_walk.bpf.h"
#include "bpf/lib/holders.bpf.h"
#include "bpf/lib/netns.bpf.h"

/* One end of a connection. Without padding, because global functions get all of it. */
struct end {
	struct end_key key; /* as this end sees it; egress_seq: of the client's SYN */
	__u32 server;	    /* 1: this is the server's end */
	__u64 generation;
	__u32 source; /* cell, IDENTITY_MANY */
	__u32 target;
	__u32 source_number, target_number, policy, rule; /* result: the denial */
};

/* ---- the workloads at both ends */

/* By the facts of the process. */
static __noinline int holder_of_process(struct sock *sk, const struct end *e)
{
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	struct identity_search s = {.generation = e->generation};
	struct identity_facts facts = {};

	holder_facts(sk, owner, &facts);
	__builtin_memcpy(s.addr, e->key.local_addr, 16);
	identity_of_facts(&s, &facts);
	return s.identity;
}

/* The workload of the local or the remote address. A separate function, to save stack. */
static __noinline int holder_of_address(const struct end *e, bool remote, __u32 port)
{
	struct weft_mesh_key key = {.port = port};

	__builtin_memcpy(key.addr, remote ? e->key.remote_addr : e->key.local_addr, 16);
	return identity_of_addr(&key, e->generation);
}

/* The network namespace from which the client connected, if it is on this node. */
static __always_inline __u64 net_of_client(const struct knock *syn_owner)
{
	return syn_owner ? net_if_there(syn_owner->net, syn_owner->facts.netns_ino) : 0;
}

/* The source is the workload of the process, else of its address, else of its network namespace: as
 * at connect, by the generation in force now. */
static __always_inline __u32 source_of_end(struct sock *sk, const struct end *e)
{
	const struct knock *syn_owner = e->server ? syn_owner_find(&e->key) : NULL;
	__u64 net = e->server ? net_of_client(syn_owner) : holder_net(sk);
	__u32 identity = 0;

	if (e->server) {
		identity = syn_owner ? source_by_process(&e->key, syn_owner, e->generation) : 0;
	} else {
		identity = holder_of_process(sk, e);
	}
	if (!identity)
		identity = holder_of_address(e, e->server, 0);
	return identity || !net ? identity : identity_of_netns(net, e->generation);
}

/* The |number|th workload among its current holders; 0: there are no more. */
static __noinline int server_of_process(struct sock *sk, const struct end *e, __u32 number)
{
	struct identity_search s = {.generation = e->generation};
	int identity;

	__builtin_memcpy(s.addr, e->key.local_addr, 16);
	identity = identity_of_holder(bpf_sk_storage_get(&weft_holders, sk, 0, 0), &s, number);
	if (identity != HOLDERS_UNKNOWN)
		return identity;
	return number ? 0 : holder_of_process(sk, e);
}

static __always_inline __u32 target_of_address(const struct end *e)
{
	return holder_of_address(e, !e->server, e->server ? e->key.local_port : e->key.remote_port);
}

/* ---- policy */

static __always_inline void end_decide(struct authorize *a, const struct end *e)
{
	const struct end_key *k = &e->key;

	a->question.generation = e->generation;
	a->source = e->source;
	a->target = e->target;
	__builtin_memcpy(a->question.source_addr, e->server ? k->remote_addr : k->local_addr, 16);
	__builtin_memcpy(a->question.target_addr, e->server ? k->local_addr : k->remote_addr, 16);
	a->question.target_port = e->server ? k->local_port : k->remote_port;
	authorize_decide(a);
}

/* Whether policies deny this pair and end established connections; |e| says which. */
__weak __noinline int end_is_denied(struct end *e)
{
	struct authorize a = {};

	if (!e)
		return 0;
	end_decide(&a, e);
	e->source_number = a.source_number;
	e->target_number = a.target_number;
	e->policy = a.answer.policy;
	e->rule = a.answer.rule;
	return a.answer.action == WEFT_ACTION_DENY && a.answer.ends;
}

/* The same for a client that may be several workloads, with the namespace |net|: at the server's
 * end it is evaluated for each of them, as at accept. */
static __always_inline bool any_is_denied(struct end *e, __u64 net)
{
	__u32 source = e->source;

	if (source != IDENTITY_MANY || !e->server)
		return end_is_denied(e);
	for (__u32 i = 0; i < NETNS_SOURCES; i++) {
		e->source = identity_of_net(net, e->generation, 0, i);
		if (!e->source)
			break;
		if (end_is_denied(e))
			return true;
	}
	e->source = source;
	return false;
}

/* A server that neither address nor program identify may be any workload of its network namespace:
 * what one of them denies is ended, as it is denied at accept. */
static __always_inline bool netns_denies(struct end *e, __u64 server_net, __u64 client_net)
{
	if (addr_is_loopback(e->key.local_addr))
		return false;
	for (__u32 i = 0; i < NETNS_WORKLOADS; i++) {
		e->target = identity_of_net(server_net, e->generation, e->key.local_port, i);
		if (!e->target)
			return false;
		if (any_is_denied(e, client_net))
			return true;
	}
	return false;
}

/* Denied by a workload of one of its processes, or, if they are none, of its network namespace. */
static __always_inline bool server_denies(struct sock *sk, struct end *e, __u64 client_net)
{
	__u32 i;

	for (i = 0; i < HOLDERS_MAX; i++) {
		e->target = server_of_process(sk, e, i);
		if (!e->target || e->target == IDENTITY_MANY)
			break;
		if (any_is_denied(e, client_net))
			return true;
	}
	return !i && netns_denies(e, holder_net(sk), client_net);
}

/* If another generation comes into force meanwhile, another walk follows. */
static __always_inline bool is_forbidden(struct sock *sk, struct end *e)
{
	__u64 net = holder_net(sk), client_net;
	struct mesh m;

	if (!mesh_open(&m) || !(m.header->flags & WEFT_MESH_ENDS))
		return false;
	e->generation = m.header->generation;
	e->source = source_of_end(sk, e);
	e->target = target_of_address(e);
	client_net = e->server ? net_of_client(syn_owner_find(&e->key)) : net;
	if (e->target)
		return any_is_denied(e, client_net);
	return e->server && server_denies(sk, e, client_net);
}

/* ---- endpoints whose connections are ended */

/* The binding of a connection, or of a connected datagram socket. */
static __always_inline const struct mesh_pick *binding_of(struct sock *sk)
{
	const struct mesh_pick *binding = bpf_sk_storage_get(&weft_picks, sk, 0, 0);
	__u32 phase = sock_is_udp(sk) ? BINDING_SELECTED : BINDING_ESTABLISHED;

	return binding && binding->phase == phase ? binding : NULL;
}

/* A WEFT_VERDICT_*, 0: it is not ended. */
static __always_inline __u8 left_verdict(struct sock *sk)
{
	const struct mesh_pick *binding = binding_of(sk);
	const struct weft_endpoint_state *state;
	__u32 number = binding ? binding->endpoint : 0;

	state = binding ? bpf_map_lookup_elem(&weft_endpoints, &number) : NULL;
	if (!state)
		return 0;
	if (state->flags & WEFT_EJECTED && state->flags & WEFT_EJECTED_CLOSE)
		return WEFT_VERDICT_EJECTED;
	return state->flags & WEFT_GONE && sock_is_udp(sk) ? WEFT_VERDICT_GONE : 0;
}

/* ---- the walk */

/* |verdict|: a WEFT_VERDICT_*; ENDED means by policy. Returns 0, or a negative errno when the
 * reader's buffer is full (the kernel calls again). */
static __noinline int revoked_write(struct seq_file *seq, struct sock *sk, const struct end *e,
				    __u8 verdict)
{
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	const struct mesh_pick *binding = binding_of(sk);
	struct weft_verdict v = {};

	event_fill(&v.event, WEFT_EVENT_VERDICT, sizeof(v), bpf_ktime_get_ns());
	v.event.cpu = WEFT_CPU_NONE;
	v.verdict = verdict;
	v.generation = e->generation;
	v.source = e->source_number;
	v.target = e->target_number;
	v.policy = e->policy;
	v.rule = e->rule;
	v.service = v.endpoint = WEFT_NUMBER_NONE;
	tuple_fill(&v.tuple, sk);
	if (owner)
		v.owner = *owner;
	if (binding) {
		v.service = binding->service;
		v.endpoint = binding->endpoint;
	}
	v.cookie = bpf_get_socket_cookie(sk);
	v.place = e->server ? WEFT_PLACE_ACCEPT : WEFT_PLACE_CONNECT;
	v.protocol = sk->sk_protocol;
	v.isolated = is_isolated(sk);
	return (int)bpf_seq_write(seq, &v, sizeof(v));
}

static __noinline int key_of_sock(struct sock *sk, struct end_key *ret_key)
{
	struct weft_tuple tuple = {};

	tuple_fill(&tuple, sk);
	end_key_fill(ret_key, &tuple, 0, 0);
	return 0;
}

/* An end whose endpoint was ejected or removed. */
static __always_inline int left_write(struct seq_file *seq, struct sock *sk, struct end *e,
				      __u8 verdict)
{
	struct mesh m;

	e->generation = mesh_open(&m) ? m.header->generation : 0;
	e->source_number = e->target_number = e->policy = WEFT_NUMBER_NONE;
	return revoked_write(seq, sk, e, verdict);
}

static __always_inline int ending_look(struct seq_file *seq, struct sock *sk)
{
	const struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);
	struct end e = {};
	__u8 left;

	if (!state || !state->cookie || state->role == WEFT_ROLE_UNKNOWN)
		return 0;
	e.server = state->role == WEFT_ROLE_SERVER;
	key_of_sock(sk, &e.key);
	e.key.egress_seq = state->ingress_seq - 1;
	left = left_verdict(sk);
	if (left)
		return left_write(seq, sk, &e, left);
	return is_forbidden(sk, &e) ? revoked_write(seq, sk, &e, WEFT_VERDICT_ENDED) : 0;
}

/* The same for datagram sockets, which policies do not end. */
static __always_inline int datagrams_look(struct seq_file *seq, struct sock *sk)
{
	__u8 left = sock_is_udp(sk) ? left_verdict(sk) : 0;
	struct end e = {};

	return left ? left_write(seq, sk, &e, left) : 0;
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
	struct sock *sk = any_sock_of_file(ctx->meta, ctx->task, ctx->file);
	struct walked *walked = NULL;

	if (sk && (sock_is_tcp(sk) || sock_is_udp(sk)))
		walked = walk_enter(sk, ctx->meta);
	if (walked && !file_look(ctx->meta->seq, sk))
		walked->session = ctx->meta->session_id;
	return 0;
}
