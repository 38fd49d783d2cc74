// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hooks on sockets that balancing sent somewhere: tp_btf inet_sock_set_state and cgroup
 * sock_release count their connections out; cgroup getpeername4, getpeername6 tell the process the
 * address that it asked for. Emit nothing, lose nothing. */
#include "bpf/lib/ask.bpf.h"
#include "bpf/lib/pick.bpf.h"

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(mesh_state, struct sock *sk, int old_state, int new_state)
{
	struct mesh_pick *pick;

	if (!sock_is_tcp(sk))
		return 0;
	pick = bpf_sk_storage_get(&weft_picks, sk, 0, 0);
	if (!pick)
		return 0;
	if (new_state == TCP_SYN_SENT)
		pick_advance(pick, PICK_CHOSEN, PICK_CONNECTING);
	else if (new_state == TCP_ESTABLISHED)
		pick_advance(pick, PICK_CONNECTING, PICK_ESTABLISHED);
	else if (new_state == TCP_CLOSE)
		pick_end(pick, pick->phase != PICK_ESTABLISHED);
	return 0;
}

/* TCP sockets that are connected live on: their state says when they end. */
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
