/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: the owner of a socket, as far as programs at packets can see it. */
#pragma once

#include "bpf/lib/holders.bpf.h"

/* Of a Multipath TCP socket that is older than the agent, a walk recorded the owner with the socket
 * that the process holds. */
static __noinline struct weft_owner *owner_of_sock(struct bpf_sock *sk)
{
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	struct mptcp_sock *parent = owner ? NULL : mptcp_parent(sk);

	return parent ? bpf_sk_storage_get(&weft_owners, parent, 0, 0) : owner;
}

/* The same for its current holders. */
static __noinline struct holders *holders_of_sock(struct bpf_sock *sk)
{
	struct holders *holders = bpf_sk_storage_get(&weft_holders, sk, 0, 0);
	struct mptcp_sock *parent = holders ? NULL : mptcp_parent(sk);

	return parent ? bpf_sk_storage_get(&weft_holders, parent, 0, 0) : holders;
}

static __always_inline void facts_of_sock(struct bpf_sock *sk, struct identity_facts *f)
{
	struct weft_owner *owner = owner_of_sock(sk);

	for (int i = 0; i < IDENTITY_CGROUPS; i++)
		f->cgroups[i] = bpf_sk_ancestor_cgroup_id(sk, i + 1);
	f->uid = WEFT_NUMBER_NONE;
	f->netns_ino = netns_of_sock(sk);
	if (!owner)
		return;
	f->program = owner->program;
	f->uid = owner->uid;
}
