// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hook: cgroup connect4, connect6: a process connects a TCP or UDP socket. The address of a service
 * is replaced by that of an endpoint; if there is none, or the service's limits are reached, the
 * call fails at once and a VERDICT record is sent (it may be lost when the ring is full: counted).
 * Context: the process that connects; for TCP Fast Open its sendmsg. */
#include "bpf/lib/client.bpf.h"
#include "bpf/lib/binding.bpf.h"

/* ---- Multipath TCP */

/* Only for getpeername: the connection is counted with the kernel's subflow socket. */
static __always_inline void parent_remember(struct bpf_sock *sk, const struct mesh_request *request)
{
	struct mptcp_sock *parent = mptcp_parent(sk);
	struct mesh_pick *binding = NULL;

	if (parent)
		binding = bpf_sk_storage_get(&weft_picks, parent, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!binding)
		return;
	binding_fill(binding, request);
	binding->phase = BINDING_NONE;
}

static __always_inline void parent_forget(struct bpf_sock *sk)
{
	struct mptcp_sock *parent = mptcp_parent(sk);
	struct mesh_pick *binding = parent ? bpf_sk_storage_get(&weft_picks, parent, 0, 0) : NULL;

	if (binding)
		binding_clear(binding);
}

/* ---- bindings */

/* Without storage the connection goes on uncounted, and getpeername returns the endpoint. */
static __always_inline void binding_remember(struct bpf_sock *sk,
					     const struct mesh_request *request)
{
	struct mesh_pick *binding =
		bpf_sk_storage_get(&weft_picks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	connect_sent(request);
	if (binding) {
		binding_fill(binding, request);
		if (request->key.protocol == IPPROTO_TCP)
			parent_remember(sk, request);
		return;
	}
	if (request->entered)
		count_out(request->service_state, request->endpoint_state, false);
	count_lost(WEFT_LOST_STORAGE);
}

/* Clears what an earlier connect of this socket left: an attempt that ended before its SYN, or a
 * UDP socket that is connected again. */
static __always_inline void binding_forget(struct bpf_sock *sk)
{
	struct mesh_pick *binding = bpf_sk_storage_get(&weft_picks, sk, 0, 0);

	if (!binding)
		return;
	binding_clear(binding);
	parent_forget(sk);
}

/* Forgets the service that this socket's datagrams used at the address it is connected to now. */
static __noinline void datagrams_forget(struct bpf_sock_addr *ctx, struct bpf_sock *sk,
					const struct mesh_request *request)
{
	if (ctx->protocol == IPPROTO_UDP)
		requested_forget(bpf_sk_storage_get(&weft_picks, sk, 0, 0),
				 bpf_get_socket_cookie(ctx),
				 request->service ? request->addr : request->key.addr,
				 request->service ? request->port : request->key.port);
}

/* A WEFT_VERDICT_*. */
static __always_inline int connect_decide(struct bpf_sock_addr *ctx, struct bpf_sock *sk,
					  struct mesh_request *request)
{
	int verdict;

	request->counts = 1;
	request->isolated = net_is_isolated(net_of_sock(sk));
	verdict = client_decide(ctx, sk, request);
	if (verdict != WEFT_VERDICT_ALLOWED)
		verdict_send(ctx, sk, request, verdict);
	else if (policy_connect(ctx, request) != WEFT_VERDICT_ALLOWED)
		verdict = denied(request);
	else if (request->service)
		binding_remember(sk, request);
	return verdict;
}

static __always_inline int connect_look(struct bpf_sock_addr *ctx, bool v6)
{
	struct bpf_sock *sk = ctx->sk;
	struct mesh_request request = {};
	int verdict;

	if (!sk || !is_balanced(ctx))
		return 1;
	datagram_owner(ctx, sk);
	binding_forget(sk);
	request_fill(ctx, &request, v6);
	if (!mesh_concerns(&request)) {
		datagrams_forget(ctx, sk, &request);
		return 1;
	}
	verdict = connect_decide(ctx, sk, &request);
	if (verdict != WEFT_VERDICT_ALLOWED)
		return refuse(verdict);
	datagrams_forget(ctx, sk, &request);
	if (request.service)
		addr_put(ctx, request.addr, request.port, v6);
	return 1;
}

SEC("cgroup/connect4")
int mesh_connect4(struct bpf_sock_addr *ctx)
{
	return connect_look(ctx, false);
}

SEC("cgroup/connect6")
int mesh_connect6(struct bpf_sock_addr *ctx)
{
	return connect_look(ctx, true);
}
