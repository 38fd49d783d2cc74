// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hook: cgroup post_bind4, post_bind6, sock_create: the process that binds a UDP socket becomes its
 * owner, as the one that listens does for TCP; of UDP-Lite it is the process that creates the
 * socket, as no hook sees those connect. A bind requests a walk over holders (holders.bpf.c). Emits
 * nothing else, refuses nothing. Context: the process that binds or creates the socket. */
#include "bpf/lib/conn.bpf.h"
#include "bpf/lib/holders.bpf.h"
#include "bpf/lib/talk.bpf.h"

static __always_inline int hold(struct bpf_sock *sk)
{
	struct weft_owner *owner;

	owner = bpf_sk_storage_get(&weft_owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (owner)
		owner_learn(owner);
	return 1;
}

/* A daemon often changes its user after it has bound its sockets, so a walk is requested. */
static __always_inline int bound(struct bpf_sock *sk)
{
	binder_add(bpf_get_current_pid_tgid() >> 32);
	holders_stir();
	return is_datagram(sk->protocol) ? hold(sk) : 1;
}

SEC("cgroup/post_bind4")
int mesh_bound4(struct bpf_sock *sk)
{
	return bound(sk);
}

SEC("cgroup/post_bind6")
int mesh_bound6(struct bpf_sock *sk)
{
	return bound(sk);
}

SEC("cgroup/sock_create")
int mesh_created(struct bpf_sock *sk)
{
	return sk->protocol == IPPROTO_UDPLITE ? hold(sk) : 1;
}
