/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: facts about the process that holds a socket, for walks over sockets. */
#pragma once

#include "bpf/lib/identity.bpf.h"

/* The id of the ancestor of |cgroup| at |level|, at any depth. */
static __always_inline __u64 ancestor_id(struct cgroup *cgroup, int level)
{
	struct cgroup___before_6_1 *old = (void *)cgroup;
	struct cgroup *at;

	if (!bpf_core_field_exists(cgroup->ancestors))
		return BPF_CORE_READ(old, ancestor_ids[level]);
	at = BPF_CORE_READ(cgroup, ancestors[level]);
	return BPF_CORE_READ(at, kn, id);
}

/* A global function, so that it is verified once for any |cgroup|. */
__weak __noinline int cgroups_of(__u64 cgroup, struct identity_facts *f)
{
	struct cgroup *own = (void *)cgroup;
	int levels;

	if (!f || !own)
		return 0;
	levels = BPF_CORE_READ(own, level);
	for (int i = 0; i < IDENTITY_CGROUPS && i < levels; i++)
		f->cgroups[i] = ancestor_id(own, i + 1);
	return 0;
}

/* As a number: global functions take no pointer to a struct net. */
static __always_inline __u64 holder_net(const struct sock *sk)
{
	return (__u64)BPF_CORE_READ(sk, __sk_common.skc_net.net);
}

/* |owner| may be NULL: not known. */
static __always_inline void holder_facts(struct sock *sk, const struct weft_owner *owner,
					 struct identity_facts *f)
{
	cgroups_of((__u64)BPF_CORE_READ(sk, sk_cgrp_data.cgroup), f);
	f->netns_ino = sk->__sk_common.skc_net.net->ns.inum;
	f->uid = WEFT_NUMBER_NONE;
	if (!owner)
		return;
	f->program = owner->program;
	f->uid = owner->uid;
}
