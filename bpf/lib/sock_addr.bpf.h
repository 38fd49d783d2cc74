/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 6: what the socket address hooks (cgroup connect, sendmsg, recvmsg, getpeername) have in
 * common: the request that is made of a call, the caller, and refusals. */
#pragma once

#include "bpf/lib/conn.bpf.h"
#include "bpf/lib/decide.bpf.h"

#define EPERM	     1
#define ECONNREFUSED 111

/* ---- addresses of the hook's context */

static __always_inline void addr_of_v4(const struct bpf_sock_addr *ctx, __u8 ret_addr[16])
{
	addr_from_v4(ret_addr, ctx->user_ip4);
}

static __always_inline void addr_of_v6(const struct bpf_sock_addr *ctx, __u8 ret_addr[16])
{
	__u32 words[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

	__builtin_memcpy(ret_addr, words, 16);
}

static __always_inline void addr_put_v4(struct bpf_sock_addr *ctx, const __u8 addr[16], __u16 port)
{
	__u32 word;

	__builtin_memcpy(&word, addr + 12, 4);
	ctx->user_ip4 = word;
	ctx->user_port = bpf_htons(port);
}

static __always_inline void addr_put_v6(struct bpf_sock_addr *ctx, const __u8 addr[16], __u16 port)
{
	__u32 words[4];

	__builtin_memcpy(words, addr, 16);
	ctx->user_ip6[0] = words[0];
	ctx->user_ip6[1] = words[1];
	ctx->user_ip6[2] = words[2];
	ctx->user_ip6[3] = words[3];
	ctx->user_port = bpf_htons(port);
}

/* The same for a hook of either family; |v6| is a constant, because a program may only access the
 * fields of its own family. */
static __always_inline void addr_get(const struct bpf_sock_addr *ctx, __u8 addr[16], bool v6)
{
	if (v6)
		addr_of_v6(ctx, addr);
	else
		addr_of_v4(ctx, addr);
}

static __always_inline void addr_put(struct bpf_sock_addr *ctx, const __u8 addr[16], __u16 port,
				     bool v6)
{
	if (v6)
		addr_put_v6(ctx, addr, port);
	else
		addr_put_v4(ctx, addr, port);
}

static __always_inline bool addr_is_any(const __u8 addr[16])
{
	__u64 words[2];

	__builtin_memcpy(words, addr, 16);
	return !words[0] && (!words[1] || words[1] == bpf_cpu_to_be64(0xffff00000000ull));
}

/* ---- the request */

/* Services are TCP or UDP; policy also applies to UDP-Lite. */
static __always_inline bool is_balanced(const struct bpf_sock_addr *ctx)
{
	return ctx->protocol == IPPROTO_TCP || ctx->protocol == IPPROTO_UDP ||
	       ctx->protocol == IPPROTO_UDPLITE;
}

/* Records the owner of a socket that sends datagrams. For TCP the state tracepoint does. */
static __always_inline void datagram_owner(struct bpf_sock_addr *ctx, struct bpf_sock *sk)
{
	struct weft_owner *owner;

	if (ctx->protocol == IPPROTO_TCP)
		return;
	owner = bpf_sk_storage_get(&weft_owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (owner && owner->pid != (__u32)(bpf_get_current_pid_tgid() >> 32))
		owner_learn(owner);
}

/* Where matchers match programs: records with the socket which program connects or sends now. A
 * separate function, called where little else is on the stack. */
__weak __noinline int caller_learn(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct weft_owner *owner;

	if (!sk || !mesh_asks_programs())
		return 0;
	owner = bpf_sk_storage_get(&weft_owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (owner)
		owner_learn(owner);
	return 0;
}

/* The owner for a record, with the program if the socket has it. */
static __always_inline void caller_fill(struct weft_owner *out, struct bpf_sock *sk)
{
	const struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);

	owner_of_current(out);
	if (owner)
		out->program = owner->program;
}

static __always_inline void request_fill(const struct bpf_sock_addr *ctx,
					 struct mesh_request *request, bool v6)
{
	addr_get(ctx, request->key.addr, v6);
	request->key.port = bpf_ntohs((__u16)ctx->user_port);
	request->key.protocol = ctx->protocol;
	request->key.kind = WEFT_KEY_FRONT;
	request->can_v4 = !v6 || mesh_addr_is_v4(request->key.addr);
	request->can_v6 = !request->can_v4;
}

/* The only check for a call that does not concern the mesh. */
static __always_inline bool mesh_concerns(const struct mesh_request *request)
{
	struct mesh m;

	if (!mesh_open(&m))
		return false;
	return m.header->flags & WEFT_MESH_POLICIES ||
	       mesh_find(&m, &m.header->fronts, &request->key);
}

/* ---- local and peer address */

/* The address that the socket is bound to, all 0: none. Both families are read in any case: for
 * loads in branches the compiler emits pointer arithmetic that the verifier refuses. */
static __always_inline void addr_of_sock(const volatile struct bpf_sock *sk, __u8 ret_addr[16])
{
	__u32 v4 = sk->src_ip4;
	__u32 v6[4] = {sk->src_ip6[0], sk->src_ip6[1], sk->src_ip6[2], sk->src_ip6[3]};

	if (sk->family == AF_INET6)
		__builtin_memcpy(ret_addr, v6, 16);
	else
		addr_from_v4(ret_addr, v4);
}

/* The address and, as result, the port of the peer. */
static __always_inline __u16 peer_of_sock(const volatile struct bpf_sock *sk, __u8 ret_addr[16])
{
	__u32 v4 = sk->dst_ip4;
	__u32 v6[4] = {sk->dst_ip6[0], sk->dst_ip6[1], sk->dst_ip6[2], sk->dst_ip6[3]};

	if (sk->family == AF_INET6)
		__builtin_memcpy(ret_addr, v6, 16);
	else
		addr_from_v4(ret_addr, v4);
	return bpf_ntohs(sk->dst_port);
}

/* ---- refusal */

/* The network namespace of the process: that of the socket is out of reach in these hooks. */
static __always_inline __u32 netns_of_current(void)
{
	const struct task_struct *task = (const struct task_struct *)bpf_get_current_task_btf();

	return BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
}

static __always_inline void verdict_tuple(struct weft_tuple *t, const struct bpf_sock *sk,
					  const struct mesh_request *request)
{
	__builtin_memcpy(t->remote_addr, request->key.addr, 16);
	t->remote_port = request->key.port;
	addr_of_sock(sk, t->local_addr);
	t->local_port = sk->src_port;
	t->netns_ino = netns_of_current();
}

static __always_inline void verdict_send(struct bpf_sock_addr *ctx, struct bpf_sock *sk,
					 const struct mesh_request *request, int verdict)
{
	struct weft_verdict *v = lifecycle_reserve(weft_verdict, WEFT_EVENT_VERDICT);

	if (!v)
		return;
	v->cookie = bpf_get_socket_cookie(ctx);
	v->generation = request->generation;
	verdict_tuple(&v->tuple, sk, request);
	caller_fill(&v->owner, sk);
	v->policy = v->source = v->target = WEFT_NUMBER_NONE;
	v->service = request->service_state;
	v->endpoint = request->endpoint ? request->endpoint_state : WEFT_NUMBER_NONE;
	v->verdict = verdict;
	v->place = WEFT_PLACE_CONNECT;
	v->protocol = request->key.protocol;
	v->isolated = request->isolated;
	bpf_ringbuf_submit(v, BPF_RB_NO_WAKEUP);
}

/* The hook's return value. Before Linux 6.1, which brought bpf_set_retval to these hooks (detected
 * by another helper of that release), every refusal is EPERM. */
static __always_inline int refuse(int verdict)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_user_ringbuf_drain))
		bpf_set_retval(verdict == WEFT_VERDICT_DENIED ? -EPERM : -ECONNREFUSED);
	return 0;
}
