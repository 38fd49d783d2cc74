/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 3: which workload a process or an address is: by matchers on the process, else by its
 * address. Cells of struct weft_mesh_identity; 0 = not known. */
#pragma once

#include "bpf/lib/conn.bpf.h"
#include "bpf/lib/mesh.bpf.h"

#define WHO_CGROUPS 12 /* levels below the root that are looked at */

/* What is known of a process. */
struct who {
	__u64 cgroups[WHO_CGROUPS]; /* from the root's child down; 0 ends the list */
	__u64 exe;		    /* weft_hash_name */
	__u32 netns_ino;
	__u32 uid;
	__u8 addr[16]; /* all 0: not known yet */
	__u64 generation;
	/* found */
	__u32 rank;
	__u32 identity;
};

static __always_inline bool addr_is_any(const __u8 addr[16])
{
	__u64 words[2];

	__builtin_memcpy(words, addr, 16);
	return !words[0] && (!words[1] || words[1] == bpf_cpu_to_be64(0xffff00000000ull));
}

static __always_inline bool who_is_below(const struct who *who, __u64 cgroup_id)
{
	bool below = false;

	for (int i = 0; i < WHO_CGROUPS; i++)
		below |= who->cgroups[i] == cgroup_id;
	return below;
}

/* The first |bits| of both are the same. */
static __always_inline bool prefix_holds(const __u8 prefix[16], __u32 bits, const __u8 addr[16])
{
	__u64 a[2], b[2], differ;

	__builtin_memcpy(a, prefix, 16);
	__builtin_memcpy(b, addr, 16);
	differ = bpf_be64_to_cpu(a[0] ^ b[0]);
	if (bits < 64)
		return !bits || !(differ >> (64 - bits));
	if (differ)
		return false;
	differ = bpf_be64_to_cpu(a[1] ^ b[1]);
	return bits == 64 || !(differ >> ((128 - bits) & 63));
}

static __always_inline bool matcher_holds(const struct weft_mesh_matcher *m, const struct who *who)
{
	if (m->wants & 1 << WEFT_MATCH_CGROUP && !who_is_below(who, m->cgroup_id))
		return false;
	if (m->wants & 1 << WEFT_MATCH_NETNS && m->netns_ino != who->netns_ino)
		return false;
	if (m->wants & 1 << WEFT_MATCH_EXE && m->exe != who->exe)
		return false;
	if (m->wants & 1 << WEFT_MATCH_UID && m->uid != who->uid)
		return false;
	if (m->kind != WEFT_MATCH_ADDRESS && !(m->wants & 1 << WEFT_MATCH_ADDRESS))
		return true;
	return !addr_is_any(who->addr) && prefix_holds(m->prefix, m->prefix_bits, who->addr);
}

/* Takes the best of the matchers that are found by |kind| and |value|. Global, so that the verifier
 * walks through it once. */
__weak __noinline int who_try(struct who *who, __u32 kind, __u64 value)
{
	const struct weft_mesh_matcher *found;
	struct mesh m;

	if (!who || !mesh_open(&m) || m.header->generation != who->generation)
		return 0;
	found = mesh_match(&m, kind, value);
	for (int i = 0; i < WEFT_MESH_MATCHERS && found; i++) {
		if (found->rank < who->rank && matcher_holds(found, who)) {
			who->rank = found->rank;
			who->identity = found->identity;
			return 0;
		}
		found = found->next ? mesh_cell(m.arena, found->next) : NULL;
	}
	return 0;
}

/* The workload at an address and, first of all, at that port of it. */
static __always_inline __u32 identity_of_addr(const struct mesh *m, const __u8 addr[16], __u16 port)
{
	struct weft_mesh_key key = {.port = port, .kind = WEFT_KEY_ADDRESS};
	const struct weft_mesh_address *found;

	__builtin_memcpy(key.addr, addr, 16);
	found = mesh_find(m, &m->header->addresses, &key);
	if (!found && port) {
		key.port = 0;
		found = mesh_find(m, &m->header->addresses, &key);
	}
	return found ? found->identity : 0;
}

__weak __noinline int identity_by_addr(struct who *who)
{
	struct mesh m;

	if (!who || !mesh_open(&m) || m.header->generation != who->generation ||
	    addr_is_any(who->addr))
		return 0;
	who->identity = identity_of_addr(&m, who->addr, 0);
	return 0;
}

/* In the generation |who->generation|; when that is in force no more: 0. */
static __always_inline __u32 identity_find(struct who *who)
{
	who->rank = ~0u;
	who->identity = 0;
	for (int i = 0; i < WHO_CGROUPS && who->cgroups[i]; i++)
		who_try(who, WEFT_MATCH_CGROUP, who->cgroups[i]);
	who_try(who, WEFT_MATCH_NETNS, who->netns_ino);
	who_try(who, WEFT_MATCH_EXE, who->exe);
	who_try(who, WEFT_MATCH_UID, who->uid);
	who_try(who, WEFT_MATCH_ADDRESS, 0);
	if (!who->identity)
		identity_by_addr(who);
	return who->identity;
}

/* Of the process: a socket's own is out of reach in most hooks. */
static __always_inline __u32 netns_of_current(void)
{
	const struct task_struct *task = (const struct task_struct *)bpf_get_current_task_btf();

	return BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
}

static __always_inline void who_fill_current(struct who *who)
{
	struct weft_owner owner = {};

	owner_fill(&owner, (struct task_struct *)bpf_get_current_task_btf());
	who->uid = owner.uid;
	who->exe = weft_hash_name(owner.exe);
	who->netns_ino = netns_of_current();
	for (int i = 0; i < WHO_CGROUPS; i++) {
		who->cgroups[i] = bpf_get_current_ancestor_cgroup_id(i + 1);
		if (!who->cgroups[i])
			return;
	}
}

/* The workload of the process that runs, whose socket is bound to |addr| (all 0: none). */
__weak __noinline int identity_of_current(const struct weft_mesh_key *addr, __u64 generation)
{
	struct who who = {.generation = generation};

	if (!addr)
		return 0;
	__builtin_memcpy(who.addr, addr->addr, 16);
	who_fill_current(&who);
	return identity_find(&who);
}
