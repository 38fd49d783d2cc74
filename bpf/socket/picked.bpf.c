// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hooks on sockets that balancing bound to an endpoint: sockops and cgroup sock_release uncount
 * their connections; cgroup getpeername4, getpeername6 return the address that the process asked
 * for. Emit nothing, lose nothing: the kernel always runs control group hooks, while it skips a
 * tracepoint program that would interrupt itself. */
#include "bpf/lib/ask.bpf.h"
#include "bpf/lib/pick.bpf.h"

/* The SYN is about to be sent: from now on state changes tell when the connection ends. */
static __always_inline void connecting(struct bpf_sock_ops *ops, struct mesh_pick *pick)
{
	pick_advance(pick, PICK_CHOSEN, PICK_CONNECTING);
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

SEC("sockops")
int mesh_state(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;
	struct mesh_pick *pick;

	if (!sk || (ops->op != BPF_SOCK_OPS_TCP_CONNECT_CB && ops->op != BPF_SOCK_OPS_STATE_CB))
		return 1;
	pick = bpf_sk_storage_get(&weft_picks, sk, 0, 0);
	if (!pick)
		return 1;
	if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		connecting(ops, pick);
	else if (ops->args[1] == BPF_TCP_ESTABLISHED)
		pick_advance(pick, PICK_CONNECTING, PICK_ESTABLISHED);
	else if (ops->args[1] == BPF_TCP_CLOSE)
		pick_end(pick, pick->phase != PICK_ESTABLISHED);
	return 1;
}

/* A connected TCP socket may outlive its release: its state tells when it ends. */
SEC("cgroup/sock_release")
int mesh_release(struct bpf_sock *sk)
{
	struct mesh_pick *pick = bpf_sk_storage_get(&weft_picks, sk, 0, 0);

	if (pick && pick->phase == PICK_CHOSEN)
		pick_end(pick, false);
	return 1;
}

static __always_inline const struct mesh_pick *peer_pick(struct bpf_sock_addr *ctx,
							 const __u8 addr[16])
{
	struct bpf_sock *sk = ctx->sk;
	const struct mesh_pick *pick = sk ? bpf_sk_storage_get(&weft_picks, sk, 0, 0) : NULL;

	if (!pick || !pick_is_to(pick, addr, bpf_ntohs((__u16)ctx->user_port)))
		return NULL;
	return pick;
}

static __always_inline int peer_look(struct bpf_sock_addr *ctx, bool v6)
{
	const struct mesh_pick *pick;
	__u8 addr[16];

	addr_get(ctx, addr, v6);
	pick = peer_pick(ctx, addr);
	if (pick)
		addr_put(ctx, pick->asked_addr, pick->asked_port, v6);
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
