// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hooks on sockets that balancing bound to an endpoint: sockops and cgroup sock_release uncount
 * their connections; cgroup getpeername4, getpeername6 return the address that the process asked
 * for. Emit nothing, lose nothing: the kernel always runs control group hooks, while it skips a
 * tracepoint program that would interrupt itself. */
#include "bpf/lib/sock_addr.bpf.h"
#include "bpf/lib/binding.bpf.h"

/* The SYN is about to be sent: from now on state changes tell when the connection ends. */
static __always_inline void connecting(struct bpf_sock_ops *ops, struct mesh_pick *binding)
{
	binding_advance(binding, BINDING_SELECTED, BINDING_CONNECTING);
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

SEC("sockops")
int mesh_state(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;
	struct mesh_pick *binding;

	if (!sk || (ops->op != BPF_SOCK_OPS_TCP_CONNECT_CB && ops->op != BPF_SOCK_OPS_STATE_CB))
		return 1;
	binding = bpf_sk_storage_get(&weft_picks, sk, 0, 0);
	if (!binding)
		return 1;
	if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		connecting(ops, binding);
	else if (ops->args[1] == BPF_TCP_ESTABLISHED)
		binding_advance(binding, BINDING_CONNECTING, BINDING_ESTABLISHED);
	else if (ops->args[1] == BPF_TCP_CLOSE)
		binding_end(binding, binding->phase != BINDING_ESTABLISHED);
	return 1;
}

/* A connected TCP socket may outlive its release: its state tells when it ends. */
SEC("cgroup/sock_release")
int mesh_release(struct bpf_sock *sk)
{
	struct mesh_pick *binding = bpf_sk_storage_get(&weft_picks, sk, 0, 0);

	if (binding && binding->phase == BINDING_SELECTED)
		binding_end(binding, false);
	return 1;
}

static __always_inline const struct mesh_pick *peer_binding(struct bpf_sock_addr *ctx,
							    const __u8 addr[16])
{
	struct bpf_sock *sk = ctx->sk;
	const struct mesh_pick *binding = sk ? bpf_sk_storage_get(&weft_picks, sk, 0, 0) : NULL;

	if (!binding || !binding_is_to(binding, addr, bpf_ntohs((__u16)ctx->user_port)))
		return NULL;
	return binding;
}

static __always_inline int peer_look(struct bpf_sock_addr *ctx, bool v6)
{
	const struct mesh_pick *binding;
	__u8 addr[16];

	addr_get(ctx, addr, v6);
	binding = peer_binding(ctx, addr);
	if (binding)
		addr_put(ctx, binding->asked_addr, binding->asked_port, v6);
	return 1;
}

SEC("cgroup/getpeername4")
int mesh_peer4(struct bpf_sock_addr *ctx)
{
	return peer_look(ctx, false);
}

SEC("cgroup/getpeername6")
int mesh_peer6(struct bpf_sock_addr *ctx)
{
	return peer_look(ctx, true);
}
