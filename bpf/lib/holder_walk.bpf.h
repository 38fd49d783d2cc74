/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: what is known of the process that holds a socket, for walks over sockets. */
#pragma once

#include "bpf/lib/identity.bpf.h"

#define HOLDER_CGROUPS 16 /* levels of a tree that is walked up */

/* A program of its own, so that it is verified once for any |cgroup|. */
__weak __noinline int cgroups_of(__u64 cgroup, struct identity_facts *f)
{
	struct cgroup *at = (void *)cgroup;

	if (!f)
		return 0;
	for (int i = 0; i < HOLDER_CGROUPS && at; i++) {
		__u32 below = (__u32)BPF_CORE_READ(at, level) - 1;

		asm volatile("" : "+r"(below));
		if (below < IDENTITY_CGROUPS)
			f->cgroups[below] = BPF_CORE_READ(at, kn, id);
		at = BPF_CORE_READ(at, self.parent, cgroup);
	}
	return 0;
}

/* As a number: functions that are verified by themselves take no pointer to it. */
static __always_inline __u64 holder_net(const struct sock *sk)
{
	return (__u64)BPF_CORE_READ(sk, __sk_common.skc_net.net);
}

/* |owner| may be NULL: it is not known. */
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
