// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hook: cgroup post_bind4, post_bind6: who binds a UDP socket holds it, as who listens holds one of
 * TCP. Emits nothing, refuses nothing. Context: the process that binds. */
#include "bpf/lib/conn.bpf.h"
#include "bpf/lib/talk.bpf.h"

static __always_inline int bound(struct bpf_sock *sk)
{
	struct weft_owner *owner;

	if (!is_datagram(sk->protocol))
		return 1;
	owner = bpf_sk_storage_get(&weft_owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (owner)
		owner_of_current(owner);
	return 1;
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
