// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hook: cgroup sendmsg4, sendmsg6, recvmsg4, recvmsg6: datagrams with an address, on UDP sockets
 * that may be unconnected. A datagram to a service goes to an endpoint, which stays the same for a
 * socket while it is usable; a datagram from that endpoint gets the service's address, unless the
 * socket's latest datagram to that endpoint used its own address. VERDICT records as at connect. */
#include "bpf/lib/client.bpf.h"
#include "bpf/lib/binding.bpf.h"

/* Stores the service address for replies. The flag saves other sockets the lookup. */
static __noinline void requested_remember(struct bpf_sock *sk, const struct mesh_request *request)
{
	struct mesh_pick *binding =
		bpf_sk_storage_get(&weft_picks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	struct asked_key key = {};

	connect_sent(request);
	if (!binding) {
		count_lost(WEFT_LOST_STORAGE);
		return;
	}
	if (!binding->asked && binding_is_for(binding, request))
		return;
	requested_key_fill(&key, request->cookie, request->addr, request->port);
	requested_put(&key, request->key.addr, request->key.port);
	binding->asked = 1;
}

/* A datagram to an address that is no service's: replies from there are not translated. */
static __noinline void requested_directly(struct bpf_sock *sk, const struct mesh_request *request,
					  __u64 cookie)
{
	struct mesh_pick *binding = bpf_sk_storage_get(&weft_picks, sk, 0, 0);
	struct asked_key key = {};

	if (!binding)
		return;
	requested_key_fill(&key, cookie, request->key.addr, request->key.port);
	if (binding_is_to(binding, request->key.addr, request->key.port)) {
		requested_put(&key, request->key.addr, request->key.port);
		binding->asked = 1;
	} else if (binding->asked) {
		bpf_map_delete_elem(&weft_asked, &key);
	}
}

/* A connected socket that sends to its service once more keeps its endpoint: it would not receive
 * from another one. Fills |request| as a decision does; false: it is not connected to this service.
 */
static __noinline bool connected_already(struct bpf_sock *sk, struct mesh_request *request)
{
	const struct mesh_pick *binding = bpf_sk_storage_get(&weft_picks, sk, 0, 0);
	__u8 peer[16];
	__u16 port;

	if (!binding || binding->phase != BINDING_SELECTED ||
	    binding->asked_port != request->key.port ||
	    !addr_is(binding->asked_addr, request->key.addr))
		return false;
	port = peer_of_sock(sk, peer);
	if (!binding_is_to(binding, peer, port))
		return false;
	request->service = request->endpoint =
		MESH_NONE; /* not cells: an earlier generation decided */
	request->service_state = binding->service;
	request->endpoint_state = binding->endpoint;
	__builtin_memcpy(request->addr, binding->endpoint_addr, 16);
	request->port = binding->endpoint_port;
	return true;
}

/* A WEFT_VERDICT_*. */
static __always_inline int send_decide(struct bpf_sock_addr *ctx, struct bpf_sock *sk,
				       struct mesh_request *request)
{
	int verdict;

	request->cookie = bpf_get_socket_cookie(ctx);
	request->isolated = net_is_isolated(net_of_sock(sk));
	verdict = connected_already(sk, request) ? WEFT_VERDICT_ALLOWED
						 : client_decide(ctx, sk, request);
	if (verdict != WEFT_VERDICT_ALLOWED)
		verdict_send(ctx, sk, request, verdict);
	else if (policy_connect(ctx, request) != WEFT_VERDICT_ALLOWED)
		verdict = denied(request);
	else if (request->service)
		requested_remember(sk, request);
	else
		requested_directly(sk, request, request->cookie);
	return verdict;
}

static __always_inline int send_look(struct bpf_sock_addr *ctx, bool v6)
{
	struct bpf_sock *sk = ctx->sk;
	struct mesh_request request = {};
	int verdict;

	if (!sk || !is_balanced(ctx))
		return 1;
	datagram_owner(ctx, sk);
	request_fill(ctx, &request, v6);
	if (!mesh_concerns(&request)) {
		requested_directly(sk, &request, bpf_get_socket_cookie(ctx));
		return 1;
	}
	verdict = send_decide(ctx, sk, &request);
	if (verdict != WEFT_VERDICT_ALLOWED)
		return refuse(verdict);
	if (request.service)
		addr_put(ctx, request.addr, request.port, v6);
	return 1;
}

SEC("cgroup/sendmsg4")
int mesh_sendmsg4(struct bpf_sock_addr *ctx)
{
	return send_look(ctx, false);
}

SEC("cgroup/sendmsg6")
int mesh_sendmsg6(struct bpf_sock_addr *ctx)
{
	return send_look(ctx, true);
}

/* Whether a datagram from |*addr|, |*port| is a reply to one that was sent to a service: then they
 * are replaced by the service's. */
static __always_inline bool reply_unmask(struct bpf_sock_addr *ctx, __u8 addr[16], __u16 *port)
{
	struct bpf_sock *sk = ctx->sk;
	struct mesh_pick *binding = sk ? bpf_sk_storage_get(&weft_picks, sk, 0, 0) : NULL;
	struct asked_key key = {};
	const struct asked *asked = NULL;

	if (!binding)
		return false;
	if (binding->asked) {
		requested_key_fill(&key, bpf_get_socket_cookie(ctx), addr, *port);
		asked = bpf_map_lookup_elem(&weft_asked, &key);
	}
	if (asked) {
		__builtin_memcpy(addr, asked->addr, 16);
		*port = asked->port;
		return true;
	}
	if (!binding_is_to(binding, addr, *port))
		return false;
	__builtin_memcpy(addr, binding->asked_addr, 16);
	*port = binding->asked_port;
	return true;
}

static __always_inline int receive_look(struct bpf_sock_addr *ctx, bool v6)
{
	__u16 port = bpf_ntohs((__u16)ctx->user_port);
	__u8 addr[16];

	addr_get(ctx, addr, v6);
	if (reply_unmask(ctx, addr, &port))
		addr_put(ctx, addr, port, v6);
	return 1;
}

SEC("cgroup/recvmsg4")
int mesh_recvmsg4(struct bpf_sock_addr *ctx)
{
	return receive_look(ctx, false);
}

SEC("cgroup/recvmsg6")
int mesh_recvmsg6(struct bpf_sock_addr *ctx)
{
	return receive_look(ctx, true);
}
