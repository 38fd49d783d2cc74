/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 6: policy when a process connects or sends a datagram. What depends on an address that the
 * socket does not have yet is decided at the other end (bpf/socket/accept.bpf.c). */
#pragma once

#include "bpf/lib/sock_addr.bpf.h"
#include "bpf/lib/authorize.bpf.h"
#include "bpf/lib/netns.bpf.h"
#include "bpf/lib/talk.bpf.h"

/* The workload of the current process by matchers, with a socket in |netns_ino|; |program| NULL:
 * not known. A separate function: the stack of a call chain is limited. */
__weak __noinline int process_of_current(const struct weft_mesh_key *address,
					 const struct weft_program *program, __u32 netns_ino,
					 __u64 generation)
{
	struct identity_search s = {.generation = generation};
	struct identity_facts facts = {};

	if (!address)
		return 0;
	facts_of_current(&facts);
	facts.netns_ino = netns_ino;
	if (program)
		facts.program = *program;
	if (!addr_is_any(address->addr))
		__builtin_memcpy(s.addr, address->addr, 16);
	identity_of_facts(&s, &facts);
	return s.identity;
}

/* The workload of the current process: by matchers, else by the address that the socket is bound to
 * if its network namespace has that address, else by its other addresses. Call caller_learn
 * before. */
__weak __noinline int source_of_caller(struct bpf_sock_addr *ctx, __u64 generation)
{
	const struct weft_owner *owner;
	struct weft_mesh_key key = {};
	struct bpf_sock *sk = ctx->sk;
	__u32 identity;

	if (!sk)
		return 0;
	addr_of_sock(sk, key.addr);
	owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	identity = process_of_current(&key, owner ? &owner->program : NULL, netns_of_sock(sk),
				      generation);
	if (identity)
		return identity;
	if (addr_is_any(key.addr))
		return identity_of_netns(net_of_sock(sk), generation);
	return identity_in_net(&key, net_of_sock(sk), generation);
}

static __always_inline __u32 source_of_current(struct bpf_sock_addr *ctx, __u64 generation)
{
	caller_learn(ctx);
	return source_of_caller(ctx, generation);
}

/* The address that is actually connected to. */
static __always_inline void target_key(const struct mesh_request *request,
				       struct weft_mesh_key *ret_key)
{
	bool balanced = request->service && request->endpoint;

	__builtin_memcpy(ret_key->addr, balanced ? request->addr : request->key.addr, 16);
	ret_key->port = balanced ? request->port : request->key.port;
}

/* Sends the records of |a|. A separate function: before Linux 6.9 the frames of a call chain are
 * rounded up to multiples of 32 bytes, and their sum may be 512. */
__weak __noinline int verdicts_report(struct bpf_sock_addr *ctx, const struct mesh_request *request,
				      const struct authorize *a)
{
	struct bpf_sock *sk = ctx->sk;
	struct weft_verdict *v;
	bool denied;
	__u32 notes;

	if (!request || !a || !sk)
		return 0;
	denied = a->answer.action == WEFT_ACTION_DENY;
	notes = verdicts_of(a);
	for (__u32 i = 0; i < WEFT_POLICY_NOTES + 1; i++) {
		if (i >= notes + denied)
			break;
		v = lifecycle_reserve(weft_verdict, WEFT_EVENT_VERDICT);
		if (!v)
			continue;
		verdict_fill(v, a);
		if (i < notes)
			verdict_note(v, a, i);
		v->cookie = bpf_get_socket_cookie(ctx);
		verdict_tuple(&v->tuple, sk, request);
		caller_fill(&v->owner, sk);
		v->service = request->service ? request->service_state : WEFT_NUMBER_NONE;
		v->endpoint = request->endpoint ? request->endpoint_state : WEFT_NUMBER_NONE;
		v->place = WEFT_PLACE_CONNECT;
		v->protocol = request->key.protocol;
		v->isolated = request->isolated;
		bpf_ringbuf_submit(v, BPF_RB_NO_WAKEUP);
	}
	return 0;
}

/* A separate function, to save stack. */
__weak __noinline int target_of_request(const struct mesh_request *request, __u64 generation)
{
	struct weft_mesh_key key = {};

	if (!request)
		return 0;
	target_key(request, &key);
	return identity_of_addr(&key, generation);
}

static __always_inline void question_target(struct authorize *a, const struct mesh_request *request)
{
	bool balanced = request->service && request->endpoint;

	a->target = target_of_request(request, a->question.generation);
	a->question.target_port = balanced ? request->port : request->key.port;
	__builtin_memcpy(a->question.target_addr, balanced ? request->addr : request->key.addr, 16);
}

/* Decides by |generation|, for a process of the workload |source|. Returns a WEFT_ACTION_*. */
__weak __noinline int connect_authorize(struct bpf_sock_addr *ctx,
					const struct mesh_request *request, __u64 generation,
					__u32 source)
{
	struct authorize a = {.source = source, .question.generation = generation};
	struct bpf_sock *sk = ctx->sk;

	if (!request || !sk)
		return WEFT_ACTION_ALLOW;
	question_target(&a, request);
	addr_of_sock(sk, a.question.source_addr);
	if (addr_is_any(a.question.source_addr))
		__builtin_memset(a.question.source_addr, 0, 16);
	authorize_here(&a);
	if (a.answer.action == WEFT_ACTION_ALLOW || a.answer.action == WEFT_ACTION_DENY)
		verdicts_report(ctx, request, &a);
	return a.answer.action;
}

/* Whether a policy may apply to this connection at all. A separate function, to save stack. */
__weak __noinline int policies_watch(const struct mesh_request *request)
{
	__u64 generation = policies_generation();
	struct weft_mesh_key key = {};

	if (!generation || !request)
		return false;
	target_key(request, &key);
	return policies_concern(&key, generation) || policies_generation() != generation;
}

/* Returns WEFT_VERDICT_ALLOWED or WEFT_VERDICT_DENIED. Decides again if the generation changes. */
static __always_inline int policy_decide(struct bpf_sock_addr *ctx,
					 const struct mesh_request *request)
{
	int action = WEFT_ACTION_ALLOW;

	if (!policies_watch(request))
		return WEFT_VERDICT_ALLOWED;
	for (int i = 0; i < AUTHORIZE_TRIES; i++) {
		__u64 generation = policies_generation();

		if (!generation)
			return WEFT_VERDICT_ALLOWED;
		action = connect_authorize(ctx, request, generation,
					   source_of_current(ctx, generation));
		if (action != WEFT_ACTION_STALE)
			break;
	}
	return action == WEFT_ACTION_DENY ? WEFT_VERDICT_DENIED : WEFT_VERDICT_ALLOWED;
}

static __always_inline void talk_key_of(struct talk_key *key, const struct mesh_request *request)
{
	struct weft_mesh_key to = {};

	target_key(request, &to);
	__builtin_memcpy(key->addr, to.addr, 16);
	key->port = to.port;
	key->protocol = request->key.protocol;
}

/* Whether an allowed datagram came from there before. Separate functions, to save stack. */
static __noinline bool talk_is_answer(struct bpf_sock_addr *ctx, const struct mesh_request *request)
{
	struct bpf_sock *sk = ctx->sk;
	struct talk_key key = {};

	if (!sk || !policies_generation())
		return true;
	talk_key_of(&key, request);
	key.who = netns_of_sock(sk);
	key.local_port = sk->src_port;
	return talk_lives(bpf_map_lookup_elem(&weft_talk_in, &key));
}

static __noinline int talk_begin(const struct mesh_request *request)
{
	struct talk_key key = {.who = request->cookie};

	talk_key_of(&key, request);
	talk_go_on(&weft_talk_out, &key);
	return 0;
}

/* Returns a WEFT_VERDICT_*. Datagrams: an answer to a received datagram passes regardless of
 * policies for that direction; a datagram that a socket sends first opens the way for answers. */
static __always_inline int policy_connect(struct bpf_sock_addr *ctx,
					  const struct mesh_request *request)
{
	bool talks = is_datagram(request->key.protocol);
	int verdict;

	if (talks && talk_is_answer(ctx, request))
		return WEFT_VERDICT_ALLOWED;
	verdict = policy_decide(ctx, request);
	if (talks && verdict == WEFT_VERDICT_ALLOWED && request->cookie)
		talk_begin(request);
	return verdict;
}

/* Undoes what balancing counted. */
static __always_inline int denied(const struct mesh_request *request)
{
	struct weft_service_state *state;

	if (!request->service || request->isolated)
		return WEFT_VERDICT_DENIED;
	connect_taken_back(request);
	state = service_state(request->service_state);
	if (state)
		__sync_fetch_and_add(&state->denied, 1);
	return WEFT_VERDICT_DENIED;
}
